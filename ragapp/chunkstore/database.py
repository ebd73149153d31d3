"""One SQLite connection, shared by threads one at a time, with transactions as contexts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.migration import migrate, renew_postings
from ragapp.chunkstore.schema import check_readable, connect, create_if_empty
from ragapp.errors import (
    CollectionDamagedError,
    CollectionError,
    CollectionLockedError,
    SchemaTooNewError,
)

DATABASE_NAME = "ragapp.sqlite3"


class DiskFullError(CollectionError):
    """A transaction for which the disk has no room; nothing was changed."""


class Database:
    """The database file of a collection. Safe to use from several threads."""

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        """Open the database at `path`, made if absent unless it `must_exist`.

        One of an older version is migrated, after a copy of it is laid beside it (not of one that
        `must_exist`: that is a copy itself). One whose full-text terms another analyzer made gets
        them anew. One of a newer version is only read.
        """
        self.path = path
        self._lock = RLock()
        with _translated(path):
            self._connection = connect(path)
            create_if_empty(self._connection, path, must_exist=must_exist)
            self.is_writable = check_readable(self._connection, path)
            migrate(self._connection, path, is_copying=not must_exist)
            if self.is_writable:
                renew_postings(self._connection, path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a read transaction: all statements see one state.

        Raises CollectionDamagedError when the file cannot be read.
        """
        with self._lock, _translated(self.path):
            if self._connection.in_transaction:  # inside our own writing(): it sees its writes
                yield self._connection
            else:
                yield from self._snapshot()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a write transaction, committed at the end, or rolled back.

        Raises CollectionLockedError when another process holds the database for too long, and
        CollectionError when the disk is full; nothing is changed then. Raises SchemaTooNewError
        for a database that is only read.
        """
        if not self.is_writable:
            raise SchemaTooNewError(
                f"{self.path} was written by a newer ragapp: it can be read, not changed",
                hint="install the newer ragapp",
            )
        with self._lock, _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            reach("transaction.begun")
            try:
                yield self._connection
                reach("transaction.committing")
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            reach("transaction.committed")

    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            self._connection.execute("COMMIT")

    def data_version(self) -> int:
        """Return a number that changes whenever another connection has written."""
        with self._lock, _translated(self.path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def journal_mode(self) -> str:
        """Return the journal mode in force, such as "wal" or "truncate"."""
        with self._lock, _translated(self.path):
            return str(self._connection.execute("PRAGMA journal_mode").fetchone()[0])

    def integrity_problems(self) -> list[str]:
        """Return what SQLite's own check finds wrong, [] for a sound file."""
        with self._lock, _translated(self.path):
            rows = self._connection.execute("PRAGMA integrity_check(20)").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy all that is committed over whatever `target` holds, in one transaction of it."""
        with self._lock, _translated(self.path):
            self._connection.backup(target)

    def replace_with(self, other: Database) -> None:
        """Take over all that `other` holds, in one transaction."""
        with self._lock, _translated(self.path):
            other.copy_to(self._connection)

    def close(self) -> None:
        """Close the connection; the database cannot be used afterwards."""
        with self._lock:
            self._connection.close()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _operational(path, error) from error
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise CollectionDamagedError(
            f"{path} cannot be read: {error}",
            hint="restore a backup, or ingest the documents into a new collection",
        ) from error


def _operational(path: Path, error: sqlite3.OperationalError) -> CollectionError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return CollectionLockedError(
            f"{path} is held by another process", hint="wait until it has finished, then try again"
        )
    if "full" in text:
        return DiskFullError(
            f"{path}: the disk is full; what was stored before is kept",
            hint="free some space, then run the same command again",
        )
    if "malformed" in text or "no such table" in text:
        return CollectionDamagedError(
            f"{path} cannot be read: {text}",
            hint="restore a backup, or ingest the documents into a new collection",
        )
    if "disk I/O" in text:
        return CollectionError(
            f"{path}: {text}; what was stored before is kept",
            hint="check the disk, its free space and the limit on the size of files",
        )
    return CollectionError(f"{path}: {text}", hint="check that the folder is there and writable")
