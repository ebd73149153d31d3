"""How sure hits are to be about a question: signals, and a logistic fit of them.

The default fit is of public sets; `ragapp.calibration` fits one on a collection's own questions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ragapp.analysis import informative_terms, terms_of
from ragapp.fusion import evidence_weights, lexical_scale
from ragapp.sentences import split_sentences
from ragapp.types import Hit

_COMPARED = 5  # hits that the first is compared with, itself counted
_LONE_MARGIN = 0.2  # where there is no other hit: what an answerable question has


class Signals(NamedTuple):
    """What the hits of a question show, each in [0, 1] but `margin` and `terms`.

    `coverage`, `cosine` and `lexical` are the best hit's: the share of the question's terms,
    weighted by rarity, the cosine, the share of the BM25 that the question could reach. `margin` is
    how far the first score lies above the others' mean. `sentence` is the share of terms in the
    best sentence, `stretch` the same with the sentence before it and the headings above: the
    support that a quote would have. `agreement` is 1 where both legs have the same best hit.
    `terms` is the logarithm of the number of the question's terms.
    """

    coverage: float
    cosine: float
    lexical: float
    margin: float
    sentence: float
    stretch: float
    agreement: float
    terms: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A constant and a weight for each of `Signals`, where the embedder reads the question (the
    dense leg looked) and where it does not; below `threshold` an answer is refused, None where the
    setting `abstain_below` decides.
    """

    read: tuple[float, ...]
    unread: tuple[float, ...]
    threshold: float | None = None

    def confidence(self, found: Signals, *, is_read: bool) -> float:
        """Return in [0, 1] how sure the signals are."""
        constant, *weights = self.read if is_read else self.unread
        return _sigmoid(constant + sum(w * x for w, x in zip(weights, found, strict=True)))


# Logistic fits of "the collection holds the answer" on half of the questions of public sets
# (docs/answers.md); at the setting's default, 0.35, 5 % of the answerable questions are refused.
DEFAULT_FIT = Fit(
    read=(-6.1, 1.6, 4.8, 0.0, 6.5, 2.1, 1.8, 0.7, 0.1),
    unread=(-6.6, 3.1, 0.0, 0.9, 2.1, 2.1, 2.6, 0.0, 0.8),
)


def confidence(rarity: Mapping[str, float], hits: Sequence[Hit], fit: Fit = DEFAULT_FIT) -> float:
    """Return in [0, 1] how sure the hits are to be about the question; 0 without hits.

    `rarity` is that of the question's terms. Where the classes are even and the questions like
    those of the fit, 0.5 is where an answer is as likely as none.
    """
    if not hits or not rarity:
        return 0.0
    return fit.confidence(signals(rarity, hits), is_read=is_read(hits))


def is_read(hits: Sequence[Hit]) -> bool:
    """Tell whether the dense leg looked, which it does where the embedder reads the question."""
    return any(hit.dense_score is not None for hit in hits)


def signals(rarity: Mapping[str, float], hits: Sequence[Hit]) -> Signals:
    """Return what the hits, at least one, show of a question whose terms have this rarity."""
    weights, scale = evidence_weights(rarity), lexical_scale(rarity)
    lexical = [min((hit.lexical_score or 0.0) / scale, 1.0) for hit in hits]
    cosines = [max(hit.dense_score or 0.0, 0.0) for hit in hits]
    others = [hit.score for hit in hits[1:_COMPARED]]
    support = list(_support(weights, hits))
    return Signals(
        coverage=max(hit.coverage for hit in hits),
        cosine=max(cosines),
        lexical=max(lexical),
        margin=hits[0].score - sum(others) / len(others) if others else _LONE_MARGIN,
        sentence=max((alone for alone, _ in support), default=0.0),
        stretch=max((together for _, together in support), default=0.0),
        agreement=float(lexical.index(max(lexical)) == cosines.index(max(cosines))),
        terms=math.log(max(len(informative_terms(rarity)), 1)),
    )


def _support(weights: Mapping[str, float], hits: Sequence[Hit]) -> Iterator[tuple[float, float]]:
    """Yield for each sentence the share of the terms in it, and in it and around it."""
    total = sum(weights.values())
    for hit in hits:
        around = set(terms_of(f"{hit.title}\n{hit.heading}")) & weights.keys()
        before: set[str] = set()
        for start, end in split_sentences(hit.text):
            own = set(terms_of(hit.text[start:end])) & weights.keys()
            together = own | before | around
            yield sum(weights[t] for t in own) / total, sum(weights[t] for t in together) / total
            before = own


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(x, 700.0), -700.0)))
