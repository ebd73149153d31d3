"""Rows of sources: the files as the user knows them, with what became of each."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ragapp.chunkstore.failpoints import reach

NO_FILE = -1  # in Source.mtime_ns


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was ingested, or that failed.

    `mtime_ns` is NO_FILE where `path` is only a name: what a loader or a pipe brought.

    `recipe` names what the outcome depends on beside the file: reader, chunk sizes, embedder. A
    `failure` code ("" if none) may stand beside a `document_id`: the last good version is kept.
    `failed_at` is when a stored failure happened last (ISO 8601, UTC), "" where that is not known.
    """

    path: str
    document_id: str | None
    sha256: bytes | None
    size: int
    mtime_ns: int
    recipe: str
    failure: str = ""
    reason: str = ""
    failed_at: str = field(default="", compare=False)


_COLUMNS = "path, document_id, sha256, size, mtime_ns, recipe, failure, reason"
_FAILED_AT = "failed_at "  # before the path in the key of `meta`: `sources` has no such column
_SOURCES = (
    f"SELECT {_COLUMNS}, coalesce((SELECT value FROM meta WHERE key = '{_FAILED_AT}' || path), '')"
    " FROM sources"
)


def get_source(connection: sqlite3.Connection, path: str) -> Source | None:
    """Return the source at `path`, None if it was never ingested."""
    row = connection.execute(f"{_SOURCES} WHERE path = ?", (path,)).fetchone()
    return None if row is None else Source(*row)


def put_source(connection: sqlite3.Connection, source: Source) -> None:
    """Store a source, replacing what was known of its path; a failure is stored with the time."""
    connection.execute(
        f"INSERT INTO sources ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"
        " ON CONFLICT (path) DO UPDATE SET document_id = excluded.document_id,"
        " sha256 = excluded.sha256, size = excluded.size, mtime_ns = excluded.mtime_ns,"
        " recipe = excluded.recipe, failure = excluded.failure, reason = excluded.reason",
        (
            source.path,
            source.document_id,
            source.sha256,
            source.size,
            source.mtime_ns,
            source.recipe,
            source.failure,
            source.reason,
        ),
    )
    _note_failure(connection, source.path, has_failed=bool(source.failure))
    reach("source.put")


def delete_source(connection: sqlite3.Connection, path: str) -> None:
    """Forget a source."""
    connection.execute("DELETE FROM sources WHERE path = ?", (path,))
    _note_failure(connection, path, has_failed=False)
    reach("source.deleted")


def sources_of_document(connection: sqlite3.Connection, document_id: str) -> list[str]:
    """Return the paths that hold a document, the first ingested first."""
    rows = connection.execute(
        "SELECT path FROM sources WHERE document_id = ? ORDER BY seq", (document_id,)
    )
    return [str(row[0]) for row in rows]


def list_sources(connection: sqlite3.Connection) -> list[Source]:
    """Return all sources, by path."""
    return [Source(*row) for row in connection.execute(f"{_SOURCES} ORDER BY path")]


def count_sources(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many sources there are, and how many of them have failed."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(failure != ''), 0) FROM sources"
    ).fetchone()
    return int(row[0]), int(row[1])


def _note_failure(connection: sqlite3.Connection, path: str, *, has_failed: bool) -> None:
    key = f"{_FAILED_AT}{path}"
    if has_failed:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, now))
    else:
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
