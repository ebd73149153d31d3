"""The files of a collection's evaluations, question sets and kept runs, as rows of a backup.

They are of no other table's concern: a backup holds them beside the database's own tables, and a
restore takes them out again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ragapp.chunkstore.syncing import sync

FOLDER_NAME = "evaluations"

_TABLE = "evaluation_files"


def put_files(connection: sqlite3.Connection, collection: Path) -> None:
    """Store the evaluations of the collection's folder in a backup, one transaction. OSError."""
    connection.execute("BEGIN IMMEDIATE")
    drop_files(connection)
    connection.execute(f"CREATE TABLE {_TABLE} (name BLOB PRIMARY KEY, content BLOB, sha256 BLOB)")
    for path in _files(collection / FOLDER_NAME):
        content = path.read_bytes()
        connection.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?)",
            (os.fsencode(path.name), content, sha256(content).digest()),
        )
    connection.execute("COMMIT")


def file_problems(connection: sqlite3.Connection) -> list[str]:
    """Return the rows that are not what was stored: changed, or named so as to leave the folder."""
    return [
        f"the evaluation file {name!r} is not what was stored"
        for name, content, digest in _rows(connection)
        if sha256(content).digest() != digest or not _is_plain(name)
    ]


def count_files(connection: sqlite3.Connection) -> int:
    """Return how many files of evaluations a backup holds."""
    return sum(1 for _ in _rows(connection))


def take_files(connection: sqlite3.Connection, collection: Path) -> None:
    """Write the files of a backup durably into the collection's folder; others in it stay.

    Raises OSError.
    """
    folder = collection / FOLDER_NAME
    names: list[str] = []
    for name, content, _ in _rows(connection):
        folder.mkdir(exist_ok=True)
        draft = folder / f".{name}.restoring"
        draft.write_bytes(content)
        sync(draft)
        draft.replace(folder / name)
        names.append(name)
    if names:
        sync(folder)


def drop_files(connection: sqlite3.Connection) -> None:
    """Take the files out of a database, inside the caller's transaction."""
    connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")


def _files(folder: Path) -> list[Path]:
    """Return the files of evaluations that are whole: a draft's name begins with a dot."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p for p in found if p.is_file() and not p.is_symlink() and _is_plain(p.name)]


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield (name, content, SHA-256), none for a backup of before there were such files."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
    if known is None:
        return
    columns = ", ".join(f"CAST({name} AS BLOB)" for name in ("name", "content", "sha256"))
    for name, content, digest in connection.execute(f"SELECT {columns} FROM {_TABLE} ORDER BY 1"):
        yield os.fsdecode(name or b""), content or b"", digest


def _is_plain(name: str) -> bool:
    return bool(name) and name[0] != "." and not any(mark in name for mark in "/\\\0")
