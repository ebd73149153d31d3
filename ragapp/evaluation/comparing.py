"""Two runs of one question set: what rose, what fell, and which questions got worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ragapp.errors import UsageError
from ragapp.evaluation.intervals import Paired
from ragapp.evaluation.run import EvaluationRun, paired_scores

_JUDGING = ("nDCG@10", "answer_contained", "answer@5")  # by which questions are called worse


@dataclass(frozen=True, slots=True)
class Worsened:
    """A question whose score by `metric` fell."""

    id: str
    text: str
    system: str
    metric: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far the run `after` lies above `before`, over the questions that both have.

    `fallen` are the (system, metric) whose whole 95 % interval of the difference lies below zero.
    """

    before: str
    after: str
    n_shared: int
    differences: Mapping[str, Mapping[str, Paired]]
    fallen: tuple[tuple[str, str], ...]
    worse: tuple[Worsened, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values, under the names that the README documents."""
        return {
            "before": self.before,
            "after": self.after,
            "shared": self.n_shared,
            "differences": {
                system: {metric: asdict(pair) for metric, pair in metrics.items()}
                for system, metrics in self.differences.items()
            },
            "fallen": [list(place) for place in self.fallen],
            "worse": [asdict(question) for question in self.worse],
        }


def compare_runs(before: EvaluationRun, after: EvaluationRun) -> Comparison:
    """Compare two runs question by question, in the systems and metrics that both have.

    Raises UsageError when they have no scored question in common.
    """
    old, new = before.values(), after.values()
    differences: dict[str, dict[str, Paired]] = {}
    for system in (name for name in old if name in new):
        for metric in (name for name in old[system] if name in new[system]):
            if old[system][metric].keys() & new[system][metric].keys():
                pair = paired_scores(new[system][metric], old[system][metric])
                differences.setdefault(system, {})[metric] = pair
    if not differences:
        raise UsageError(
            f"the runs {before.id!r} and {after.id!r} have no question in common",
            hint="compare runs of the same question set and systems",
        )
    fallen = tuple(
        (system, metric)
        for system, metrics in differences.items()
        for metric, pair in metrics.items()
        if pair.high < 0.0
    )
    shared = {result.id for result in before.results} & {result.id for result in after.results}
    return Comparison(
        before.id, after.id, len(shared), differences, fallen, _worse(before, after, differences)
    )


def _worse(
    before: EvaluationRun,
    after: EvaluationRun,
    differences: Mapping[str, Mapping[str, Paired]],
) -> tuple[Worsened, ...]:
    """Return the questions that fell by a judging metric, the farthest first."""
    old = {result.id: result for result in before.results}
    found = [
        Worsened(result.id, result.text, system, metric, was, now)
        for system, metrics in differences.items()
        for metric in _JUDGING
        if metric in metrics
        for result in after.results
        if result.id in old
        and (was := old[result.id].scores.get(system, {}).get(metric)) is not None
        and (now := result.scores.get(system, {}).get(metric)) is not None
        and now < was
    ]
    return tuple(sorted(found, key=lambda item: (item.after - item.before, item.id)))
