"""Rows that point at the index files built from the vectors; the newest one is in force."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ragapp.chunkstore.failpoints import reach


@dataclass(frozen=True, slots=True)
class Generation:
    """The manifest of one index file: what it holds and how to know that it is whole.

    It covers all passages up to `last_passage_id`; `size` is in bytes.
    """

    number: int
    file: str
    index_name: str
    embedder_id: int
    dim: int
    n_vectors: int
    last_passage_id: int
    size: int
    sha256: bytes


_COLUMNS = "number, file, index_name, embedder_id, dim, n_vectors, last_passage_id, size, sha256"


def newest_generation(connection: sqlite3.Connection) -> Generation | None:
    """Return the generation in force, None before the first."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM generations ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return None if row is None else Generation(*row)


def next_number(connection: sqlite3.Connection) -> int:
    """Return a number above every generation's so far, dropped ones included."""
    row = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'generations'"
    ).fetchone()
    return 1 if row is None else int(row[0]) + 1


def raise_numbers(connection: sqlite3.Connection, number: int) -> None:
    """Make the next number `number` or above."""
    raised = connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'generations' RETURNING 1",
        (number - 1,),
    ).fetchone()
    if raised is None:
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('generations', ?)", (number - 1,)
        )


def put_generation(connection: sqlite3.Connection, generation: Generation) -> None:
    """Make `generation` the one in force; the earlier rows go."""
    connection.execute(
        f"INSERT INTO generations ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            generation.number,
            generation.file,
            generation.index_name,
            generation.embedder_id,
            generation.dim,
            generation.n_vectors,
            generation.last_passage_id,
            generation.size,
            generation.sha256,
        ),
    )
    reach("generation.inserted")
    connection.execute("DELETE FROM generations WHERE number < ?", (generation.number,))
    reach("generation.older_deleted")
    connection.execute(
        "DELETE FROM removed_passages WHERE passage_id <= ?", (generation.last_passage_id,)
    )
    reach("generation.removed_cleared")


def drop_generations(connection: sqlite3.Connection) -> None:
    """Forget all generations: every vector is searched from the database until the next build."""
    connection.execute("DELETE FROM generations")
    reach("generations.dropped")


def removed_passages(connection: sqlite3.Connection) -> list[int]:
    """Return the ids of passages that were removed since the generation in force was built."""
    rows = connection.execute("SELECT passage_id FROM removed_passages ORDER BY passage_id")
    return [int(row[0]) for row in rows]


def newest_passage_id(connection: sqlite3.Connection) -> int:
    """Return the highest passage id ever given, 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    return 0 if row is None else int(row[0])
