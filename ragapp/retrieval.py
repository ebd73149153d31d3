"""Question -> hits: a dense and a lexical search, fused by score, with the evidence kept.

The dense leg counts only as far as the embedder can read the question: an embedder that does not
know the question's characters would drown the lexical leg in noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ragapp.analysis import query_terms, weighted_coverage
from ragapp.collection import MAX_PLACES, Collection, Selection, StoredChunk, places_of
from ragapp.filters import Filter
from ragapp.places import Place
from ragapp.protocols import Embedder
from ragapp.types import Hit

Legs = Literal["hybrid", "dense", "lexical"]

_READABLE = 0.9
_UNREADABLE = 0.6
# Fitted on the public sets: nDCG@10 is flat from 0.5 to 0.6. A term's BM25 tends to 2.2 times its
# rarity (k1 = 1.2) as it is repeated; 1.6 is what passages of about 250 tokens reach.
_DENSE_WEIGHT = 0.6
_REACHED_BM25 = 1.6
_COMMON_TERM = 1e-6
_UNSEEN_BIGRAM_WEIGHT = 0.4
# Logistic fits of "the collection holds the answer" on public sets: 400 answerable questions a
# language (xquad, nq_open, cmrc2018) against 300 out-of-corpus ones, classes weighted equally.
_READ_FIT = (-6.7, 3.7, 8.8)  # constant, per unit of coverage, per unit of cosine
_UNREAD_FIT = (-7.9, 13.1)  # constant, per unit of coverage


@dataclass(frozen=True, slots=True)
class Evidence:
    """The legs' raw scores by passage id, how much the dense leg counts, in [0, 1], and the BM25
    score that a passage with all of the question's terms would reach.
    """

    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    dense_weight: float
    lexical_scale: float


@dataclass(frozen=True, slots=True)
class Found:
    """What the stages of a search found: all candidates by falling score, the distinct `best`."""

    evidence: Evidence
    rarity: Mapping[str, float]
    scores: Mapping[int, float]
    ranked: Sequence[int]
    near: Mapping[int, Sequence[int]]
    best: Sequence[int]
    stored: Mapping[int, StoredChunk]

    def hits(self) -> list[Hit]:
        """Return the hits, best first; passages removed meanwhile are left out."""
        weights = _evidence_weights(self.rarity) if self.rarity else {}
        hits: list[Hit] = []
        for row_id in (i for i in self.best if i in self.stored):
            places = _places(row_id, self.near, self.stored)
            score, stored = self.scores[row_id], self.stored[row_id]
            hits.append(_hit(len(hits) + 1, score, stored, self.evidence, weights, places))
        return hits


def retrieve(
    question: str,
    *,
    collection: Collection,
    embedder: Embedder,
    top_k: int,
    n_candidates: int,
    legs: Legs = "hybrid",
    where: Filter | None = None,
) -> list[Hit]:
    """Return the best `top_k` chunks for the question, best first, fused from `n_candidates` a leg.

    Of passages that say the same, the best one stands for all and names the places of the others.
    Equal scores are ordered by the passages' age. An empty question finds nothing. `legs`
    "dense" or "lexical" searches with that leg alone, whatever the embedder can read: to measure
    it. Chunks that `where` does not let pass are left out before the best are taken.

    Raises UsageError for a filter that names what no document has.
    """
    selection = collection.selection(where)
    found = find(question, selection, embedder, top_k=top_k, n_candidates=n_candidates, legs=legs)
    return found.hits()


def find(
    question: str,
    selection: Selection,
    embedder: Embedder,
    *,
    top_k: int,
    n_candidates: int,
    legs: Legs = "hybrid",
) -> Found:
    """Return what each stage found, to make hits of or to explain them; as for `retrieve`."""
    terms = query_terms(question)
    if not terms:
        return Found(Evidence({}, {}, 0.0, 1.0), {}, {}, (), {}, (), {})
    rarity = selection.term_weights(terms)
    k = max(n_candidates, top_k)
    evidence = _search(question, rarity, selection, embedder, k=k, legs=legs)
    scores = _fuse(evidence)
    ranked = sorted(scores, key=lambda row_id: (-scores[row_id], row_id))
    near = selection.near_passages(ranked)
    best = _distinct(ranked, near)[:top_k]
    stored = selection.chunks([*best, *(other for row_id in best for other in near[row_id])])
    return Found(evidence, rarity, scores, ranked, near, best, stored)


def _distinct(ranked: Sequence[int], near: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the passages but those that say the same as one ranked before them."""
    kept: list[int] = []
    said: set[int] = set()
    for row_id in ranked:
        if row_id not in said:
            kept.append(row_id)
            said.update(near[row_id])
    return kept


