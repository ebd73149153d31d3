"""Evaluation runs and comparisons as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ui.cli.printing import print_line

if TYPE_CHECKING:
    from ragapp import Comparison, EvaluationRun

_MAX_WORSE = 20
_MAIN_METRICS = ("recall@5", "nDCG@10", "span@5", "answer_contained")


def print_run(found: EvaluationRun) -> None:
    """Print the facts, the figures, and what they say of systems and refusals."""
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
    print_aligned([["mean [95 % interval]", *figures], *rows])


def print_aligned(rows: Sequence[Sequence[str]]) -> None:
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
        print_aligned([["metric", "systems", "difference, paired", "p (permutation)"], *rows])


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
    if measured.refused_at_5 is not None:
        print_line(f"unanswerable refused at 5 % false refusals: {measured.refused_at_5:.3f}")
    shown = [point for point in measured.curve if round(point[0] * 20) % 4 == 0]
    print_line(
        "risk at coverage: "
        + ", ".join(f"{risk:.3f} at {coverage:.0%}" for coverage, risk in shown)
        + f"; mean {measured.area:.3f}"
    )


def main_figures(found: EvaluationRun) -> str:
    """Return the few figures of the first system that a list shows."""
    figures = found.figures()
    shown = {**figures.get(found.systems[0], {}), **figures.get("answers", {})}
    return ", ".join(
        f"{metric} {shown[metric].value:.3f}" for metric in _MAIN_METRICS if metric in shown
    )


def print_comparison(found: Comparison) -> None:
    """Print the differences with their intervals, and the questions that fell the farthest."""
    print_line(f"{found.n_shared} questions in both {found.before} and {found.after}")
    print_line()
    fallen = set(found.fallen)
    rows = [
        [
            system,
            metric,
            f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
            f"{pair.p_value:.4f}",
            "FELL" if (system, metric) in fallen else "",
        ]
        for system, metrics in found.differences.items()
        for metric, pair in metrics.items()
    ]
    print_aligned([["system", "metric", "difference, paired", "p (permutation)", ""], *rows])
    if found.worse:
        print_line()
        print_line(f"{len(found.worse)} scores of questions got worse:")
    for item in found.worse[:_MAX_WORSE]:
        change = f"{item.system} {item.metric} {item.before:.3f} -> {item.after:.3f}"
        print_line(f"  {item.id}  {change}  {item.text}")
