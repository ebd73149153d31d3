"""The tables of a collection and how its database is opened.

`sources` are the files as the user knows them, `documents` the texts they hold; several sources
may hold one document. `chunks` are stretches of documents, `vectors` their embeddings, `postings`
the full-text terms, `generations` the index files that were built from the vectors.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError, SchemaTooNewError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE embedders (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);
CREATE TABLE documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    format TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    pages TEXT NOT NULL,
    headings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    fingerprint INTEGER,
    n_characters INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL,
    added_at TEXT NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE TABLE sources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    document_id TEXT REFERENCES documents (id) DEFERRABLE INITIALLY DEFERRED,
    sha256 BLOB,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    recipe TEXT NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sources_by_document ON sources (document_id);
CREATE TABLE near_duplicates (
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    other_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    distance INTEGER NOT NULL,
    jaccard REAL NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (document_id, other_id)
) WITHOUT ROWID;
CREATE INDEX near_duplicates_by_other ON near_duplicates (other_id);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_seq INTEGER NOT NULL REFERENCES documents (seq),
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    embedded_sha256 BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (document_seq, ordinal)
);
CREATE INDEX chunks_by_embedded_text ON chunks (embedded_sha256);
CREATE TABLE vectors (
    chunk_id INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    vector BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (embedder_id, chunk_id)
);
CREATE INDEX vectors_by_chunk ON vectors (chunk_id);
CREATE TABLE removed_chunks (chunk_id INTEGER PRIMARY KEY);
CREATE TABLE generations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL,
    index_name TEXT NOT NULL,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    dim INTEGER NOT NULL,
    n_vectors INTEGER NOT NULL,
    last_chunk_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL
);
-- The analyzer has already split the text: the tokenizer only parts at white space.
CREATE VIRTUAL TABLE postings USING fts5 (terms, tokenize = "ascii tokenchars '+#._-/'''");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (postings, 'row');
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at `path`, made if absent, in a durable journal mode.

    WAL is used only on SQLite versions without the WAL-reset bug (fixed in 3.51.3, 3.50.7 and
    3.44.6); elsewhere the rollback journal. Both sync fully at each commit. The connection is in
    autocommit mode and may be used from any thread, one at a time.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    mode = "WAL" if is_wal_safe(sqlite3.sqlite_version_info) else "TRUNCATE"
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def is_wal_safe(version: tuple[int, ...]) -> bool:
    """Tell whether SQLite `version` is free of the WAL-reset corruption bug."""
    if version >= (3, 51, 3):
        return True
    return (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def create_or_check(
    connection: sqlite3.Connection, path: Path, *, must_exist: bool = False
) -> None:
    """Make the tables in an empty database, or check that this version can read them.

    Raises SchemaTooNewError for a database written by a newer version, and CollectionDamagedError
    for an empty one that `must_exist`.
    """
    if _version(connection) == 0:
        if must_exist:
            raise CollectionDamagedError(f"{path} is not the database of a collection")
        _create(connection)
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"{path} has schema {version}, this version of ragapp reads up to {SCHEMA_VERSION}",
            hint="install a newer ragapp",
        )


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    reach("schema.begun")
    try:
        if _version(connection) == 0:  # another process may have been first
            for statement in _statements(_TABLES):
                connection.execute(statement)
                reach("schema.table")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            reach("schema.versioned")
        connection.execute("COMMIT")
        reach("schema.committed")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    return [statement for statement in script.split(";\n") if statement.strip()]
