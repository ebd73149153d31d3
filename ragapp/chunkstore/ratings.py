"""Ratings of answers, as rows. Nothing else refers to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError
from ragapp.rated import Rated, Verdict


def insert_rating(
    connection: sqlite3.Connection, rating: Verdict, comment: str, answer: Mapping[str, Any]
) -> int:
    """Store a rating of an answer (plain JSON values) and return its number."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps(answer, ensure_ascii=False)
    cursor = connection.execute(
        "INSERT INTO ratings (given_at, rating, comment, answer, sha256) VALUES (?,?,?,?,?)",
        (now, rating, comment, text, _digest(rating, comment, text)),
    )
    reach("rating.inserted")
    return int(cursor.lastrowid or 0)


def list_ratings(connection: sqlite3.Connection) -> list[Rated]:
    """Return all ratings, the oldest first. Raises CollectionDamagedError for a changed one."""
    return [_rated(*row) for row in _rows(connection)]


def delete_rating(connection: sqlite3.Connection, rating_id: int) -> bool:
    """Delete a rating; False where there is none of the number."""
    deleted = connection.execute("DELETE FROM ratings WHERE id = ?", (rating_id,))
    return deleted.rowcount > 0


def count_ratings(connection: sqlite3.Connection) -> int:
    """Return how many ratings are stored."""
    return int(connection.execute("SELECT count(*) FROM ratings").fetchone()[0])


def damaged_ratings(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the numbers of ratings that no longer match their SHA-256."""
    for number, _, rating, comment, text, digest in _rows(connection):
        if _digest(rating, comment, text) != digest:
            yield number


def _rows(connection: sqlite3.Connection) -> sqlite3.Cursor:
    return connection.execute(
        "SELECT id, given_at, rating, comment, answer, sha256 FROM ratings ORDER BY id"
    )


def _rated(
    number: int, given_at: str, rating: Verdict, comment: str, text: str, digest: bytes
) -> Rated:
    if _digest(rating, comment, text) != digest:
        raise CollectionDamagedError(
            f"rating {number} was changed on disk",
            hint=f"restore a backup, or delete it: ragapp feedback delete {number}",
        )
    return Rated(number, given_at, rating, comment, json.loads(text))


def _digest(rating: str, comment: str, text: str) -> bytes:
    return sha256("\0".join((rating, comment, text)).encode()).digest()
