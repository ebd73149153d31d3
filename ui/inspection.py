"""How a search came to its hits -> what the Inspect page shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ragapp import ExplainedHit, Explanation, Hit
from ui import labels, search_labels
from ui.evidence import Evidence, Part, hit_evidence
from ui.labels import Label, Say
from ui.uploads import shown_source

Leg = Literal["hybrid", "dense", "lexical"]

LEGS: dict[Leg, Label] = {
    "hybrid": search_labels.HYBRID,
    "dense": search_labels.DENSE,
    "lexical": search_labels.LEXICAL,
}
_SCORES: dict[Leg, Label] = {
    "hybrid": search_labels.SCORE,
    "dense": search_labels.COSINE,
    "lexical": search_labels.BM25,
}
_REASONS: dict[str, Label] = {
    "document": search_labels.ENOUGH_OF_DOCUMENT,
    "similar": search_labels.LIKE_A_BETTER_HIT,
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """One query searched with both legs together and with each alone, under one filter."""

    explanations: Mapping[Leg, Explanation]

    @property
    def whole(self) -> Explanation:
        """The search as `Rag.search` makes it."""
        return self.explanations["hybrid"]


def inspect(search: Callable[[Leg], Explanation]) -> Inspection:
    """Return the three searches; `search` explains one. Raises what it raises."""
    return Inspection({leg: search(leg) for leg in LEGS})


def terms_told(inspection: Inspection) -> list[str]:
    """Return the analyzer's terms of the query with their rarity, as small facts."""
    return [f"{term.text} {term.weight:.2f}" for term in inspection.whole.terms]


def weights_told(inspection: Inspection, leg: Leg, say: Say) -> list[str]:
    """Return how much a leg counts in the whole and how many passages it scored."""
    if leg == "hybrid":
        return [say(search_labels.AS_ASKED)]
    found = inspection.whole
    weight = found.dense.weight if leg == "dense" else found.lexical.weight
    alone = inspection.explanations[leg]
    n_scored = alone.dense.n_scored if leg == "dense" else alone.lexical.n_scored
    told = [say(search_labels.WEIGHT, n=weight), say(search_labels.N_SCORED, n=n_scored)]
    if leg == "lexical":
        told.append(say(search_labels.SCALE, n=found.lexical_scale))
    return told


def joined_told(inspection: Inspection, leg: Leg, say: Say) -> list[list[str]]:
    """Return which hits of a search are neighbours that an answer reads as one, by their ranks."""
    found = inspection.explanations[leg]
    ranks = {explained.hit.chunk_id: f"{explained.hit.rank}" for explained in found.hits}
    return [
        [say(search_labels.READ_AS_ONE), " + ".join(ranks[i] for i in passage.chunk_ids)]
        for passage in found.joined
    ]


def passed_over(inspection: Inspection, leg: Leg, *, collection: Path, say: Say) -> list[Evidence]:
    """Return what ranked before the last hit of a search and is none, with the reason."""
    return [
        Evidence(
            number=other.rank,
            title="",
            source=shown_source(other.source, collection),
            page=other.page,
            heading="",
            language="und",
            parts=(Part(other.text),),
            aside=say(search_labels.SCORE, n=other.score),
            facts=((say(search_labels.WHY), (say(_REASONS[other.reason]),)),),
        )
        for other in inspection.explanations[leg].passed_over
    ]


def column(inspection: Inspection, leg: Leg, *, collection: Path, say: Say) -> list[Evidence]:
    """Return the hits of one search, best first, with the question's terms marked."""
    return [
        replace(
            hit_evidence(explained.hit, collection, marks=explained.marks),
            aside=_main_score(explained.hit, leg, say),
            facts=(
                (say(search_labels.RANKS), _ranks(inspection, explained.hit.chunk_id, say)),
                (say(search_labels.TERMS_HELD), (_held(explained, say),)),
                (say(search_labels.LIKENESS), _likeness(explained)),
                (say(search_labels.COLLAPSED), _collapsed(explained, collection, say)),
            ),
        )
        for explained in inspection.explanations[leg].hits
    ]


def _main_score(hit: Hit, leg: Leg, say: Say) -> str:
    scores = {"hybrid": hit.score, "dense": hit.dense_score, "lexical": hit.lexical_score}
    score = scores[leg]
    return "" if score is None else say(_SCORES[leg], n=score)


def _ranks(inspection: Inspection, chunk_id: str, say: Say) -> tuple[str, ...]:
    """Return a passage's place in all three searches, as far as they found it."""
    return tuple(_ranked(leg, _placed(inspection, leg, chunk_id), say) for leg in LEGS)


def _placed(inspection: Inspection, leg: Leg, chunk_id: str) -> tuple[int, float] | None:
    """Return a passage's rank and score in a search, None where it is not among the best.

    The whole search knows its legs' ranks, too, of more passages than a leg alone shows.
    """
    for explanation in (inspection.explanations[leg], inspection.whole):
        for explained in explanation.hits:
            hit = explained.hit
            places = {
                "hybrid": (explained.fused_rank, hit.score),
                "dense": (explained.dense_rank, hit.dense_score),
                "lexical": (explained.lexical_rank, hit.lexical_score),
            }
            rank, score = places[leg]
            if hit.chunk_id == chunk_id and rank is not None and score is not None:
                return rank, score
    return None


def _ranked(leg: Leg, place: tuple[int, float] | None, say: Say) -> str:
    if place is None:
        return f"{say(LEGS[leg])} · {say(search_labels.NOT_AMONG_BEST)}"
    rank, score = place
    return " · ".join([say(LEGS[leg]), say(search_labels.RANK, n=rank), say(_SCORES[leg], n=score)])


def _likeness(explained: ExplainedHit) -> tuple[str, ...]:
    return () if explained.likeness is None else (f"{explained.likeness:.3f}",)


def _held(explained: ExplainedHit, say: Say) -> str:
    held = [term.text for term in explained.terms] or [say(search_labels.NO_TERM_HELD)]
    return " · ".join([*held, say(search_labels.COVERAGE, n=explained.hit.coverage)])


def _collapsed(explained: ExplainedHit, collection: Path, say: Say) -> tuple[str, ...]:
    """Return the passages that the hit stands for, and why they are no hits of their own."""
    return tuple(
        " · ".join(
            [
                shown_source(other.source, collection),
                *([] if other.page is None else [say(labels.PAGE, n=other.page)]),
                say(search_labels.COLLAPSED_WHY),
                say(search_labels.RANK, n=other.rank),
                say(search_labels.SCORE, n=other.score),
            ]
        )
        for other in explained.collapsed
    )
