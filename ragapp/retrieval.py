"""Question -> hits: searched, fused, told apart and chosen, with the evidence kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragapp.analysis import query_terms, terms_of, weighted_coverage
from ragapp.choosing import (
    Choice,
    Chosen,
    Likeness,
    choose,
    likeness_of_terms,
    likeness_of_vectors,
)
from ragapp.collection import MAX_PLACES, Collection, Searched, StoredChunk, places_of
from ragapp.filters import Filter
from ragapp.fusion import Evidence, Legs, evidence_weights, fuse, search_legs
from ragapp.places import Place
from ragapp.protocols import Embedder, Reranker
from ragapp.types import Hit

RELEVANT = Choice()


@dataclass(frozen=True, slots=True)
class Reranking:
    """A reranker, and how many of the best candidates it reads."""

    reranker: Reranker
    n_candidates: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the stages of a search found.

    `fused` and `ranked` are all candidates with their fused scores, by falling score; `reranked`
    holds a reranker's scores of those that it read. `scores` are what `distinct` is ordered by,
    the candidates that say different things; `chosen` are the best of these.
    """

    evidence: Evidence
    rarity: Mapping[str, float]
    fused: Mapping[int, float]
    ranked: Sequence[int]
    near: Mapping[int, Sequence[int]]
    reranked: Mapping[int, float]
    scores: Mapping[int, float]
    distinct: Sequence[int]
    chosen: Chosen
    stored: Mapping[int, StoredChunk]

    @property
    def best(self) -> list[int]:
        """The chosen passages that are still stored, the best first."""
        return [row_id for row_id in self.chosen.best if row_id in self.stored]

    def hits(self) -> list[Hit]:
        """Return the hits, best first; passages removed meanwhile are left out."""
        weights = evidence_weights(self.rarity) if self.rarity else {}
        hits: list[Hit] = []
        for row_id in self.best:
            places = _places(row_id, self.near, self.stored)
            score, stored = self.scores[row_id], self.stored[row_id]
            hit = _hit(len(hits) + 1, score, stored, self.evidence, weights, places)
            hits.append(replace(hit, rerank_score=self.reranked.get(row_id)))
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
    selection: Searched,
    embedder: Embedder,
    *,
    top_k: int,
    n_candidates: int,
    legs: Legs = "hybrid",
    choice: Choice = RELEVANT,
    reranking: Reranking | None = None,
) -> Found:
    """Return what each stage found, to make hits of or to explain them; as for `retrieve`.

    `reranking` puts the first candidates in its own order. `choice` is among the candidates: fewer
    than `top_k` come back where too few are left of them.
    """
    terms = query_terms(question)
    if not terms:
        return Found(Evidence({}, {}, 0.0, 1.0), {}, {}, (), {}, {}, {}, (), Chosen(()), {})
    rarity = selection.term_weights(terms)
    k = max(n_candidates, top_k)
    evidence = search_legs(question, rarity, selection, embedder, k=k, legs=legs)
    fused = fuse(evidence)
    ranked = sorted(fused, key=lambda row_id: (-fused[row_id], row_id))
    near = selection.near_passages(ranked)
    distinct = _distinct(ranked, near)
    reranked = _reranked(question, distinct, selection, reranking) if reranking else {}
    scores = _above(reranked, fused) if reranked else fused
    if reranked:
        distinct.sort(key=lambda row_id: -scores[row_id])  # equal ones stay as they were
    chosen = _chosen(distinct, top_k, choice, scores=scores, selection=selection, evidence=evidence)
    behind = (other for row_id in chosen.best for other in near[row_id])
    stored = selection.chunks([*chosen.best, *behind, *chosen.passed_over])
    return Found(evidence, rarity, fused, ranked, near, reranked, scores, distinct, chosen, stored)


def _reranked(
    question: str, distinct: Sequence[int], selection: Searched, reranking: Reranking
) -> dict[int, float]:
    """Return the reranker's scores of the first candidates, in [0, 1]."""
    stored = selection.chunks(distinct[: reranking.n_candidates])
    texts = [_read_text(found) for found in stored.values()]
    scores = reranking.reranker.score(question, texts)
    return dict(zip(stored, map(float, scores), strict=True))


def _read_text(stored: StoredChunk) -> str:
    text = stored.chunk.embedded_text
    return f"{stored.title}\n{text}" if stored.title else text


def _above(reranked: Mapping[int, float], fused: Mapping[int, float]) -> dict[int, float]:
    """Return scores in [0, 1] that put what was reranked above the rest: each has a half."""
    return {
        row_id: (1.0 + reranked[row_id]) / 2.0 if row_id in reranked else score / 2.0
        for row_id, score in fused.items()
    }


def _chosen(
    distinct: Sequence[int],
    top_k: int,
    choice: Choice,
    *,
    scores: Mapping[int, float],
    selection: Searched,
    evidence: Evidence,
) -> Chosen:
    if choice.is_plain:
        return Chosen(distinct[:top_k])
    stored = selection.chunks(distinct)
    kept = [row_id for row_id in distinct if row_id in stored]
    return choose(
        kept,
        top_k,
        choice,
        scores=scores,
        documents={row_id: _document(stored[row_id]) for row_id in kept},
        likeness=_likeness([stored[row_id] for row_id in kept], selection, evidence, choice),
    )


def _document(stored: StoredChunk) -> str:
    return f"{stored.collection}\0{stored.chunk.document_id}"


def _likeness(
    candidates: Sequence[StoredChunk], selection: Searched, evidence: Evidence, choice: Choice
) -> Likeness:
    """Return how like each other the candidates are: by vectors where the embedder reads them.

    The vectors of what it cannot read are all alike; terms are compared then.
    """
    if not choice.diversity:
        return likeness_of_terms([])  # it does not count
    if evidence.dense_weight:
        vectors = selection.vectors([stored.row_id for stored in candidates])
        if len(vectors) == len(candidates):
            return likeness_of_vectors(np.stack([vectors[c.row_id] for c in candidates]))
    return likeness_of_terms(
        [frozenset(terms_of(stored.chunk.embedded_text)) for stored in candidates]
    )


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
        replace(place, is_exact=other.chunk.text == first.chunk.text)
        for other in others
        for place in (*places_of(other), *other.places)
    )
    return (*places_of(first)[1:], *first.places, *nearly)[:MAX_PLACES]


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
        collection=stored.collection,
        date=stored.date,
    )
