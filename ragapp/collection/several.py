"""Several collections as one search sees them, their scores made comparable.

A passage's id here is that of its collection times the number of collections, plus its
collection's place among them. BM25 counts passages and terms over all collections together:
by its own counts, a collection would score a term the higher the fewer of its passages hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from ragapp.chunkstore.chunks import StoredChunk
from ragapp.chunkstore.postings import Statistics
from ragapp.collection.selection import Found, Selection
from ragapp.conflict import DocumentDate
from ragapp.filters import Filter
from ragapp.protocols import Vectors
from ragapp.types import Citation, Document, Hit

_Value = TypeVar("_Value")


class Searched(Protocol):
    """What a question is searched among: a collection, or several; methods as of `Selection`."""

    @property
    def where(self) -> Filter | None:
        """The filter, None where everything passes."""

    @property
    def n_allowed(self) -> int:
        """How many passages pass."""

    def search_dense(self, query: Vectors, k: int) -> Found:
        """Return (passage id, cosine) of the `k` nearest passages to a (dim,) unit query."""

    def search_lexical(self, terms: Sequence[str], k: int) -> Found:
        """Return (passage id, BM25 score) of the best `k` passages for the analyzer's terms."""

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each of the passages with a (dim,) unit query."""

    def vectors(self, row_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the (dim,) float32 unit vector of each of the passages that has one."""

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse passage frequency, > 0, whatever passes."""

    def chunks(self, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return the first chunk that passes of each of the passages still stored."""

    def near_passages(self, row_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return for each of the passages those that say the same."""

    def text_of(self, hit: Hit, start: int, end: int) -> str | None:
        """Return ``[start, end)`` of the text of a hit's document, None where it is gone."""

    def revisions_of(self, citation: Citation) -> tuple[str, ...]:
        """Return the sources of the revisions of a cited document: alike, but of other facts."""

    def revision_documents(self, citation: Citation) -> list[Document]:
        """Return the revisions of a cited document, with their texts."""

    def date_of(self, collection: str, document_id: str, source: str) -> DocumentDate:
        """Return the day of a document of a collection."""

    def n_passages(self) -> int:
        """Return how many passages are stored, whatever passes."""


@dataclass(frozen=True, slots=True)
class Several:
    """A `Searched` over the `parts`, each of one collection, under their names."""

    parts: Mapping[str, Selection]

    @property
    def where(self) -> Filter | None:
        """The filter, the same for all."""
        return next(iter(self.parts.values())).where

    @property
    def n_allowed(self) -> int:
        """How many passages pass, equal ones of two collections counted twice."""
        return sum(part.n_allowed for part in self.parts.values())

    def n_passages(self) -> int:
        """Return how many passages are stored, equal ones of two collections counted twice."""
        return sum(part.n_passages() for part in self.parts.values())

    def search_dense(self, query: Vectors, k: int) -> Found:
        """Return (passage id, cosine) of the `k` nearest passages to a (dim,) unit query."""
        return self._best([part.search_dense(query, k) for part in self.parts.values()], k)

    def search_lexical(self, terms: Sequence[str], k: int) -> Found:
        """Return (passage id, BM25 score by the counts of all collections) of the best `k`."""
        pooled = self._pooled(terms)
        found = [part.search_lexical(terms, k, pooled=pooled) for part in self.parts.values()]
        return self._best(found, k)

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each of the passages with a (dim,) unit query."""
        return self._merged(
            [part.cosines(query, ids) for part, ids in self._split(row_ids)],
        )

    def vectors(self, row_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the (dim,) float32 unit vector of each of the passages that has one."""
        return self._merged([part.vectors(ids) for part, ids in self._split(row_ids)])

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse passage frequency over all collections, > 0."""
        return self._pooled(terms).rarity()

    def chunks(self, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return the first chunk that passes of each passage, with its collection's name."""
        found = [
            {
                local: _named(stored, name, self._id(local, place))
                for local, stored in part.chunks(ids).items()
            }
            for place, (name, (part, ids)) in enumerate(
                zip(self.parts, self._split(row_ids), strict=True)
            )
        ]
        return self._merged(found)

    def near_passages(self, row_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return for each of the passages those that say the same, in any of the collections."""
        split = self._split(row_ids)
        near = self._merged(
            [
                {
                    local: [self._id(other, place) for other in others]
                    for local, others in part.near_passages(ids).items()
                }
                for place, (part, ids) in enumerate(split)
            ]
        )
        keys = self._merged([part.keys(ids) for part, ids in split])
        for place, part in enumerate(self.parts.values()):
            equal = part.passages_of_keys(list(dict.fromkeys(keys.values())))
            for row_id, key in keys.items():
                if key in equal and row_id % len(self.parts) != place:
                    near[row_id].append(self._id(equal[key], place))
        return near

    def text_of(self, hit: Hit, start: int, end: int) -> str | None:
        """Return ``[start, end)`` of the text of a hit's document, None where it is gone."""
        return self.parts[hit.collection].text_of(hit, start, end)

    def revisions_of(self, citation: Citation) -> tuple[str, ...]:
        """Return the sources of the revisions of a cited document in its own collection."""
        return self.parts[citation.collection].revisions_of(citation)

    def revision_documents(self, citation: Citation) -> list[Document]:
        """Return the revisions of a cited document in its own collection, with their texts."""
        return self.parts[citation.collection].revision_documents(citation)

    def date_of(self, collection: str, document_id: str, source: str) -> DocumentDate:
        """Return the day of a document of a collection."""
        return self.parts[collection].date_of(collection, document_id, source)

    def _pooled(self, terms: Sequence[str]) -> Statistics:
        return Statistics.pooled([part.statistics(terms) for part in self.parts.values()])

    def _id(self, local: int, place: int) -> int:
        return local * len(self.parts) + place

    def _split(self, row_ids: Sequence[int]) -> list[tuple[Selection, list[int]]]:
        """Return each part with its own ids of those given."""
        n = len(self.parts)
        return [
            (part, [row_id // n for row_id in row_ids if row_id % n == place])
            for place, part in enumerate(self.parts.values())
        ]

    def _merged(self, parts: Sequence[Mapping[int, _Value]]) -> dict[int, _Value]:
        return {
            self._id(local, place): value
            for place, values in enumerate(parts)
            for local, value in values.items()
        }

    def _best(self, found: Sequence[Found], k: int) -> Found:
        merged = [
            (self._id(local, place), score)
            for place, pairs in enumerate(found)
            for local, score in pairs
        ]
        return sorted(merged, key=lambda pair: (-pair[1], pair[0]))[:k]


def _named(stored: StoredChunk, name: str, row_id: int) -> StoredChunk:
    places = tuple(replace(place, collection=name) for place in stored.places)
    return replace(stored, row_id=row_id, places=places, collection=name)
