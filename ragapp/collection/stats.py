"""The counts of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ragapp.chunkstore import Database, chunks, documents, generations, passages, sources, vectors


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """Counts of a collection. Equal chunks share a passage, which is stored and indexed once.

    `n_unindexed` passages are newer than the index generation.
    """

    n_documents: int
    n_chunks: int
    n_passages: int
    n_sources: int
    n_failed_sources: int
    chunks_by_language: Mapping[str, int]
    documents_by_format: Mapping[str, int]
    generation: int
    n_unindexed: int
    journal_mode: str


def collection_stats(database: Database) -> CollectionStats:
    """Return the counts of the collection whose database this is."""
    with database.reading() as connection:
        n_sources, n_failed = sources.count_sources(connection)
        generation = generations.newest_generation(connection)
        return CollectionStats(
            n_documents=documents.count_documents(connection),
            n_chunks=chunks.count_chunks(connection),
            n_passages=passages.count_passages(connection),
            n_sources=n_sources,
            n_failed_sources=n_failed,
            chunks_by_language=chunks.count_by_language(connection),
            documents_by_format=documents.count_by_format(connection),
            generation=generation.number if generation else 0,
            n_unindexed=vectors.count_after(
                connection, generation.last_passage_id if generation else 0
            ),
            journal_mode=database.journal_mode(),
        )
