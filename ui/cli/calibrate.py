"""`ragapp calibrate`: when to refuse, fitted on a collection's own questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.figures import print_aligned
from ui.cli.printing import print_json, print_line, reported_errors

if TYPE_CHECKING:
    from ragapp import Calibration


QuestionsArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE.jsonl]",
        help="As `eval make` writes them. Default: the collection's own set, made if need be.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    float,
    typer.Option(
        "--target-false-abstention",
        metavar="SHARE",
        help="Refuse at most this share of the answerable questions.",
    ),
]
ResetOption = Annotated[
    bool, typer.Option("--reset", help="Go back to the default fit; fit nothing.")
]


@app.command()
def calibrate(
    questions: QuestionsArgument = None,
    *,
    target: TargetOption = 0.05,
    reset: ResetOption = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit when to refuse on questions, answerable and not; used by `ask` from then on."""
    with reported_errors(as_json=as_json):
        from ragapp import forget_calibration, keep_questions, labelled_questions, open_rag

        with open_rag(collection) as rag:
            if reset:
                was_there = forget_calibration(rag.settings.collection)
                if as_json:
                    print_json({"removed": was_there})
                else:
                    print_line("back to the default fit" if was_there else "there was none")
                return
            path = questions or keep_questions(rag, n_questions=200)
            found = rag.calibrate(labelled_questions(rag, path), target=target)
        if as_json:
            print_json({"questions": str(path), **found.to_dict()})
        else:
            _print(found, path)


def _print(found: Calibration, path: Path) -> None:
    new, old = found.measured, found.default
    print_line(
        f"fitted on {new.n_answerable} answerable and {new.n_unanswerable} unanswerable questions "
        f"of {path}, measured on those that each fit did not see"
    )
    print_aligned(
        [
            ["", "default fit", "calibrated"],
            ["AUROC", f"{old.auroc:.3f}", f"{new.auroc:.3f}"],
            [
                "unanswerable refused at 5 % false refusals",
                f"{old.refused_at_5 or 0.0:.3f}",
                f"{new.refused_at_5 or 0.0:.3f}",
            ],
            ["mean risk over all coverages", f"{old.area:.3f}", f"{new.area:.3f}"],
            *(
                [f"risk where {coverage:.0%} are answered", f"{before:.3f}", f"{after:.3f}"]
                for (coverage, before), (_, after) in zip(old.curve, new.curve, strict=True)
                if round(coverage * 100) in (25, 50, 75, 100)
            ),
        ]
    )
    print_line(
        f"answers are refused below {found.threshold:.3f}: {found.false_abstention:.1%} of the "
        f"answerable and {found.refused:.1%} of the unanswerable questions"
    )
