"""What a search may be told, and the search as told, or as the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from ragapp.choosing import checked_choice
from ragapp.collection import Searched
from ragapp.errors import UsageError
from ragapp.fusion import Legs
from ragapp.protocols import Embedder, Reranker
from ragapp.retrieval import Found, Reranking, find
from ragapp.settings import Settings


class SearchOptions(TypedDict, total=False):
    """How to search; what is left out, or None, is as the settings say.

    `top_k` hits come back; `legs` "dense" or "lexical" searches with that leg alone, to measure it;
    at most `max_per_document` chunks of a document come back (0: any number); `diversity` in [0, 1]
    weighs how unlike the better ones a chunk is; `rerank` tells whether the reranker is asked,
    as it is where one is set and both legs search.
    """

    top_k: int | None
    legs: Legs
    max_per_document: int | None
    diversity: float | None
    rerank: bool | None


@dataclass(frozen=True, slots=True)
class Searcher:
    """The models and settings of a search, whatever it is among."""

    settings: Settings
    embedder: Embedder
    reranker: Reranker | None = None

    def find(
        self,
        question: str,
        selection: Searched,
        *,
        top_k: int | None = None,
        legs: Legs = "hybrid",
        max_per_document: int | None = None,
        diversity: float | None = None,
        rerank: bool | None = None,
    ) -> Found:
        """Return what the stages found among `selection`. Raises UsageError for a wrong option."""
        settings = self.settings
        choice = checked_choice(
            settings.max_per_document if max_per_document is None else max_per_document,
            settings.diversity if diversity is None else diversity,
        )
        return find(
            question,
            selection,
            self.embedder,
            top_k=top_k or settings.top_k,
            n_candidates=settings.n_candidates,
            legs=legs,
            choice=choice,
            reranking=self._reranking(rerank, legs),
        )

    def _reranking(self, rerank: bool | None, legs: Legs) -> Reranking | None:
        if rerank is None:
            rerank = self.reranker is not None and legs == "hybrid"
        if not rerank:
            return None
        if self.reranker is None:
            raise UsageError(
                "there is no reranker to ask", hint='set one: reranker = "/path/to/cross-encoder"'
            )
        return Reranking(self.reranker, self.settings.rerank_candidates)
