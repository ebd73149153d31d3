"""A database of an older schema -> the present one, in one transaction, after a copy of it.

The copy is laid beside the database as "<name>.v<old version>" before anything changes, unless all
that changes is that tables are added (as from version 2); it may be
deleted once the collection has proved sound. A process that is killed leaves the old database, and
the next one to open it begins anew.
"""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import groupby
from pathlib import Path

from ragapp.analysis import ANALYZER
from ragapp.chunkstore import passages
from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.schema import (
    CONVERSATION_TABLES,
    PASSAGE_TABLES,
    RATING_TABLES,
    SCHEMA_VERSION,
    analyzer_of,
    note_analyzer,
    note_version,
    statements,
    version_of,
)
from ragapp.chunkstore.syncing import sync
from ragapp.errors import CollectionError

_log = logging.getLogger(__name__)
_ONLY_ADDED_TO_SINCE = 2
_ROOM_FACTOR = 4  # the copy, the new rows beside the old ones, and the journal

# Chunks of version 1 held text, vector and postings themselves. A passage takes over the id of its
# oldest chunk, so the index stays as it is; the ids of the other chunks count as removed from it.
_TO_2: Mapping[str, str] = {
    "before": """
ALTER TABLE chunks RENAME TO chunks_1;
ALTER TABLE vectors RENAME TO vectors_1;
DROP INDEX vectors_by_chunk;
""",
    "after": """
INSERT INTO passages (id, key, heading, text)
    SELECT min(id), passage_key(heading, text), heading, text FROM chunks_1
    GROUP BY passage_key(heading, text) ORDER BY 1;
INSERT INTO chunks (document_seq, ordinal, passage_id, start, end, page, language, sha256)
    SELECT c.document_seq, c.ordinal, p.id, c.start, c.end, c.page, c.language, c.sha256
    FROM chunks_1 c JOIN passages p ON p.key = passage_key(c.heading, c.text)
    ORDER BY c.document_seq, c.ordinal;
INSERT INTO vectors (passage_id, embedder_id, vector, sha256)
    SELECT chunk_id, embedder_id, vector, sha256 FROM vectors_1
    WHERE chunk_id IN (SELECT id FROM passages) ORDER BY chunk_id;
INSERT INTO removed_passages SELECT chunk_id FROM removed_chunks;
INSERT INTO removed_passages SELECT id FROM chunks_1 WHERE id NOT IN (SELECT id FROM passages);
DELETE FROM postings WHERE rowid NOT IN (SELECT id FROM passages);
UPDATE sqlite_sequence SET name = 'passages' WHERE name = 'chunks_1'
    AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'passages');
UPDATE sqlite_sequence SET seq = max(seq, coalesce(
    (SELECT seq FROM sqlite_sequence WHERE name = 'chunks_1'), 0)) WHERE name = 'passages';
DROP TABLE vectors_1;
DROP TABLE chunks_1;
DROP TABLE removed_chunks;
ALTER TABLE generations RENAME COLUMN last_chunk_id TO last_passage_id;
""",
}


def migrate(connection: sqlite3.Connection, path: Path, *, is_copying: bool) -> None:
    """Bring an older database to the present schema; with `is_copying` lay a copy beside it first.

    Raises CollectionError when the disk has no room for it; nothing is changed then.
    """
    version = version_of(connection)
    if version >= SCHEMA_VERSION:
        return
    if version < _ONLY_ADDED_TO_SINCE:
        _require_room(path)
        if is_copying:
            _copy(connection, path, path.with_name(f"{path.name}.v{version}"))
    connection.create_function("passage_key", 2, passages.key_of, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    reach("migration.begun")
    try:
        version = version_of(connection)
        if version < SCHEMA_VERSION:  # another process may have been first
            if version < 2:
                _to_2(connection)
            if version < 3:
                _run(connection, CONVERSATION_TABLES)
            _run(connection, RATING_TABLES)
            note_version(connection)
            reach("migration.versioned")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    reach("migration.committed")
    _log.info("%s was brought from schema %d to %d", path, version, SCHEMA_VERSION)


def old_copies(path: Path) -> list[Path]:
    """Return the copies that migrations laid beside the database at `path`, the oldest first."""
    name = re.compile(rf"{re.escape(path.name)}\.v\d+")
    return sorted(other for other in path.parent.iterdir() if name.fullmatch(other.name))


def renew_postings(connection: sqlite3.Connection, path: Path) -> None:
    """Make the full-text terms anew where another analyzer made them, in one transaction."""
    if analyzer_of(connection) == ANALYZER:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if analyzer_of(connection) != ANALYZER:  # another process may have been first
            passages.renew_postings(connection)
            reach("migration.postings")
            note_analyzer(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    _log.info("the full-text terms of %s were made anew", path)


def _require_room(path: Path) -> None:
    n_needed = _ROOM_FACTOR * path.stat().st_size
    n_free = shutil.disk_usage(path.parent).free
    if n_free < n_needed:
        raise CollectionError(
            f"{path} is of an older version; bringing it to this one needs {n_needed >> 20} MiB,"
            f" {n_free >> 20} are free; nothing was changed",
            hint="free some space, then run the same command again",
        )


def _copy(connection: sqlite3.Connection, path: Path, copy: Path) -> None:
    """Lay a durable copy of the database; one that is there already is of an earlier try."""
    temporary = copy.with_name(f"{copy.name}.tmp")
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(temporary, isolation_level=None)) as target:
        connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    sync(temporary)
    temporary.replace(copy)
    sync(path.absolute().parent)
    reach("migration.copied")


def _to_2(connection: sqlite3.Connection) -> None:
    for script in (_TO_2["before"], PASSAGE_TABLES, _TO_2["after"]):
        _run(connection, script)
    for document_seq, shared in _shared_passages(connection):
        passages.put_postings(connection, shared, document_seq=document_seq, new=set(shared))


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in statements(script):
        connection.execute(statement)
        reach("migration.step")


def _shared_passages(connection: sqlite3.Connection) -> Iterator[tuple[int, list[int]]]:
    """Yield (document, its passages that others hold too): they gain the others' titles."""
    rows = connection.execute(
        "SELECT min(document_seq), passage_id FROM chunks GROUP BY passage_id"
        " HAVING count(DISTINCT document_seq) > 1 ORDER BY 1, 2"
    ).fetchall()
    for document_seq, held in groupby(rows, lambda row: int(row[0])):
        yield document_seq, [int(row[1]) for row in held]
