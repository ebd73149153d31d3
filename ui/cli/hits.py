"""Hits on the terminal, and how each stage of the search came to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ui.cli.printing import print_line

if TYPE_CHECKING:
    from ragapp import Explanation, Hit

_QUOTE_LENGTH = 160


def print_hits(hits: Sequence[Hit], explanation: Explanation | None = None) -> None:
    """Print a line and the beginning of the text for each hit, with its stages where explained."""
    stages = _stages(explanation) if explanation is not None else {}
    if explanation is not None:
        _print_question(explanation)
    for hit in hits:
        page = f", p. {hit.page}" if hit.page is not None else ""
        among = f" in {hit.collection}" if hit.collection else ""
        print_line(f"{hit.rank}. {hit.title} ({hit.source}{page}){among}  score {hit.score:.3f}")
        print_line(f"   {shortened(hit.text)}")
        for line in stages.get(hit.chunk_id, ()):
            print_line(f"     {line}")
    if not hits:
        print_line("nothing found")
    if explanation is not None:
        _print_choice(explanation)


def shortened(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _QUOTE_LENGTH else line[: _QUOTE_LENGTH - 1] + "…"


def _print_question(explanation: Explanation) -> None:
    terms = "  ".join(f"{term.text} {term.weight:.2f}" for term in explanation.terms)
    print_line(f"terms and their rarity: {terms or 'none'}")
    share = f"{explanation.n_allowed} of {explanation.n_passages} passages"
    print_line(f"searched: {share}" + (f", where {explanation.where}" if explanation.where else ""))
    print_line(f"the embedder knows {explanation.readable:.0%} of the question's tokens")
    for name, leg in (("dense", explanation.dense), ("lexical", explanation.lexical)):
        print_line(f"{name}: weight {leg.weight:.2f}, {leg.n_scored} passages scored")
    print_line(f"a BM25 score of {explanation.lexical_scale:.3f} counts as 1")
    print_line()


def _print_choice(explanation: Explanation) -> None:
    """Print what ranked before a hit and was passed over, and which hits are neighbours."""
    for other in explanation.passed_over:
        reason = "its document has enough" if other.reason == "document" else "like a better hit"
        print_line(f"passed over, {reason}: {_ranked(other.rank, other.score, 'score')}")
        print_line(f"   {other.source}: {shortened(other.text)}")
    ranks = {found.hit.chunk_id: str(found.hit.rank) for found in explanation.hits}
    for passage in explanation.joined:
        joined = ", ".join(ranks[chunk_id] for chunk_id in passage.chunk_ids)
        print_line(f"an answer reads as one passage: {joined} ({passage.source})")


def _stages(explanation: Explanation) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for explained in explanation.hits:
        hit = explained.hit
        terms = "  ".join(f"{term.text} {term.weight:.2f}" for term in explained.terms)
        lines[hit.chunk_id] = [
            "dense: " + _ranked(explained.dense_rank, hit.dense_score, "cosine"),
            "lexical: " + _ranked(explained.lexical_rank, hit.lexical_score, "BM25"),
            "fused: " + _ranked(explained.fused_rank, explained.fused_score, "score"),
            *(
                ["reranked: " + _ranked(explained.reranked_rank, hit.rerank_score, "score")]
                if explained.reranked_rank is not None
                else []
            ),
            *(
                [f"most like a better hit: {explained.likeness:.3f}"]
                if explained.likeness is not None
                else []
            ),
            f"terms held: {terms or 'none'}; coverage {hit.coverage:.2f}",
            *(f"also at: {place.source}" for place in hit.also_at if place.is_exact),
            *(
                f"collapsed into it: {_ranked(other.rank, other.score, 'score')}, {other.source}"
                for other in explained.collapsed
            ),
        ]
    return lines


def _ranked(rank: int | None, score: float | None, name: str) -> str:
    if rank is None or score is None:
        return "not found"
    return f"rank {rank}, {name} {score:.3f}"
