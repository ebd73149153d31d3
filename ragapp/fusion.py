"""The two searches of a question and the fusion of their scores.

The dense leg counts only as far as the embedder can read the question: an embedder that does not
know the question's characters would drown the lexical leg in noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ragapp.collection import Searched
from ragapp.protocols import READABLE_COVERAGE, Embedder

Legs = Literal["hybrid", "dense", "lexical"]

_UNREADABLE = 0.6
# Fitted on the public sets: nDCG@10 is flat from 0.5 to 0.6. A term's BM25 tends to 2.2 times its
# rarity (k1 = 1.2) as it is repeated; 1.6 is what passages of about 250 tokens reach.
_DENSE_WEIGHT = 0.6
_REACHED_BM25 = 1.6
_COMMON_TERM = 1e-6
_UNSEEN_BIGRAM_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Evidence:
    """The legs' raw scores by passage id, how much the dense leg counts, in [0, 1], and the BM25
    score that a passage with all of the question's terms would reach.
    """

    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    dense_weight: float
    lexical_scale: float


def search_legs(
    question: str,
    rarity: Mapping[str, float],
    selection: Searched,
    embedder: Embedder,
    *,
    k: int,
    legs: Legs,
) -> Evidence:
    """Return the scores of the best `k` passages of each leg, every cosine among them exact."""
    if legs == "dense":
        found = selection.search_dense(embedder.embed_query(question), k)
        return Evidence(dict(found), {}, 1.0, 1.0)
    lexical = dict(selection.search_lexical(list(rarity), k))
    scale = lexical_scale(rarity)
    weight = _DENSE_WEIGHT * _readability(embedder.coverage(question))
    if weight == 0.0 or legs == "lexical":
        return Evidence({}, lexical, 0.0, scale)
    vector = embedder.embed_query(question)
    dense = dict(selection.search_dense(vector, k))
    missing = [row_id for row_id in lexical if row_id not in dense]
    return Evidence(dense | selection.cosines(vector, missing), lexical, weight, scale)


def fuse(evidence: Evidence) -> dict[int, float]:
    """Return in [0, 1] the weighted sum of cosine and share of the reachable BM25, by passage.

    Both are absolute: a leg whose best hit is poor does not lift it to the top of its scale, as
    min-max scores do. Source of the comparison: Bruch, Gai and Ingber 2023, "An Analysis of Fusion
    Functions for Hybrid Retrieval".
    """
    weight = evidence.dense_weight
    dense = {i: 1.0 + cosine for i, cosine in evidence.dense.items()}
    lexical = {i: min(bm25 / evidence.lexical_scale, 1.0) for i, bm25 in evidence.lexical.items()}
    return {
        i: (weight * dense.get(i, 0.0) + (1.0 - weight) * lexical.get(i, 0.0)) / (1.0 + weight)
        for i in dense.keys() | lexical.keys()
    }


def evidence_weights(rarity: Mapping[str, float]) -> dict[str, float]:
    """Return how much each term tells: its rarity, less for bigrams that span a word border.

    A bigram that stands nowhere while both its characters do is most likely such a one.
    """
    highest = max(rarity.values())
    return {
        term: weight * _UNSEEN_BIGRAM_WEIGHT
        if len(term) == 2
        and weight == highest
        and all(rarity.get(c, highest) < highest for c in term)
        else weight
        for term, weight in rarity.items()
    }


def lexical_scale(rarity: Mapping[str, float]) -> float:
    """Return the BM25 score that a passage with all terms would reach, > 0.

    Terms count as FTS5 counts them: next to nothing where they stand in every other passage.
    """
    odds = (math.expm1(weight) for weight in rarity.values())
    return _REACHED_BM25 * sum(math.log(x) if x > 1.0 else _COMMON_TERM for x in odds)


def _readability(coverage: float) -> float:
    """Return in [0, 1] how far an embedder that knows `coverage` of the tokens can be trusted."""
    return min(max((coverage - _UNREADABLE) / (READABLE_COVERAGE - _UNREADABLE), 0.0), 1.0)
