"""What a deep check reads: every stored row, what belongs to nothing, the index against the rows.

Each function returns sentences, [] for what is sound.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragapp.chunkstore import (
    Database,
    chunks,
    conversations,
    documents,
    generations,
    ratings,
    vectors,
)
from ragapp.chunkstore.generations import Generation
from ragapp.errors import CollectionDamagedError
from ragapp.protocols import Ids, VectorIndex, Vectors

_SHOWN = 5

# what should not be -> a query for the rows that are so
_ORPHANS: Mapping[str, str] = {
    "vectors without a passage": "SELECT DISTINCT passage_id FROM vectors"
    " WHERE passage_id NOT IN (SELECT id FROM passages) ORDER BY 1",
    "postings without a passage": "SELECT rowid FROM postings"
    " WHERE rowid NOT IN (SELECT id FROM passages) ORDER BY 1",
    "passages without vectors": "SELECT id FROM passages WHERE id NOT IN"
    " (SELECT passage_id FROM vectors WHERE embedder_id ="
    " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'embedder_id')) ORDER BY 1",
    "passages without postings": "SELECT id FROM passages"
    " WHERE id NOT IN (SELECT rowid FROM postings) ORDER BY 1",
    "passages without a chunk": "SELECT id FROM passages"
    " WHERE id NOT IN (SELECT passage_id FROM chunks) ORDER BY 1",
    "chunks without a passage": "SELECT document_seq || '-' || ordinal FROM chunks"
    " WHERE passage_id NOT IN (SELECT id FROM passages) ORDER BY document_seq, ordinal",
    "chunks without a document": "SELECT document_seq || '-' || ordinal FROM chunks"
    " WHERE document_seq NOT IN (SELECT seq FROM documents) ORDER BY document_seq, ordinal",
    "documents without a source": "SELECT id FROM documents WHERE id NOT IN"
    " (SELECT document_id FROM sources WHERE document_id IS NOT NULL) ORDER BY seq",
    "documents without all their chunks": "SELECT id FROM documents WHERE n_chunks !="
    " (SELECT count(*) FROM chunks WHERE document_seq = documents.seq) ORDER BY seq",
    "sources without their document": "SELECT path FROM sources WHERE document_id IS NOT NULL"
    " AND document_id NOT IN (SELECT id FROM documents) ORDER BY path",
}


@dataclass(frozen=True, slots=True)
class DeepCheck:
    """What was found wrong, and how much was looked at, by name in order."""

    problems: tuple[str, ...]
    counts: Mapping[str, int]


def deep_check(database: Database, index_problems: Sequence[str]) -> DeepCheck:
    """Read every row of the database; return what is wrong, with what is of the index."""
    found = database.integrity_problems()
    with database.reading() as connection:
        found += row_problems(connection)
        orphaned = orphans(connection)
        counts = row_counts(connection)
    problems = (*found, *orphan_problems(orphaned), *index_problems)
    return DeepCheck(problems, counts | {kind: len(rows) for kind, rows in orphaned.items()})


def row_problems(connection: sqlite3.Connection) -> list[str]:
    """Return the rows that no longer match their SHA-256."""
    return [
        *(f"chunk {i} does not match its hash" for i in chunks.damaged_chunks(connection)),
        *(f"document {i} does not match its hash" for i in documents.damaged_documents(connection)),
        *(
            f"the vector of passage {i} does not match its hash"
            for i in vectors.damaged_vectors(connection)
        ),
        *(
            f"conversation {i} does not match its hash"
            for i in conversations.damaged_turns(connection)
        ),
        *(f"rating {i} does not match its hash" for i in ratings.damaged_ratings(connection)),
    ]


def orphans(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Return by kind the rows that belong to nothing or lack a part; every kind is there."""
    return {
        kind: [str(row[0]) for row in connection.execute(query)] for kind, query in _ORPHANS.items()
    }


def orphan_problems(found: Mapping[str, list[str]]) -> list[str]:
    """Return a sentence for each kind of which there are rows."""
    return [f"{len(rows)} {kind}: {_listed(rows)}" for kind, rows in found.items() if rows]


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table holds that a deep check reads."""
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        for table in ("documents", "sources", "chunks", "passages", "vectors", "postings")
    }


def index_differences(
    connection: sqlite3.Connection, generation: Generation, index: VectorIndex
) -> list[str]:
    """Compare all ids and values of the index with the vectors that the database holds."""
    removed = np.asarray(generations.removed_passages(connection), dtype=np.int64)
    removed = removed[removed <= generation.last_passage_id]
    try:
        ids, rows = vectors.vectors_after(
            connection, generation.embedder_id, generation.dim, last_passage_id=-1
        )
    except CollectionDamagedError as error:
        return [error.message]
    covered = ids <= generation.last_passage_id
    ids, rows = ids[covered], rows[covered]
    name = f"index generation {generation.number}"
    if index.n_vectors != len(ids) + len(removed):
        return [
            f"{name} holds {index.n_vectors} vectors, "
            f"the database {len(ids)} and {len(removed)} removed since"
        ]
    differing = _differing_ids(index, removed, ids, rows)
    if differing is None:
        return [f"{name} does not hold the passages that the database holds"]
    if len(differing):
        return [
            f"{name} differs from the database in the vectors of {len(differing)} passages: "
            + _listed([str(i) for i in differing])
        ]
    return []


def _differing_ids(index: VectorIndex, removed: Ids, ids: Ids, rows: Vectors) -> Ids | None:
    """Return the ids whose vector differs, None when the sets of ids differ.

    The inner product with the j-th unit vector is the j-th value of each vector, as far as the
    index keeps it: one search a dimension reads the whole index through its seam.
    """
    differs = np.zeros(len(ids), dtype=bool)
    for j, axis in enumerate(np.eye(index.dim, dtype=np.float32) if len(ids) else ()):
        found_ids, values = index.search(axis, index.n_vectors, excluded=removed)
        order = np.argsort(found_ids)
        if not np.array_equal(found_ids[order], ids):
            return None
        differs |= np.abs(values[order] - rows[:, j]) > index.score_error
    return ids[differs]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
