"""Candidates, best first -> the few that are shown: so many a document, and unlike each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ragapp.errors import UsageError
from ragapp.protocols import Vectors

Likeness = Callable[[int], Vectors]
Reason = Literal["document", "similar"]


@dataclass(frozen=True, slots=True)
class Choice:
    """How the best are chosen; by relevance alone unless told otherwise.

    At most `max_per_document` passages of a document (0: any number); `diversity` in [0, 1] is the
    weight of being unlike what is chosen already, 0 to choose by relevance.
    """

    max_per_document: int = 0
    diversity: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Tell whether the best are simply the first."""
        return not self.max_per_document and not self.diversity


def checked_choice(max_per_document: int, diversity: float) -> Choice:
    """Return the choice of these numbers. Raises UsageError for one out of its range."""
    if max_per_document < 0:
        raise UsageError(f"max_per_document = {max_per_document!r}, expected 0 or more")
    if not 0.0 <= diversity <= 1.0:
        raise UsageError(f"diversity = {diversity!r}, expected 0 to 1")
    return Choice(max_per_document, diversity)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ids that were chosen, in order, and what became of the others.

    `likeness` tells how like the chosen ones before it each was, in [0, 1]; only where that
    counted. `passed_over` are better ranked ones than the last chosen, with the reason.
    """

    best: Sequence[int]
    likeness: Mapping[int, float] = field(default_factory=dict)
    passed_over: Mapping[int, Reason] = field(default_factory=dict)


def choose(
    ranked: Sequence[int],
    k: int,
    choice: Choice,
    *,
    scores: Mapping[int, float],
    documents: Mapping[int, str],
    likeness: Likeness,
) -> Chosen:
    """Choose up to `k` of the `ranked` ids, one after the other, equal values by rank.

    Each is the one with the highest maximal marginal relevance of those whose document is not
    full: ``(1 - diversity) * score - diversity * likeness``, likeness being that to the most
    similar one chosen before. ``likeness(place)`` gives that of each of `ranked`, (n,) float32 in
    [0, 1], to the one at `place`; it is called only where `diversity` counts.

    Source: Carbonell and Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering
    Documents and Producing Summaries".
    """
    relevance = np.array([scores[i] for i in ranked], dtype=np.float64)
    likest = np.zeros(len(ranked))
    is_open = np.ones(len(ranked), dtype=bool)
    places: list[int] = []
    likeness_of: dict[int, float] = {}
    while len(places) < k and is_open.any():
        value = (1.0 - choice.diversity) * relevance - choice.diversity * likest
        place = int(np.argmax(np.where(is_open, value, -np.inf)))
        places.append(place)
        is_open[place] = False
        if choice.diversity:
            likeness_of[ranked[place]] = float(likest[place])
            likest = np.maximum(likest, likeness(place))
        _close_full(is_open, ranked, [ranked[p] for p in places], documents, choice)
    return Chosen([ranked[p] for p in places], likeness_of, _passed(ranked, places, is_open))


def _close_full(
    is_open: np.ndarray,
    ranked: Sequence[int],
    chosen: Sequence[int],
    documents: Mapping[int, str],
    choice: Choice,
) -> None:
    """Take what is left of the last chosen one's document out of the choice, if it is full."""
    last = documents.get(chosen[-1])
    if not choice.max_per_document or last is None:
        return
    if Counter(documents.get(i) for i in chosen)[last] >= choice.max_per_document:
        for place, i in enumerate(ranked):
            if documents.get(i) == last:
                is_open[place] = False


def _passed(ranked: Sequence[int], places: Sequence[int], is_open: np.ndarray) -> dict[int, Reason]:
    """Return those that rank before the last chosen, with why they are not among them."""
    chosen = set(places)
    return {
        ranked[place]: "similar" if is_open[place] else "document"
        for place in range(max(chosen, default=0))
        if place not in chosen
    }


def likeness_of_vectors(vectors: Vectors) -> Likeness:
    """Return the cosine, at least 0, by place, of (n, dim) unit rows."""
    return lambda place: np.clip(vectors @ vectors[place], 0.0, 1.0)


def likeness_of_terms(terms: Sequence[frozenset[str]]) -> Likeness:
    """Return the cosine of sets of terms by place: shared ones, by the root of both counts."""

    def likeness(place: int) -> Vectors:
        mine = terms[place]
        shares = [len(mine & other) / max(len(mine) * len(other), 1) ** 0.5 for other in terms]
        return np.array(shares, dtype=np.float32)

    return likeness
