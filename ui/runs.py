"""Evaluation runs and comparisons -> the rows, lines and plot of the Evaluate page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

from ragapp import Comparison, EvaluationRun
from ui import search_labels
from ui.inspection import LEGS
from ui.labels import Label, Say
from ui.listing import local_time

_MAIN_METRICS = ("nDCG@10", "recall@5", "span@5", "answer_contained")
_RANKING = "nDCG@10"
_MAX_QUESTIONS = 20
_ROW_HEIGHT, _AXIS_HEIGHT = 18, 70
_NAMES: dict[str, Label] = {"answers": search_labels.ANSWERS} | {
    str(leg): label for leg, label in LEGS.items()
}


class Interval(Protocol):
    """A mean with its interval as a row and the plot show it."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


Figures = Mapping[str, Mapping[str, Interval]]  # by search and metric


class Difference(Protocol):
    """A paired difference as a row shows it."""

    @property
    def difference(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def p_value(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a run and what became of it. Both texts are untrusted."""

    text: str
    outcome: str


def system_name(system: str, say: Say) -> str:
    """Return a search's name, an unknown one as it is."""
    return say(_NAMES[system]) if system in _NAMES else system


def run_name(run: EvaluationRun, say: Say) -> str:
    """Return when a run was made, of what, and its main figure. The text is untrusted."""
    main = [f"{name} {mean:.3f}" for name, mean in _main_means(run).items()]
    n_questions = say(search_labels.QUESTION_COUNT, n=len(run.results))
    return " · ".join([_made_at(run), run.name, n_questions, *main[:1]])


def run_table(kept: Sequence[EvaluationRun], say: Say) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of runs: what each is of, and its main figures."""
    header = (search_labels.MADE_AT, search_labels.QUESTION_SET, search_labels.SYSTEM)
    rows = []
    for run in kept:
        means = _main_means(run)
        about = [
            _made_at(run),
            f"{run.name} ({len(run.results)})",
            system_name(run.systems[0], say),
        ]
        figures = [f"{means[name]:.3f}" if name in means else "" for name in _MAIN_METRICS]
        rows.append(about + figures)
    return [*map(say, header), *_MAIN_METRICS], rows


def run_facts(run: EvaluationRun, say: Say) -> list[list[str]]:
    """Return what a run rests on, as lines of small facts. The text is untrusted."""
    n_unanswerable = sum(not result.is_answerable for result in run.results)
    counts = [
        say(search_labels.QUESTION_COUNT, n=len(run.results)),
        say(search_labels.UNANSWERABLE_COUNT, n=n_unanswerable),
        say(search_labels.LEFT_OUT_COUNT, n=_number(run.facts.get("left_out"))),
        *(str(run.facts[name]) for name in ("embedder", "engine") if name in run.facts),
    ]
    times = [
        [system_name(system, say), say(search_labels.SEARCH_TIME, median=median, high=high)]
        for system, (median, high) in run.milliseconds.items()
    ]
    return [counts, *times, _refusals(run, say)]


def figure_table(figures: Figures, say: Say) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of all metrics: a column a search, means with intervals."""
    metrics = dict.fromkeys(metric for values in figures.values() for metric in values)
    rows = [
        [metric, *(_interval(values.get(metric)) for values in figures.values())]
        for metric in metrics
    ]
    return [say(search_labels.METRIC), *(system_name(name, say) for name in figures)], rows


def difference_table(
    differences: Mapping[str, Mapping[str, Difference]], say: Say
) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of paired differences, with what they amount to."""
    header = (
        search_labels.METRIC,
        search_labels.SYSTEM,
        search_labels.DIFFERENCE,
        search_labels.P_VALUE,
        search_labels.VERDICT,
    )
    rows = [
        [
            metric,
            system_name(system, say),
            f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
            f"{pair.p_value:.4f}",
            say(_verdict(pair)),
        ]
        for system, metrics in differences.items()
        for metric, pair in metrics.items()
    ]
    return [say(label) for label in header], rows


def worst_questions(run: EvaluationRun) -> list[Asked]:
    """Return the questions by how well the first search ranks their documents, the worst first."""
    values = run.values().get(run.systems[0], {}).get(_RANKING, {})
    texts = {result.id: result.text for result in run.results}
    worst = sorted(values, key=lambda id_: (values[id_], id_))[:_MAX_QUESTIONS]
    return [Asked(texts[id_], f"{_RANKING} {values[id_]:.3f}") for id_ in worst]


def worse_questions(comparison: Comparison, say: Say) -> list[Asked]:
    """Return the questions that got worse, the farthest fallen first."""
    return [
        Asked(
            item.text,
            f"{system_name(item.system, say)} · {item.metric} {item.before:.3f} → {item.after:.3f}",
        )
        for item in comparison.worse[:_MAX_QUESTIONS]
    ]


def figure_chart(figures: Figures, say: Say) -> dict[str, Any]:
    """Return a Vega-Lite plot of all means, their intervals as error bars, on the line 0 to 1."""
    values = [
        {
            "metric": metric,
            "system": system_name(system, say),
            "mean": item.value,
            "low": item.low,
            "high": item.high,
        }
        for system, metrics in figures.items()
        for metric, item in metrics.items()
    ]
    colour = {"field": "system", "type": "nominal", "sort": None}
    place = {"field": "metric", "type": "nominal", "sort": None, "axis": {"title": None}}
    scale = {"domain": [0, 1]}
    return {
        "data": {"values": values},
        "height": _AXIS_HEIGHT + _ROW_HEIGHT * len(values),
        "encoding": {
            "y": place,
            "yOffset": {"field": "system", "sort": None},
            "color": {**colour, "legend": {"orient": "top", "title": None, "columns": 1}},
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x": _axis("low", scale), "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"x": _axis("mean", scale)},
            },
        ],
    }


def _axis(name: str, scale: Mapping[str, Any]) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "scale": scale, "axis": {"title": None}}


def _main_means(run: EvaluationRun) -> dict[str, float]:
    """Return the means of the main metrics of the first search and of the answers."""
    values = run.values()
    found = {**values.get(run.systems[0], {}), **values.get("answers", {})}
    return {name: fmean(found[name].values()) for name in _MAIN_METRICS if name in found}


def _made_at(run: EvaluationRun) -> str:
    try:
        return local_time(run.made_at)
    except ValueError:
        return run.made_at


def _refusals(run: EvaluationRun, say: Say) -> list[str]:
    measured = run.abstention
    if measured is None:
        return []
    if measured.precision is None:
        return [say(search_labels.NONE_REFUSED, auroc=measured.auroc)]
    return [
        say(
            search_labels.REFUSALS,
            precision=measured.precision,
            recall=measured.recall,
            auroc=measured.auroc,
        )
    ]


def _interval(item: Interval | None) -> str:
    return "" if item is None else f"{item.value:.3f} [{item.low:.3f}, {item.high:.3f}]"


def _verdict(pair: Difference) -> Label:
    if pair.high < 0.0:
        return search_labels.LOWER
    return search_labels.HIGHER if pair.low > 0.0 else search_labels.UNDECIDED


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
