"""A fit of when to refuse on a collection's own questions, answerable and not.

Few questions move the default fit little, many replace it. All figures, and the threshold, are of
scores given to a question by a fit that did not see it (cross-validation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragapp.abstention import Abstention, Judged, measure_abstention
from ragapp.confidence import DEFAULT_FIT, Fit, Signals
from ragapp.errors import UsageError

MIN_ANSWERABLE = 20
MIN_UNANSWERABLE = 10
_FOLDS = 5
_STRENGTH = 0.02  # of the pull to the default fit, beside a mean loss over the questions
_STEPS = 50
_SMALLEST_STEP = 1e-8

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question as seen by its hits; None for `signals` where there were none."""

    signals: Signals | None
    is_read: bool
    is_answerable: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit with its threshold, how it did on the questions, and how the default fit did.

    `false_abstention` is the share of answerable questions that the threshold refuses, `refused`
    the share of unanswerable ones.
    """

    fit: Fit
    measured: Abstention
    default: Abstention
    false_abstention: float
    refused: float

    @property
    def threshold(self) -> float:
        """The confidence below which an answer is refused."""
        return self.fit.threshold or 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, under the names that the README documents."""
        return {
            "threshold": self.threshold,
            "false_abstention": self.false_abstention,
            "refused": self.refused,
            "abstention": asdict(self.measured),
            "default": asdict(self.default),
        }


def calibrate(samples: Sequence[Sample], *, target: float = 0.05) -> Calibration:
    """Return the fit on the samples; its threshold refuses at most `target` of the answerable ones.

    Raises UsageError for a target outside [0, 1) and for too few questions of either kind.
    """
    if not 0.0 <= target < 1.0:
        raise UsageError(
            f"the target of false abstention is {target!r}, expected 0 or more and less than 1",
            hint="0.05 refuses at most 5 % of the answerable questions",
        )
    _check_counts(samples)
    scores = _cross_validated(samples)
    highest = threshold_at([s for s, q in _pairs(scores, samples) if q.is_answerable], target)
    caught = [s for s, q in _pairs(scores, samples) if not q.is_answerable and s < highest]
    threshold = (max(caught, default=0.0) + highest) / 2.0  # as many are refused: leave room
    measured = _measured(scores, samples, threshold)
    default = _measured(_scores(samples, DEFAULT_FIT), samples, threshold)
    refused = [(score < threshold, q.is_answerable) for score, q in _pairs(scores, samples)]
    return Calibration(
        fit=replace(fitted(samples), threshold=threshold),
        measured=measured,
        default=default,
        false_abstention=_share([is_refused for is_refused, known in refused if known]),
        refused=_share([is_refused for is_refused, known in refused if not known]),
    )


def threshold_at(answerable: Sequence[float], target: float) -> float:
    """Return the highest confidence below which at most `target` of these lie.

    >>> threshold_at([0.1, 0.4, 0.8, 0.9], 0.25)
    0.4
    """
    ordered = sorted(answerable)
    return ordered[min(int(target * len(ordered)), len(ordered) - 1)]


def fitted(samples: Sequence[Sample], prior: Fit = DEFAULT_FIT) -> Fit:
    """Return the fit that the samples pull `prior` to, for each of its two kinds of question."""
    return Fit(
        read=_weights([s for s in samples if s.is_read], prior.read),
        unread=_weights([s for s in samples if not s.is_read], prior.unread),
    )


def _check_counts(samples: Sequence[Sample]) -> None:
    n_answerable = sum(sample.is_answerable for sample in samples)
    n_unanswerable = len(samples) - n_answerable
    if n_answerable < MIN_ANSWERABLE or n_unanswerable < MIN_UNANSWERABLE:
        raise UsageError(
            f"{n_answerable} answerable and {n_unanswerable} unanswerable questions are too few "
            f"to calibrate on, expected {MIN_ANSWERABLE} and {MIN_UNANSWERABLE}",
            hint="make more: ragapp eval make OUT.jsonl --questions 200 --unanswerable-share 0.3",
        )


def _weights(samples: Sequence[Sample], prior: Sequence[float]) -> tuple[float, ...]:
    """Return constant and weights by logistic regression; the prior where one kind is missing.

    Both kinds count the same, however many there are. Newton's method. Source: Hastie, Tibshirani
    and Friedman 2009, "The Elements of Statistical Learning", 4.4.1.
    """
    seen = [sample for sample in samples if sample.signals is not None]
    y = np.asarray([sample.is_answerable for sample in seen], dtype=np.float64)
    if not 0.0 < y.sum() < len(y):
        return tuple(prior)
    x = np.asarray([(1.0, *(sample.signals or ())) for sample in seen], dtype=np.float64)
    counts = np.where(y == 1.0, 0.5 / y.sum(), 0.5 / (len(y) - y.sum()))  # (n,)
    start = np.asarray(prior, dtype=np.float64)
    pull = np.full(len(start), _STRENGTH / np.sqrt(len(y)))
    pull[0] = 1e-6
    weights = _descended(x, y, counts, start, pull)
    return tuple(round(float(weight), 6) for weight in weights)


def _descended(x: _Array, y: _Array, counts: _Array, start: _Array, pull: _Array) -> _Array:
    """Return the weights of least loss; a step of Newton's that would raise it is halved."""

    def loss(weights: _Array) -> float:
        z = x @ weights
        wrong = counts @ np.logaddexp(0.0, np.where(y == 1.0, -z, z))
        return float(wrong + 0.5 * (pull @ (weights - start) ** 2))

    weights = start
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -50.0, 50.0)))
        gradient = x.T @ (counts * (p - y)) + pull * (weights - start)
        curvature = (x.T * (counts * p * (1.0 - p))) @ x + np.diag(pull)
        step = np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _SMALLEST_STEP:
            step *= 0.5
        weights = weights - step
        if np.abs(step).max() <= _SMALLEST_STEP:
            break
    return weights


def _cross_validated(samples: Sequence[Sample]) -> list[float]:
    """Return each sample's confidence by a fit on the other folds; both kinds are spread evenly."""
    order = sorted(range(len(samples)), key=lambda i: samples[i].is_answerable)  # stable
    fold_of = {i: place % _FOLDS for place, i in enumerate(order)}
    scores = [0.0] * len(samples)
    for fold in range(_FOLDS):
        fit = fitted([s for i, s in enumerate(samples) if fold_of[i] != fold])
        asked = [i for i in range(len(samples)) if fold_of[i] == fold]
        for i, score in zip(asked, _scores([samples[i] for i in asked], fit), strict=True):
            scores[i] = score
    return scores


def _scores(samples: Sequence[Sample], fit: Fit) -> list[float]:
    return [
        0.0 if sample.signals is None else fit.confidence(sample.signals, is_read=sample.is_read)
        for sample in samples
    ]


def _pairs(scores: Sequence[float], samples: Sequence[Sample]) -> list[tuple[float, Sample]]:
    return list(zip(scores, samples, strict=True))


def _measured(scores: Sequence[float], samples: Sequence[Sample], threshold: float) -> Abstention:
    """Return the figures of refusing; an answer to an unanswerable question is the wrong one."""
    measured = measure_abstention(
        [
            Judged(score, score < threshold, sample.is_answerable, sample.is_answerable)
            for score, sample in _pairs(scores, samples)
        ]
    )
    assert measured is not None, "both kinds were counted"
    return measured


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
