"""Why hits are the hits: what each stage of a search saw and did, as values.

Made of what retrieval found; the command line and the page show them. How the stages compute their
scores is theirs alone.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ragapp.analysis import term_spans, terms_of
from ragapp.collection import Searched, StoredChunk
from ragapp.joining import join
from ragapp.retrieval import Found
from ragapp.types import Hit, listed


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the question as the analyzer gives it, with its rarity in the collection, > 0."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Leg:
    """One of the two searches: how much it counts, in [0, 1], and how many passages it scored."""

    weight: float
    n_scored: int


@dataclass(frozen=True, slots=True)
class Collapsed:
    """A passage that says the same as a better one, behind it; `rank` is by fused score."""

    rank: int
    score: float
    source: str
    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A passage that ranks before the last hit and is none: its document had enough of them, or it
    is too "similar" to better ones; `rank` is by fused score.
    """

    rank: int
    score: float
    source: str
    page: int | None
    text: str
    reason: Literal["document", "similar"]


@dataclass(frozen=True, slots=True)
class Joined:
    """Hits, by chunk id, that are neighbours: an answer reads them as one passage of a document."""

    chunk_ids: tuple[str, ...]
    document_id: str
    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """A hit with its ranks, from 1, in each leg and after fusion; None where a leg missed it.

    `terms` are those of the question that stand in the hit, its title and headings counted;
    `marks` are the places [start, end) in the hit's text where they stand.
    `fused_score` is that of the fused rank, `reranked_rank` the rank by a reranker, None where none
    read it. `likeness` in [0, 1] is that to the most similar better hit, None if it did not count.
    """

    hit: Hit
    dense_rank: int | None
    lexical_rank: int | None
    fused_rank: int
    terms: tuple[Term, ...]
    collapsed: tuple[Collapsed, ...] = ()
    marks: tuple[tuple[int, int], ...] = ()
    likeness: float | None = None
    fused_score: float = 0.0
    reranked_rank: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the stages as plain JSON values; the hit itself by its `chunk_id` alone."""
        return {
            "chunk_id": self.hit.chunk_id,
            "rank": self.hit.rank,
            "dense": {"rank": self.dense_rank, "score": self.hit.dense_score},
            "lexical": {"rank": self.lexical_rank, "score": self.hit.lexical_score},
            "fused": {"rank": self.fused_rank, "score": self.fused_score},
            "reranked": {"rank": self.reranked_rank, "score": self.hit.rerank_score},
            "likeness": self.likeness,
            "coverage": self.hit.coverage,
            "terms": {term.text: term.weight for term in self.terms},
            "collapsed": [asdict(other) for other in self.collapsed],
            "marks": [list(span) for span in self.marks],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A question's way to its hits.

    `n_passages` were stored, `n_allowed` of them passed the filter `where` ("" for none);
    `readable` in [0, 1] is the share of the question's tokens that the embedder knows;
    `lexical_scale` the BM25 score that counts as a full 1.
    """

    question: str
    terms: tuple[Term, ...]
    where: str
    n_passages: int
    n_allowed: int
    readable: float
    dense: Leg
    lexical: Leg
    lexical_scale: float
    hits: tuple[ExplainedHit, ...]
    passed_over: tuple[PassedOver, ...] = ()
    joined: tuple[Joined, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain JSON values, named as the README documents."""
        return {
            "terms": {term.text: term.weight for term in self.terms},
            "where": self.where,
            "n_passages": self.n_passages,
            "n_allowed": self.n_allowed,
            "readable": self.readable,
            "dense": asdict(self.dense),
            "lexical": asdict(self.lexical),
            "lexical_scale": self.lexical_scale,
            "hits": [explained.to_dict() for explained in self.hits],
            "passed_over": [asdict(other) for other in self.passed_over],
            "joined": [listed(asdict(passage)) for passage in self.joined],
        }


def explain(question: str, found: Found, selection: Searched, *, readable: float) -> Explanation:
    """Return how `found` came to its hits; `readable` is the embedder's share of the question."""
    evidence = found.evidence
    return Explanation(
        question=question,
        terms=_terms(found.rarity, found.rarity),
        where="" if selection.where is None else str(selection.where),
        n_passages=selection.n_passages(),
        n_allowed=selection.n_allowed,
        readable=readable,
        dense=Leg(evidence.dense_weight, len(evidence.dense)),
        lexical=Leg(1.0 - evidence.dense_weight, len(evidence.lexical)),
        lexical_scale=evidence.lexical_scale,
        hits=_explained(found),
        passed_over=_passed_over(found),
        joined=_joined(found.hits(), selection),
    )


def _explained(found: Found) -> tuple[ExplainedHit, ...]:
    dense, lexical = _ranks(found.evidence.dense), _ranks(found.evidence.lexical)
    read = [row_id for row_id in found.distinct if row_id in found.reranked]
    reranked = {row_id: rank for rank, row_id in enumerate(read, start=1)}
    fused = {row_id: rank for rank, row_id in enumerate(found.ranked, start=1)}
    behind = _behind(found)
    return tuple(
        ExplainedHit(
            hit=hit,
            dense_rank=dense.get(row_id),
            lexical_rank=lexical.get(row_id),
            fused_rank=fused[row_id],
            terms=_terms(found.rarity, _terms_in(found.stored[row_id])),
            collapsed=tuple(
                _collapsed(fused[i], found.fused[i], found.stored[i])
                for i in behind[row_id]
                if i in found.stored
            ),
            marks=tuple(term_spans(hit.text, found.rarity)),
            likeness=found.chosen.likeness.get(row_id),
            fused_score=found.fused[row_id],
            reranked_rank=reranked.get(row_id),
        )
        for row_id, hit in zip(found.best, found.hits(), strict=True)
    )


def _passed_over(found: Found) -> tuple[PassedOver, ...]:
    passed: list[PassedOver] = []
    for row_id, reason in found.chosen.passed_over.items():
        stored = found.stored.get(row_id)
        if stored is not None:
            rank = found.ranked.index(row_id) + 1
            source = stored.sources[0] if stored.sources else ""
            place = (source, stored.chunk.page, stored.chunk.text)
            passed.append(PassedOver(rank, found.fused[row_id], *place, reason))
    return tuple(passed)


def _joined(hits: Sequence[Hit], selection: Searched) -> tuple[Joined, ...]:
    return tuple(
        Joined(
            tuple(part.chunk_id for part in passage.parts),
            passage.document_id,
            passage.source,
            passage.start,
            passage.end,
        )
        for passage in join(hits, selection.text_of)
        if passage.parts
    )


def _behind(found: Found) -> dict[int, list[int]]:
    """Return for each of the best the candidates that say the same, each named once."""
    seen = set(found.best)
    behind: dict[int, list[int]] = {}
    for row_id in found.best:
        near = set(found.near[row_id]) - seen
        behind[row_id] = [candidate for candidate in found.ranked if candidate in near]
        seen |= near
    return behind


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """Return each passage's rank in a leg, from 1, ties by age."""
    order = sorted(scores, key=lambda row_id: (-scores[row_id], row_id))
    return {row_id: rank for rank, row_id in enumerate(order, start=1)}


def _terms(rarity: Mapping[str, float], present: Container[str]) -> tuple[Term, ...]:
    return tuple(Term(text, weight) for text, weight in rarity.items() if text in present)


def _terms_in(stored: StoredChunk) -> set[str]:
    return set(terms_of(f"{stored.title}\n{stored.chunk.embedded_text}"))


def _collapsed(rank: int, score: float, stored: StoredChunk) -> Collapsed:
    source = stored.sources[0] if stored.sources else ""
    return Collapsed(rank, score, source, stored.chunk.page, stored.chunk.text)
