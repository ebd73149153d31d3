"""An evaluation run as one HTML file: tables and inline SVG, everything escaped, no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ragapp.abstention import Abstention
from ragapp.evaluation.intervals import Interval
from ragapp.evaluation.run import EvaluationRun, Figures, QuestionResult

_N_WORST = 50
_BAR_WIDTH, _BAR_HEIGHT = 220, 14
_PLOT = 260
_MARGIN = 34
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;"
    "color:#1c2430;background:#fff}table{border-collapse:collapse;margin:.6rem 0 1.6rem}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .7rem;border-bottom:1px solid #dde2e8}"
    "td.number{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem}"
    "svg text{font:11px system-ui,sans-serif;fill:#4a5563}.note{color:#4a5563}"
)


def render_report(run: EvaluationRun) -> str:
    """Return the run as a whole HTML page that loads nothing."""
    figures = run.figures()
    parts = [
        f"<h1>Evaluation of {escape(run.name)}</h1>",
        f'<p class="note">Run {escape(run.id)}, {escape(run.made_at)}. Means with 95 % bootstrap'
        " intervals; a passage's rank is that of its best chunk.</p>",
        "<h2>Figures</h2>",
        _figures(figures),
        _paired(run),
        _refusals(run.abstention),
        "<h2>Searches</h2>",
        _table(
            ["system", "median, ms", "95th percentile, ms"],
            [[name, f"{p50:.1f}", f"{p95:.1f}"] for name, (p50, p95) in run.milliseconds.items()],
        ),
        _worst(run),
        "<h2>Facts</h2>",
        _table(["what", "value"], [[str(name), _value(v)] for name, v in run.facts.items()]),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Evaluation of {escape(run.name)}</title><style>{_STYLE}</style></head>\n"
        "<body>\n" + "\n".join(filter(None, parts)) + "\n</body></html>\n"
    )


def _value(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _figures(figures: Figures) -> str:
    """Return a row for each system and metric, its interval drawn on the line from 0 to 1."""
    rows = [
        f"<tr><td>{escape(system)}</td><td>{escape(metric)}</td>"
        f'<td class="number">{item.value:.3f}</td>'
        f'<td class="number">{item.low:.3f} to {item.high:.3f}</td>'
        f'<td class="number">{item.n}</td><td>{_bar(item)}</td></tr>\n'
        for system, metrics in figures.items()
        for metric, item in metrics.items()
    ]
    head = "<tr><th>system</th><th>metric</th><th>mean</th><th>interval</th><th>questions</th>"
    return f"<table>{head}<th>0 to 1</th></tr>\n{''.join(rows)}</table>"


def _bar(item: Interval) -> str:
    middle = _BAR_HEIGHT / 2
    low, high, mean = (x * _BAR_WIDTH for x in (item.low, item.high, item.value))
    return (
        f'<svg width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" role="img">'
        f'<line x1="0" y1="{middle}" x2="{_BAR_WIDTH}" y2="{middle}" stroke="#dde2e8"/>'
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#2f6db5"'
        f' stroke-width="4"/><circle cx="{mean:.1f}" cy="{middle}" r="4" fill="#173f73"/></svg>'
    )


def _paired(run: EvaluationRun) -> str:
    rows = [
        [
            metric,
            f"{system} - {run.systems[0]}",
            f"{pair.difference:+.3f}",
            f"{pair.low:+.3f} to {pair.high:+.3f}",
            f"{pair.p_value:.4f}",
        ]
        for system, metrics in run.paired().items()
        for metric, pair in metrics.items()
    ]
    headers = ["metric", "systems", "difference", "interval", "p (paired permutation)"]
    return f"<h2>Systems compared</h2>\n{_table(headers, rows)}" if rows else ""


def _refusals(measured: Abstention | None) -> str:
    if measured is None:
        return ""
    rows = [
        ["answerable / unanswerable", f"{measured.n_answerable} / {measured.n_unanswerable}"],
        ["precision", _share(measured.precision)],
        ["recall", f"{measured.recall:.3f}"],
        ["AUROC", f"{measured.auroc:.3f}"],
        ["refused at 5 % false refusals", _share(measured.refused_at_5)],
        ["mean risk", f"{measured.area:.3f}"],
    ]
    curve = _curve(measured.curve)
    return f"<h2>Refusals</h2>\n{_table(['figure', 'value'], rows)}\n{curve}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Return the risk-coverage plot, both axes from 0 to 1."""
    placed = " ".join(
        f"{_MARGIN + coverage * _PLOT:.1f},{10 + (1 - risk) * _PLOT:.1f}"
        for coverage, risk in points
    )
    bottom, right = 10 + _PLOT, _MARGIN + _PLOT
    return (
        f'<svg width="{right + 20}" height="{bottom + 40}" role="img">'
        f'<polyline points="{_MARGIN},10 {_MARGIN},{bottom} {right},{bottom}" fill="none"'
        f' stroke="#9aa5b1"/><polyline points="{placed}" fill="none" stroke="#2f6db5"'
        f' stroke-width="2"/><text x="{_MARGIN}" y="{bottom + 16}">0</text>'
        f'<text x="{right - 6}" y="{bottom + 16}">1</text>'
        f'<text x="{_MARGIN + _PLOT / 3:.0f}" y="{bottom + 32}">coverage (answered)</text>'
        f'<text x="2" y="{bottom}">0</text><text x="2" y="20">1</text>'
        f'<text x="2" y="{10 + _PLOT / 2:.0f}">risk</text></svg>'
    )


def _worst(run: EvaluationRun) -> str:
    system = run.systems[0]
    scored = [result for result in run.results if "nDCG@10" in result.scores.get(system, {})]
    worst = sorted(scored, key=lambda item: (item.scores[system]["nDCG@10"], item.id))
    rows = [_worst_row(result, system) for result in worst[:_N_WORST]]
    headers = ["id", "question", "nDCG@10", "found first", "answer"]
    return f"<h2>Questions that go worst ({escape(system)})</h2>\n{_table(headers, rows)}"


def _worst_row(result: QuestionResult, system: str) -> list[str]:
    found = ", ".join(result.found.get(system, ()))
    score = f"{result.scores[system]['nDCG@10']:.3f}"
    return [result.id, result.text, score, found, result.answer or ""]
