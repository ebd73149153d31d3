"""How well "the documents don't hold the answer" is told from an answer: counts and curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CURVE_POINTS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """One question: how confident the system was, whether it refused, and what was right."""

    confidence: float
    has_abstained: bool
    is_answerable: bool
    is_right: bool


@dataclass(frozen=True, slots=True)
class Abstention:
    """How well refusals hit the unanswerable questions.

    `precision` and `recall` are of refusing (None without a refusal). `auroc` is the chance that an
    answerable question is trusted more than an unanswerable one. `refused_at_5` is the share of
    unanswerable questions refused where 5 % of the answerable ones are, None in earlier runs.
    `curve` holds (coverage, risk): the share of questions answered, the most confident first, and
    the share of wrong ones among them; `area` is the mean risk over all coverages (lower is
    better).
    """

    n_answerable: int
    n_unanswerable: int
    precision: float | None
    recall: float
    auroc: float
    area: float
    curve: tuple[tuple[float, float], ...]
    refused_at_5: float | None = None


def measure_abstention(judged: Sequence[Judged]) -> Abstention | None:
    """Return the figures, None unless there are answerable and unanswerable questions.

    Source: Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks" (curve).
    """
    answerable = [item.confidence for item in judged if item.is_answerable]
    unanswerable = [item.confidence for item in judged if not item.is_answerable]
    if not answerable or not unanswerable:
        return None
    n_refused = sum(item.has_abstained for item in judged)
    n_rightly = sum(item.has_abstained and not item.is_answerable for item in judged)
    risks = _risks(judged)
    return Abstention(
        n_answerable=len(answerable),
        n_unanswerable=len(unanswerable),
        precision=n_rightly / n_refused if n_refused else None,
        recall=n_rightly / len(unanswerable),
        auroc=auroc(answerable, unanswerable),
        area=sum(risks) / len(risks),
        refused_at_5=refused_at(answerable, unanswerable, false_share=0.05),
        curve=_thinned(risks),
    )


def refused_at(
    answerable: Sequence[float], unanswerable: Sequence[float], *, false_share: float
) -> float:
    """Return the share of unanswerable questions below the confidence under which at most
    `false_share` of the answerable ones lie.
    """
    ordered = sorted(answerable)
    threshold = ordered[min(int(false_share * len(ordered)), len(ordered) - 1)]
    return sum(value < threshold for value in unanswerable) / len(unanswerable)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return in [0, 1] the chance that a positive score is above a negative one; ties count half.

    Source: Mann and Whitney 1947; Fawcett 2006, "An introduction to ROC analysis".
    """
    low = np.sort(np.asarray(negative, dtype=np.float64))
    scores = np.asarray(positive, dtype=np.float64)
    n_below = np.searchsorted(low, scores, side="left")
    n_not_above = np.searchsorted(low, scores, side="right")
    return float((n_below + n_not_above).sum() / 2.0 / (len(low) * len(scores)))


def _risks(judged: Sequence[Judged]) -> list[float]:
    """Return the share of wrong answers among the n most confident, for n = 1, 2, ..., all."""
    ordered = sorted(judged, key=lambda item: (-item.confidence, item.is_right))  # wrong first
    n_wrong, risks = 0, []
    for n_answered, item in enumerate(ordered, start=1):
        n_wrong += not item.is_right
        risks.append(n_wrong / n_answered)
    return risks


def _thinned(risks: Sequence[float]) -> tuple[tuple[float, float], ...]:
    n = len(risks)
    places = sorted({max(1, round(n * i / _CURVE_POINTS)) for i in range(1, _CURVE_POINTS + 1)})
    return tuple((place / n, risks[place - 1]) for place in places)
