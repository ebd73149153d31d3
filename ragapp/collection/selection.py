"""A collection as a search sees it: all of it, or the passages that a filter lets pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ragapp.chunkstore import (
    Database,
    chunks,
    dates,
    documents,
    filtering,
    passages,
    postings,
    sources,
)
from ragapp.chunkstore.chunks import StoredChunk
from ragapp.collection import view
from ragapp.collection.dense import DenseSearch
from ragapp.conflict import DocumentDate
from ragapp.filters import Filter
from ragapp.protocols import Ids, Vectors
from ragapp.types import Citation, Document, Hit

Found = list[tuple[int, float]]

MAX_REVISIONS = 8

_MORE = 32  # candidates beyond the best k that are scored exactly


@dataclass(frozen=True)  # without slots: what is allowed is kept in two more forms
class Selection:
    """What the two searches and the look-ups of a question may see.

    `allowed` are passage ids in order, None for all of them. Filtering comes before the best `k`
    are taken, so `k` passages come back wherever that many pass.
    """

    database: Database
    dense: DenseSearch
    where: Filter | None = None
    allowed: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        database: Database,
        dense: DenseSearch,
        where: Filter | None,
        *,
        is_checked: bool = True,
    ) -> Selection:
        """Return what `where` lets pass, all of it for None.

        Raises UsageError where it names what no document has, unless it is not `is_checked`.
        """
        if where is None:
            return cls(database, dense)
        with database.reading() as connection:
            allowed = filtering.allowed_passages(connection, where, is_checked=is_checked)
        return cls(database, dense, where, tuple(allowed))

    def search_dense(self, query: Vectors, k: int) -> Found:
        """Return (passage id, cosine) of the `k` nearest passages to a (dim,) unit query.

        Where the index rounds, as many more are scored exactly as may belong to the best `k`.
        """
        seen = self.dense.current_view()
        error = seen.index.score_error if seen.index is not None else 0.0
        allowed = self._allowed_ids
        if not error:
            return view.search(seen, query, k, allowed=allowed)
        n_asked = k + _MORE
        while True:
            rounded = view.search(seen, query, n_asked, allowed=allowed)
            exact = self.cosines(query, [row_id for row_id, _ in rounded])
            best = sorted(exact.items(), key=lambda item: (-item[1], item[0]))[:k]
            if len(rounded) < n_asked or not best or rounded[-1][1] + error < best[-1][1]:
                return best
            n_asked *= 2

    def search_lexical(
        self, terms: Sequence[str], k: int, *, pooled: postings.Statistics | None = None
    ) -> Found:
        """Return (passage id, BM25 score) of the best `k` passages for the analyzer's terms.

        The scores are by the `pooled` statistics of several collections where these are given.
        """
        with self.database.reading() as connection:
            return postings.search_terms(
                connection, terms, k, allowed=self._allowed_json, pooled=pooled
            )

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each of the passages `row_ids` with a (dim,) unit query."""
        return self.dense.cosines(query, row_ids)

    def vectors(self, row_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the (dim,) float32 unit vector of each of the passages that has one."""
        ids, rows = self.dense.vectors(row_ids)
        return dict(zip(ids.tolist(), rows, strict=True))

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse passage frequency in the whole collection, > 0."""
        return self.statistics(terms).rarity()

    def statistics(self, terms: Sequence[str]) -> postings.Statistics:
        """Return what BM25 needs to know of the whole collection to rank by `terms`."""
        with self.database.reading() as connection:
            return postings.statistics(connection, terms)

    def chunks(self, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return the first chunk that holds each of the passages, one that passes where any does.

        Its first source passes, too. Passages that are no longer stored are left out.
        """
        with self.database.reading() as connection:
            if self.where is None:
                return chunks.get_chunks(connection, row_ids)
            first = filtering.allowed_places(connection, self.where, row_ids)
            return chunks.get_chunks(connection, row_ids, first=first)

    def keys(self, row_ids: Sequence[int]) -> dict[int, bytes]:
        """Return the hash of heading and text of each of the passages still stored."""
        with self.database.reading() as connection:
            return passages.keys_of(connection, row_ids)

    def passages_of_keys(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """Return the passages that have one of the hashes of heading and text."""
        with self.database.reading() as connection:
            return passages.ids_of_keys(connection, keys)

    def near_passages(self, row_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return for each of the passages `row_ids` those that say the same in other words."""
        with self.database.reading() as connection:
            return passages.near_passages(connection, row_ids)

    def text_of(self, hit: Hit, start: int, end: int) -> str | None:
        """Return ``[start, end)`` of the text of a hit's document, None where it is gone."""
        with self.database.reading() as connection:
            return documents.text_between(connection, hit.document_id, start, end)

    def revisions_of(self, citation: Citation) -> tuple[str, ...]:
        """Return the sources of the revisions of a cited document: alike, but of other facts."""
        with self.database.reading() as connection:
            return documents.revision_sources(connection, citation.document_id)

    def revision_documents(self, citation: Citation) -> list[Document]:
        """Return up to `MAX_REVISIONS` revisions of a cited document, with their texts."""
        with self.database.reading() as connection:
            paths = documents.revision_sources(connection, citation.document_id)
            held = [sources.get_source(connection, path) for path in paths[:MAX_REVISIONS]]
            ids = [source.document_id for source in held if source and source.document_id]
            found = [documents.get_document(connection, document_id) for document_id in ids]
        return [document for document in found if document is not None]

    def date_of(self, collection: str, document_id: str, source: str) -> DocumentDate:
        """Return the day of a document, that of its file `source` where it tells none itself."""
        with self.database.reading() as connection:
            return dates.date_of(connection, document_id, source)

    @property
    def n_allowed(self) -> int:
        """How many passages pass."""
        return self.n_passages() if self.allowed is None else len(self.allowed)

    def n_passages(self) -> int:
        """Return how many passages are stored, whatever passes."""
        with self.database.reading() as connection:
            return postings.count_postings(connection)

    @cached_property
    def _allowed_ids(self) -> Ids | None:
        return None if self.allowed is None else np.array(self.allowed, dtype=np.int64)

    @cached_property
    def _allowed_json(self) -> str | None:
        return None if self.allowed is None else json.dumps(self.allowed)
