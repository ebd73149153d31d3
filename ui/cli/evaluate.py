"""`ragapp eval run|make|list|compare`: figures of retrieval and answers on question sets."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.figures import main_figures, print_aligned, print_comparison, print_run
from ui.cli.printing import print_json, print_line, progress_bar, reported_errors

if TYPE_CHECKING:
    from ragapp import EvaluationRun


class _RunByDefault(TyperGroup):
    """A group in which `eval DIR` means `eval run DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put "run" before what is neither a command nor a call for help."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


eval_app = typer.Typer(
    cls=_RunByDefault,
    help="Measure retrieval and answers on questions with known answers; `eval DIR` runs DIR.",
    no_args_is_help=True,
)
app.add_typer(eval_app, name="eval")


SystemsOption = Annotated[
    str,
    typer.Option(
        help="hybrid, dense, lexical, hybrid+rerank; the others are compared to the first. "
        "Default: the one in force.",
        show_default=False,
    ),
]
AnswersOption = Annotated[
    bool, typer.Option("--answers", help="Judge the engine's answers and citations too.")
]
DistractorsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON Lines of further passages for a DIR.")
]
MaxDistractorsOption = Annotated[
    int | None, typer.Option(min=1, help="How many of them to take.", show_default=False)
]
UnanswerableOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON Lines of questions a DIR can't answer.")
]
CacheOption = Annotated[bool, typer.Option(help="Keep a DIR's passages for later runs.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page of the run.")
]
SaveOption = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Write the run, for eval compare.")
]


@eval_app.command()
def run(  # noqa: PLR0913  (a command's options)
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE.jsonl", help="Passages and questions, or questions alone."
        ),
    ],
    *,
    systems: SystemsOption = "",
    answers: AnswersOption = False,
    distractors: DistractorsOption = None,
    max_distractors: MaxDistractorsOption = None,
    unanswerable: UnanswerableOption = None,
    cache: CacheOption = True,
    report: ReportOption = None,
    save: SaveOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask questions with known answers and print figures with 95 % intervals.

    DIR holds corpus.jsonl, queries.jsonl and qrels.tsv; its passages are ingested into a collection
    of their own. FILE.jsonl holds questions on your collection, where its run is kept.
    """
    with reported_errors(as_json=as_json):
        _check_folders(report, save)
        with progress_bar(is_shown=sys.stderr.isatty() and not as_json) as move:
            found = _run(
                questions,
                {
                    "distractors": distractors,
                    "max_distractors": max_distractors,
                    "unanswerable": unanswerable,
                    "is_cached": cache,
                },
                collection,
                {"systems": _listed(systems), "has_answers": answers, "on_progress": move},
            )
        _deliver(found, report=report, save=save, as_json=as_json)


def _listed(names: str) -> list[str]:
    return [name for name in names.split(",") if name.strip()]


def _check_folders(*files: Path | None) -> None:
    """Say before the work, not after it, that a result could not be written."""
    for file in filter(None, files):
        if not file.parent.is_dir():
            raise typer.BadParameter(f"{str(file)!r} cannot be written: make its folder first")


def _run(
    questions: Path,
    folder_options: dict[str, Any],
    collection: Path | None,
    options: dict[str, Any],
) -> EvaluationRun:
    """Run a folder, or a file on the collection, where the run is kept."""
    if questions.suffix != ".jsonl" or questions.is_dir():
        from ingest import evaluate_folder

        return evaluate_folder(questions, **folder_options, **options)
    if folder_options != {**dict.fromkeys(folder_options), "is_cached": True}:
        raise typer.BadParameter("--distractors, --unanswerable and --no-cache go with a DIR alone")
    from ragapp import evaluate_questions, keep_run, open_rag

    with open_rag(collection) as rag:
        found = evaluate_questions(rag, questions, **options)
        keep_run(found, rag.settings.collection)
    return found


def _deliver(
    found: EvaluationRun, *, report: Path | None, save: Path | None, as_json: bool
) -> None:
    from ragapp import render_report, save_run, write_whole

    if save is not None:
        save_run(found, save)
    if report is not None:
        write_whole(report, render_report(found))
    if as_json:
        print_json(found.to_dict(has_questions=False))
    else:
        print_run(found)


@eval_app.command()
def make(
    file: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="The file to write.")],
    *,
    n_questions: Annotated[int, typer.Option("--questions", min=1, help="How many at most.")] = 100,
    unanswerable_share: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="The share of unanswerable ones.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Another seed draws other questions.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make questions, to be edited, of the collection's titles, headings, definitions, numbers."""
    with reported_errors(as_json=as_json):
        from ragapp import make_questions, open_rag, write_questions

        with open_rag(collection) as rag:
            made = make_questions(
                rag, n_questions=n_questions, unanswerable_share=unanswerable_share, seed=seed
            )
        write_questions(file, made, is_forced=force)
        kinds = dict(Counter(question.kind for question in made))
        if as_json:
            print_json({"path": str(file), "questions": len(made), "kinds": kinds})
        else:
            listed = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
            print_line(f"{len(made)} questions written to {file}: {listed}")


@eval_app.command("list")
def list_command(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """List the runs that are kept in the collection, the oldest first."""
    with reported_errors(as_json=as_json):
        from ragapp import list_runs, open_rag

        with open_rag(collection) as rag:
            runs = list_runs(rag.settings.collection)
        if as_json:
            print_json({"runs": [found.to_dict(has_questions=False) for found in runs]})
            return
        rows = [[found.id, found.made_at, found.name, main_figures(found)] for found in runs]
        print_aligned([["id", "made at", "questions", "figures"], *rows])
        print_line(f"{len(runs)} runs")


@eval_app.command()
def compare(
    before: Annotated[str, typer.Argument(help="A run's id, its beginning, or its file.")],
    after: Annotated[str, typer.Argument(help="The run to compare with it.")],
    *,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Exit with 1 when a metric fell by more than its interval."),
    ] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs question by question: what rose, what fell, which questions got worse."""
    with reported_errors(as_json=as_json):
        from ragapp import compare_runs, load_run, open_rag

        with open_rag(collection) as rag:
            kept = rag.settings.collection
            found = compare_runs(load_run(before, kept), load_run(after, kept))
        if as_json:
            print_json(found.to_dict())
        else:
            print_comparison(found)
        if gate and found.fallen:
            raise typer.Exit(1)
