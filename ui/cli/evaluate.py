"""`ragapp eval run`: figures of retrieval and answers on a question set."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ui.cli.app import JsonOption, app
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
    str, typer.Option(help="hybrid, dense, lexical; the first is what others are compared to.")
]
AnswersOption = Annotated[
    bool, typer.Option("--answers", help="Judge the engine's answers and citations too.")
]
DistractorsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON Lines of further passages.")
]
MaxDistractorsOption = Annotated[
    int | None, typer.Option(min=1, help="How many of them to take.", show_default=False)
]
UnanswerableOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON Lines of questions without an answer.")
]


@eval_app.command()
def run(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A folder of corpus.jsonl, queries.jsonl and qrels.tsv."
        ),
    ],
    *,
    systems: SystemsOption = "hybrid",
    answers: AnswersOption = False,
    distractors: DistractorsOption = None,
    max_distractors: MaxDistractorsOption = None,
    unanswerable: UnanswerableOption = None,
    cache: Annotated[bool, typer.Option(help="Keep the ingested passages for later runs.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Ingest a folder's passages, ask its questions, and print figures with 95 % intervals."""
    with reported_errors(as_json=as_json):
        from ingest import evaluate_folder

        with progress_bar(is_shown=sys.stderr.isatty() and not as_json) as move:
            found = evaluate_folder(
                folder,
                systems=systems.split(","),
                has_answers=answers,
                distractors=distractors,
                max_distractors=max_distractors,
                unanswerable=unanswerable,
                is_cached=cache,
                on_progress=move,
            )
        if as_json:
            print_json(found.to_dict(has_questions=False))
        else:
            _print_run(found)


def _print_run(found: EvaluationRun) -> None:
    facts = found.facts
    print_line(
        f"{found.name}: {facts['questions']} questions, {facts['unanswerable']} of them "
        f"unanswerable, {facts['left_out']} left out"
    )
    if "passages" in facts:
        kept = "kept from an earlier run" if facts["cached"] else "just now"
        print_line(
            f"{facts['passages']} passages, {facts['chunks']} chunks, ingested {kept} in "
            f"{facts['ingest_seconds']:.1f} s; questions {facts['question_seconds']:.1f} s"
        )
    for system, (median, high) in found.milliseconds.items():
        print_line(f"{system}: {median:.1f} ms a search (median), {high:.1f} ms (95th percentile)")
    print_line()
    _print_figures(found)
    _print_paired(found)
    _print_abstention(found)


def _print_figures(found: EvaluationRun) -> None:
    figures = found.figures()
    metrics = list(dict.fromkeys(metric for values in figures.values() for metric in values))
    rows = [
        [metric, *(_cell(figures[system].get(metric)) for system in figures)] for metric in metrics
    ]
    _print_aligned([["mean [95 % interval]", *figures], *rows])


def _print_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Print columns that keep their lines in a narrow terminal too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())


def _cell(interval: Any) -> str:
    if interval is None:
        return ""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _print_paired(found: EvaluationRun) -> None:
    rows = [
        [
            metric,
            f"{system} - {found.systems[0]}",
            f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
            f"{pair.p_value:.4f}",
        ]
        for system, metrics in found.paired().items()
        for metric, pair in metrics.items()
    ]
    if rows:
        print_line()
        _print_aligned([["metric", "systems", "difference, paired", "p (permutation)"], *rows])


def _print_abstention(found: EvaluationRun) -> None:
    measured = found.abstention
    if measured is None:
        return
    precision = "none refused" if measured.precision is None else f"{measured.precision:.3f}"
    print_line()
    print_line(
        f"refusals: precision {precision}, recall {measured.recall:.3f}, "
        f"AUROC {measured.auroc:.3f} ({measured.n_answerable} answerable, "
        f"{measured.n_unanswerable} unanswerable)"
    )
    shown = [point for point in measured.curve if round(point[0] * 20) % 4 == 0]
    print_line(
        "risk at coverage: "
        + ", ".join(f"{risk:.3f} at {coverage:.0%}" for coverage, risk in shown)
        + f"; mean {measured.area:.3f}"
    )