def _places(
    row_id: int, near: Mapping[int, Sequence[int]], stored: Mapping[int, StoredChunk]
) -> tuple[Place, ...]:
    """Return where else a passage stands: under other sources, in other documents, nearly so."""
    if row_id not in stored:
        return ()
    first = stored[row_id]
    others = (stored[other] for other in near[row_id] if other in stored)
    nearly = (
        replace(place, is_exact=False)
        for other in others
        for place in (*places_of(other), *other.places)
    )
    return (*places_of(first)[1:], *first.places, *nearly)[:MAX_PLACES]


def confidence(hits: Sequence[Hit]) -> float:
    """Return in [0, 1] how sure the hits are to be about the question; 0 without hits.

    The best chunk's evidence counts: the share of the question's terms that it holds, and the
    cosine where the embedder reads the question. 0.5 is where an answer is as likely as none.
    """
    return max((_hit_confidence(hit) for hit in hits), default=0.0)


def _hit_confidence(hit: Hit) -> float:
    if hit.dense_score is None:
        constant, per_coverage = _UNREAD_FIT
        return _sigmoid(constant + per_coverage * hit.coverage)
    constant, per_coverage, per_cosine = _READ_FIT
    return _sigmoid(constant + per_coverage * hit.coverage + per_cosine * hit.dense_score)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _evidence_weights(rarity: Mapping[str, float]) -> dict[str, float]:
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


def _search(
    question: str,
    rarity: Mapping[str, float],
    selection: Selection,
    embedder: Embedder,
    *,
    k: int,
    legs: Legs,
) -> Evidence:
    if legs == "dense":
        found = selection.search_dense(embedder.embed_query(question), k)
        return Evidence(dict(found), {}, 1.0, 1.0)
    lexical = dict(selection.search_lexical(list(rarity), k))
    scale = _lexical_scale(rarity)
    weight = _DENSE_WEIGHT * _readability(embedder.coverage(question))
    if weight == 0.0 or legs == "lexical":
        return Evidence({}, lexical, 0.0, scale)
    vector = embedder.embed_query(question)
    dense = dict(selection.search_dense(vector, k))
    missing = [row_id for row_id in lexical if row_id not in dense]
    return Evidence(dense | selection.cosines(vector, missing), lexical, weight, scale)


def _readability(coverage: float) -> float:
    """Return in [0, 1] how far an embedder that knows `coverage` of the tokens can be trusted."""
    return min(max((coverage - _UNREADABLE) / (_READABLE - _UNREADABLE), 0.0), 1.0)


def _lexical_scale(rarity: Mapping[str, float]) -> float:
    """Return the BM25 score that a passage with all terms would reach, > 0.

    Terms count as FTS5 counts them: next to nothing where they stand in every other passage.
    """
    odds = (math.expm1(weight) for weight in rarity.values())
    return _REACHED_BM25 * sum(math.log(x) if x > 1.0 else _COMMON_TERM for x in odds)


def _fuse(evidence: Evidence) -> dict[int, float]:
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


def _hit(
    rank: int,
    score: float,
    stored: StoredChunk,
    evidence: Evidence,
    weights: Mapping[str, float],
    places: tuple[Place, ...],
) -> Hit:
    chunk = stored.chunk
    source = stored.sources[0] if stored.sources else ""
    return Hit(
        rank=rank,
        score=score,
        document_id=chunk.document_id,
        source=source,
        title=stored.title,
        page=chunk.page,
        heading=chunk.heading,
        chunk_id=chunk.id,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        language=chunk.language,
        dense_score=evidence.dense.get(stored.row_id),
        lexical_score=evidence.lexical.get(stored.row_id),
        coverage=weighted_coverage(weights, f"{stored.title}\n{chunk.embedded_text}"),
        also_in=tuple(dict.fromkeys(p.source for p in places if p.source != source)),
        has_instructions=stored.has_instructions,
        page_spans=stored.page_spans,
        also_at=places,
    )
