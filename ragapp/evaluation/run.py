"""`EvaluationRun`: what an evaluation found, for every question, with the figures over them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ragapp.abstention import Abstention
from ragapp.errors import CorruptFileError
from ragapp.evaluation.intervals import Interval, Paired, mean_interval, paired_difference

FORMAT = 1

Figures = dict[str, dict[str, Interval]]  # by system and metric


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """What became of one question.

    `scores` are the metrics by system, of those metrics that apply to it; `found` the best ids by
    system, best first. `confidence` and `abstained` are those of the first system, or of the engine
    where it answered: `answer` is then its text.
    """

    id: str
    text: str
    is_answerable: bool
    scores: Mapping[str, Mapping[str, float]]
    found: Mapping[str, Sequence[str]]
    confidence: float
    abstained: bool
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """An evaluation of one set: its facts, the search times by system, and every question.

    `facts` are plain values: counts, seconds, settings. `milliseconds` holds the median and the
    95th percentile of a search, by system; the first system is the baseline of comparisons.
    """

    id: str
    name: str
    made_at: str
    systems: tuple[str, ...]
    facts: Mapping[str, Any]
    milliseconds: Mapping[str, tuple[float, float]]
    abstention: Abstention | None
    results: tuple[QuestionResult, ...] = field(repr=False)

    def figures(self) -> Figures:
        """Return the mean of each metric with its interval, by system."""
        return {
            system: {
                metric: mean_interval(list(values.values())) for metric, values in metrics.items()
            }
            for system, metrics in self.values().items()
        }

    def values(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return the scores by system, metric and question id."""
        values: dict[str, dict[str, dict[str, float]]] = {}
        for result in self.results:
            for system, scores in result.scores.items():
                for metric, score in scores.items():
                    values.setdefault(system, {}).setdefault(metric, {})[result.id] = score
        return values

    def paired(self) -> dict[str, dict[str, Paired]]:
        """Return how far each further system lies above the first, by system and metric."""
        values = self.values()
        first = values.get(self.systems[0], {})
        return {
            system: {
                metric: paired_scores(values[system][metric], first[metric])
                for metric in first
                if metric in values[system]
            }
            for system in self.systems[1:]
            if system in values
        }

    def to_dict(self, *, has_questions: bool = True) -> dict[str, Any]:
        """Return the run as plain JSON values, under the names that the README documents."""
        figures = self.figures()
        values = {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "made_at": self.made_at,
            "systems": list(self.systems),
            "facts": dict(self.facts),
            "milliseconds": {name: list(pair) for name, pair in self.milliseconds.items()},
            "figures": _plain(figures),
            "paired": _plain(self.paired()),
            "abstention": None if self.abstention is None else asdict(self.abstention),
        }
        if has_questions:
            values["questions"] = [asdict(result) for result in self.results]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, place: str) -> EvaluationRun:
        """Return the run that `to_dict` wrote. Raises CorruptFileError, naming `place`."""
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}")
            return _run_of(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptFileError(
                f"{place} is no evaluation run of this version: {error}", hint="run it again"
            ) from error


def paired_scores(scores: Mapping[str, float], baseline: Mapping[str, float]) -> Paired:
    """Return the paired difference over the questions that both have, at least one."""
    shared = [id_ for id_ in scores if id_ in baseline]
    return paired_difference([scores[i] for i in shared], [baseline[i] for i in shared])


def _plain(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        system: {metric: asdict(value) for metric, value in metrics.items()}
        for system, metrics in table.items()
    }


def _run_of(values: Mapping[str, Any]) -> EvaluationRun:
    abstention = values["abstention"]
    if abstention is not None:
        curve = tuple((float(coverage), float(risk)) for coverage, risk in abstention["curve"])
        abstention = Abstention(**{**abstention, "curve": curve})
    return EvaluationRun(
        id=str(values["id"]),
        name=str(values["name"]),
        made_at=str(values["made_at"]),
        systems=tuple(values["systems"]),
        facts=dict(values["facts"]),
        milliseconds={name: (p50, p95) for name, (p50, p95) in values["milliseconds"].items()},
        abstention=abstention,
        results=tuple(QuestionResult(**item) for item in values["questions"]),
    )
