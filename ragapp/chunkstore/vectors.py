"""Rows of vectors: one per chunk and embedder, little-endian float32, kept beside their text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import numpy as np

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError
from ragapp.protocols import EmbedderIdentity, Ids, Vectors


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
    connection: sqlite3.Connection, chunk_ids: Sequence[int], embedder_row: int, vectors: Vectors
) -> None:
    """Store the rows of (n, dim) float32 `vectors` for `chunk_ids`, in the same order."""
    connection.executemany(
        "INSERT OR REPLACE INTO vectors (chunk_id, embedder_id, vector, sha256)"
        " VALUES (?, ?, ?, ?)",
        [
            (chunk_id, embedder_row, blob, sha256(blob).digest())
            for chunk_id, blob in zip(
                chunk_ids, (row.astype("<f4").tobytes() for row in vectors), strict=True
            )
        ],
    )
    reach("vectors.inserted")


def vectors_after(
    connection: sqlite3.Connection, embedder_row: int, dim: int, *, last_chunk_id: int
) -> tuple[Ids, Vectors]:
    """Return ids (n,) and vectors (n, dim) of all chunks newer than `last_chunk_id`, by id."""
    rows = connection.execute(
        "SELECT chunk_id, vector FROM vectors WHERE embedder_id = ? AND chunk_id > ?"
        " ORDER BY chunk_id",
        (embedder_row, last_chunk_id),
    )
    return _stacked(rows, dim)


def count_after(connection: sqlite3.Connection, chunk_id: int) -> int:
    """Return how many vectors belong to chunks newer than `chunk_id`."""
    row = connection.execute("SELECT count(*) FROM vectors WHERE chunk_id > ?", (chunk_id,))
    return int(row.fetchone()[0])


def vectors_of(
    connection: sqlite3.Connection, embedder_row: int, dim: int, chunk_ids: Sequence[int]
) -> tuple[Ids, Vectors]:
    """Return ids (n,) and vectors (n, dim) of those of `chunk_ids` that have a vector, by id."""
    rows = connection.execute(
        "SELECT chunk_id, vector FROM vectors WHERE embedder_id = ? AND chunk_id IN"
        " (SELECT value FROM json_each(?)) ORDER BY chunk_id",
        (embedder_row, json.dumps(list(chunk_ids))),
    )
    return _stacked(rows, dim)


def reusable_vectors(
    connection: sqlite3.Connection, embedder_row: int, text_hashes: Iterable[bytes]
) -> dict[bytes, Vectors]:
    """Return the (dim,) vectors that this embedder already made, by hash of the embedded text."""
    found = {}
    for text_hash in set(text_hashes):
        row = connection.execute(
            "SELECT v.vector FROM chunks c JOIN vectors v ON v.chunk_id = c.id"
            " WHERE c.embedded_sha256 = ? AND v.embedder_id = ? LIMIT 1",
            (text_hash, embedder_row),
        ).fetchone()
        if row is not None:
            found[text_hash] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
    return found


def chunks_without_vector(
    connection: sqlite3.Connection, embedder_row: int
) -> Iterator[tuple[int, str, str]]:
    """Yield (chunk row id, heading, text) of chunks that this embedder has not embedded, by id."""
    rows = connection.execute(
        "SELECT id, heading, text FROM chunks WHERE NOT EXISTS (SELECT 1 FROM vectors"
        " WHERE chunk_id = chunks.id AND embedder_id = ?) ORDER BY id",
        (embedder_row,),
    )
    return ((int(row[0]), str(row[1]), str(row[2])) for row in rows)


def damaged_vectors(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the row ids of chunks that have a vector which no longer matches its SHA-256."""
    rows = connection.execute("SELECT chunk_id, vector, sha256 FROM vectors")
    for chunk_id, blob, digest in rows:
        if sha256(blob).digest() != digest:
            yield int(chunk_id)


def delete_other_vectors(connection: sqlite3.Connection, embedder_row: int) -> None:
    """Delete the vectors of every embedder but this one."""
    connection.execute("DELETE FROM vectors WHERE embedder_id != ?", (embedder_row,))
    reach("vectors.others_deleted")


def _stacked(rows: Iterable[tuple[int, bytes]], dim: int) -> tuple[Ids, Vectors]:
    ids: list[int] = []
    blobs = bytearray()
    for chunk_id, blob in rows:
        if len(blob) != 4 * dim:
            raise CollectionDamagedError(
                f"the vector of chunk row {chunk_id} has {len(blob)} bytes, not {4 * dim}",
                hint="see ragapp doctor --deep; restore a backup, or run: ragapp reindex",
            )
        ids.append(chunk_id)
        blobs += blob
    vectors = np.frombuffer(bytes(blobs), dtype="<f4").astype(np.float32).reshape(len(ids), dim)
    return np.asarray(ids, dtype=np.int64), vectors
