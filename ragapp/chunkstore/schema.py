"""The tables of a collection and how its database is opened.

`sources` are the files as the user knows them, `documents` the texts they hold; several sources
may hold one document. `chunks` are the places of documents, `passages` the texts that stand there:
equal ones are stored, embedded and searched once, however many chunks hold them. `vectors` are the
passages' embeddings, `postings` their full-text terms, `generations` the index files that were
built from the vectors. `conversations` with their `turns`, and `ratings`, belong to none of
these.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ragapp.analysis import ANALYZER
from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError, SchemaTooNewError

SCHEMA_VERSION = 4
READABLE_SINCE = 2  # the oldest schema version whose code can still read what this one writes
READABLE_KEY = "readable_since"
_ANALYZER_KEY = "analyzer"
BUSY_TIMEOUT_S = 30.0

PASSAGE_TABLES = """
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    fingerprint INTEGER,
    is_compared INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX passages_to_compare ON passages (id) WHERE is_compared = 0;
CREATE TABLE near_passages (
    passage_id INTEGER NOT NULL REFERENCES passages (id) ON DELETE CASCADE,
    other_id INTEGER NOT NULL REFERENCES passages (id) ON DELETE CASCADE,
    distance INTEGER NOT NULL,
    jaccard REAL NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (passage_id, other_id)
) WITHOUT ROWID;
CREATE INDEX near_passages_by_other ON near_passages (other_id);
CREATE TABLE chunks (
    document_seq INTEGER NOT NULL REFERENCES documents (seq),
    ordinal INTEGER NOT NULL,
    passage_id INTEGER NOT NULL REFERENCES passages (id),
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    page INTEGER,
    language TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (document_seq, ordinal)
) WITHOUT ROWID;
CREATE INDEX chunks_by_passage ON chunks (passage_id);
CREATE TABLE vectors (
    passage_id INTEGER NOT NULL REFERENCES passages (id) ON DELETE CASCADE,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    vector BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (embedder_id, passage_id)
);
CREATE INDEX vectors_by_passage ON vectors (passage_id);
CREATE TABLE removed_passages (passage_id INTEGER PRIMARY KEY);
"""

CONVERSATION_TABLES = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);
CREATE TABLE turns (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    asked_at TEXT NOT NULL,
    answer TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (conversation_id, number)
);
"""

RATING_TABLES = """
CREATE TABLE ratings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    given_at TEXT NOT NULL,
    rating TEXT NOT NULL,
    comment TEXT NOT NULL,
    answer TEXT NOT NULL,
    sha256 BLOB NOT NULL
);
"""

_TABLES = f"""
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
{PASSAGE_TABLES.strip()}
{CONVERSATION_TABLES.strip()}
{RATING_TABLES.strip()}
CREATE TABLE generations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL,
    index_name TEXT NOT NULL,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    dim INTEGER NOT NULL,
    n_vectors INTEGER NOT NULL,
    last_passage_id INTEGER NOT NULL,
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


def create_if_empty(
    connection: sqlite3.Connection, path: Path, *, must_exist: bool = False
) -> None:
    """Make the tables in an empty database.

    Raises CollectionDamagedError for an empty one that `must_exist`.
    """
    if version_of(connection) == 0:
        if must_exist:
            raise CollectionDamagedError(f"{path} is not the database of a collection")
        _create(connection)


def check_readable(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the database may be written: one of a newer version is only read.

    Raises SchemaTooNewError for one that this version cannot even read.
    """
    version = version_of(connection)
    if version <= SCHEMA_VERSION:
        return True
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (READABLE_KEY,)).fetchone()
    if row is None or int(row[0]) > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"{path} has schema {version}, this version of ragapp reads up to {SCHEMA_VERSION}",
            hint="install a newer ragapp",
        )
    connection.execute("PRAGMA query_only = ON")
    return False


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of a database, 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements(script: str) -> list[str]:
    """Return the statements of a script, one a string."""
    return [statement for statement in script.split(";\n") if statement.strip()]


def note_version(connection: sqlite3.Connection) -> None:
    """Note, inside the caller's transaction, which versions may read and write the database."""
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
        (READABLE_KEY, str(READABLE_SINCE)),
    )
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def analyzer_of(connection: sqlite3.Connection) -> str:
    """Return which analyzer made the full-text terms, "" for one before they were told apart."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_ANALYZER_KEY,)).fetchone()
    return "" if row is None else str(row[0])


def note_analyzer(connection: sqlite3.Connection) -> None:
    """Note, inside the caller's transaction, that the present analyzer made all terms."""
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_ANALYZER_KEY, ANALYZER)
    )


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    reach("schema.begun")
    try:
        if version_of(connection) == 0:  # another process may have been first
            for statement in statements(_TABLES):
                connection.execute(statement)
                reach("schema.table")
            note_version(connection)
            note_analyzer(connection)
            reach("schema.versioned")
        connection.execute("COMMIT")
        reach("schema.committed")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
