"""Rows of vectors: one per passage and embedder, little-endian float32, kept beside their text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError
from ragapp.protocols import EmbedderIdentity, Ids, Vectors

_BATCH = 20_000  # 30 MB of 384 dimensions


def embedder_id(connection: sqlite3.Connection, fingerprint: str) -> int | None:
    """Return the row id of the embedder with this fingerprint, None if it was never used."""
    row = connection.execute(
        "SELECT id FROM embedders WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    return None if row is None else int(row[0])


def register_embedder(connection: sqlite3.Connection, identity: EmbedderIdentity) -> int:
    """Store the embedder's identity if it is new and return its row id."""
    connection.execute(
        "INSERT OR IGNORE INTO embedders (fingerprint, name, dim) VALUES (?, ?, ?)",
        (identity.fingerprint, identity.name, identity.dim),
    )
    found = embedder_id(connection, identity.fingerprint)
    assert found is not None
    reach("embedder.registered")
    return found


def get_embedder(connection: sqlite3.Connection, row_id: int) -> EmbedderIdentity:
    """Return the identity of a registered embedder."""
    row = connection.execute(
        "SELECT name, fingerprint, dim FROM embedders WHERE id = ?", (row_id,)
    ).fetchone()
    return EmbedderIdentity(str(row[0]), str(row[1]), int(row[2]))


def insert_vectors(
    connection: sqlite3.Connection, passage_ids: Sequence[int], embedder_row: int, vectors: Vectors
) -> None:
    """Store the rows of (n, dim) float32 `vectors` for `passage_ids`, in the same order.

    A passage that has a vector of this embedder keeps it.
    """
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (passage_id, embedder_id, vector, sha256)"
        " VALUES (?, ?, ?, ?)",
        (
            (passage_id, embedder_row, blob, sha256(blob).digest())
            for passage_id, blob in zip(
                passage_ids, (row.astype("<f4").tobytes() for row in vectors), strict=True
            )
        ),
    )
    reach("vectors.inserted")


def vectors_after(
    connection: sqlite3.Connection, embedder_row: int, dim: int, *, last_passage_id: int
) -> tuple[Ids, Vectors]:
    """Return ids (n,) and vectors (n, dim) of all passages newer than `last_passage_id`, by id."""
    rows = connection.execute(
        "SELECT passage_id, vector FROM vectors WHERE embedder_id = ? AND passage_id > ?"
        " ORDER BY passage_id",
        (embedder_row, last_passage_id),
    )
    return _stacked(rows, dim)


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """The vectors of an embedder up to a passage, as a VectorSource, inside a transaction."""

    connection: sqlite3.Connection
    embedder_row: int
    dim: int
    last_passage_id: int

    @property
    def n_vectors(self) -> int:
        """How many vectors there are."""
        rows = self.connection.execute(
            "SELECT count(*) FROM vectors WHERE embedder_id = ? AND passage_id <= ?",
            (self.embedder_row, self.last_passage_id),
        )
        return int(rows.fetchone()[0])

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield ids (b,) and vectors (b, dim), by id. Raises CollectionDamagedError."""
        rows = self.connection.execute(
            "SELECT passage_id, vector FROM vectors WHERE embedder_id = ? AND passage_id <= ?"
            " ORDER BY passage_id",
            (self.embedder_row, self.last_passage_id),
        )
        while batch := rows.fetchmany(_BATCH):
            yield _stacked(batch, self.dim)


def count_after(connection: sqlite3.Connection, passage_id: int) -> int:
    """Return how many vectors belong to passages newer than `passage_id`."""
    row = connection.execute("SELECT count(*) FROM vectors WHERE passage_id > ?", (passage_id,))
    return int(row.fetchone()[0])


def vectors_of(
    connection: sqlite3.Connection, embedder_row: int, dim: int, passage_ids: Sequence[int]
) -> tuple[Ids, Vectors]:
    """Return ids (n,) and vectors (n, dim) of those of `passage_ids` that have a vector, by id."""
    rows = connection.execute(
        "SELECT passage_id, vector FROM vectors WHERE embedder_id = ? AND passage_id IN"
        " (SELECT value FROM json_each(?)) ORDER BY passage_id",
        (embedder_row, json.dumps(list(passage_ids))),
    )
    return _stacked(rows, dim)


def reusable_vectors(
    connection: sqlite3.Connection, embedder_row: int, keys: Iterable[bytes]
) -> dict[bytes, Vectors]:
    """Return the (dim,) vectors that this embedder already made, by key of the passage."""
    found = {}
    for key in set(keys):
        row = connection.execute(
            "SELECT v.vector FROM passages p JOIN vectors v ON v.passage_id = p.id"
            " WHERE p.key = ? AND v.embedder_id = ?",
            (key, embedder_row),
        ).fetchone()
        if row is not None:
            found[key] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
    return found


def passages_without_vector(
    connection: sqlite3.Connection, embedder_row: int
) -> Iterator[tuple[int, str, str]]:
    """Yield (id, heading, text) of passages that this embedder has not embedded, by id."""
    rows = connection.execute(
        "SELECT id, heading, text FROM passages WHERE NOT EXISTS (SELECT 1 FROM vectors"
        " WHERE passage_id = passages.id AND embedder_id = ?) ORDER BY id",
        (embedder_row,),
    )
    return ((int(row[0]), str(row[1]), str(row[2])) for row in rows)


def damaged_vectors(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the ids of passages that have a vector which no longer matches its SHA-256."""
    rows = connection.execute("SELECT passage_id, vector, sha256 FROM vectors")
    for passage_id, blob, digest in rows:
        if sha256(blob).digest() != digest:
            yield int(passage_id)


def delete_other_vectors(connection: sqlite3.Connection, embedder_row: int) -> None:
    """Delete the vectors of every embedder but this one."""
    connection.execute("DELETE FROM vectors WHERE embedder_id != ?", (embedder_row,))
    reach("vectors.others_deleted")


def _stacked(rows: Iterable[tuple[int, bytes]], dim: int) -> tuple[Ids, Vectors]:
    ids: list[int] = []
    blobs = bytearray()
    for passage_id, blob in rows:
        if len(blob) != 4 * dim:
            raise CollectionDamagedError(
                f"the vector of passage {passage_id} has {len(blob)} bytes, not {4 * dim}",
                hint="see ragapp doctor --deep; restore a backup, or run: ragapp reindex",
            )
        ids.append(passage_id)
        blobs += blob
    vectors = np.frombuffer(blobs, dtype="<f4").astype(np.float32, copy=False)
    return np.asarray(ids, dtype=np.int64), vectors.reshape(len(ids), dim)
