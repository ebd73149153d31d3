"""A collection as one file, and back: written whole or not at all, checked before it replaces.

A backup is the database without index generations, the index is built anew from its vectors, and
with the files of evaluations.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ragapp.chunkstore import (
    Database,
    chunks,
    conversations,
    documents,
    generations,
    ratings,
    sources,
)
from ragapp.chunkstore.database import DATABASE_NAME
from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.syncing import sync
from ragapp.collection import checking, evaluation_files, generation_files, space
from ragapp.collection.dense import DenseSearch
from ragapp.collection.lock import WriterLock
from ragapp.errors import (
    CollectionDamagedError,
    CollectionError,
    NotFoundError,
    SchemaTooNewError,
    UsageError,
)

_STAGED_NAME = "restoring.sqlite3"
_SIDE_FILES = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds. `path` is the file, `n_bytes` its size."""

    path: str
    n_bytes: int
    n_documents: int
    n_chunks: int
    n_evaluation_files: int

    def to_dict(self) -> dict[str, str | int]:
        """Return the report as plain JSON values."""
        return asdict(self)


def back_up(database: Database, path: Path, *, is_forced: bool) -> BackupReport:
    """Write `database` as one file at `path`, durably; it appears there when it is sound.

    Raises UsageError when there is a file already, unless `is_forced`, CollectionDamagedError when
    the collection is not sound, CollectionError when the file cannot be written.
    """
    is_ours = path.exists() and path.samefile(database.path)
    if path.is_dir() or is_ours or (path.exists() and not is_forced):
        raise UsageError(f"{str(path)!r} exists", hint="name another file, or add --force")
    temporary = path.with_name(f"{path.name}.tmp")
    with _writing_errors(path), _removed_at_the_end(temporary):
        temporary.unlink(missing_ok=True)
        with closing(sqlite3.connect(temporary, isolation_level=None)) as target:
            database.copy_to(target)
            generations.drop_generations(target)
            evaluation_files.put_files(target, database.path.parent)
        reach("backup.copied")
        report = _checked(temporary, path)
        with closing(sqlite3.connect(temporary)) as target:
            target.execute("PRAGMA journal_mode = DELETE")  # one file, whatever it was
        sync(temporary)
        reach("backup.synced")
        temporary.replace(path)
        sync(path.absolute().parent)
    reach("backup.renamed")
    return report


def restore(path: Path, directory: Path, *, index_name: str, is_forced: bool) -> BackupReport:
    """Make the collection in `directory` what the backup at `path` holds, index included.

    The backup is copied, checked and indexed beside the collection, then takes its place in one
    transaction. Evaluations that the backup does not hold stay. Raises NotFoundError, UsageError
    for a collection that is not empty unless `is_forced`, CollectionDamagedError and
    SchemaTooNewError for a backup that cannot be used.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no backup {str(path)!r}", hint="name the file of a backup")
    with _writing_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        staged = directory / _STAGED_NAME
        with WriterLock(directory).held(), _removed_at_the_end(staged):
            live = _opened(directory, is_forced=is_forced)
            with closing(live):
                return _replace(live, path, staged, index_name)


def _replace(live: Database, path: Path, staged: Path, index_name: str) -> BackupReport:
    directory = staged.parent
    space.require(directory, n_bytes=3 * path.stat().st_size)  # staged, journal, index
    _remove(staged)
    shutil.copyfile(path, staged)
    report = _checked(staged, path)
    reach("restore.verified")
    with closing(Database(staged)) as source:
        with source.writing() as connection:
            generations.drop_generations(connection)
            generations.raise_numbers(connection, _next_number(live))
            evaluation_files.take_files(connection, directory)
            evaluation_files.drop_files(connection)
        reach("restore.staged")
        generation = DenseSearch(directory, source, index_name).put_new_generation()
        reach("restore.indexed")
        live.replace_with(source)
    reach("restore.replaced")
    if generation is not None:
        generation_files.delete_others(directory, generation)
    return report


def _opened(directory: Path, *, is_forced: bool) -> Database:
    """Open the collection to replace; one that cannot be opened is moved to quarantine."""
    refusal = UsageError(
        f"the collection in {str(directory)!r} is not empty",
        hint="name another with --collection, or replace it with --force",
    )
    try:
        database = Database(directory / DATABASE_NAME)
    except (CollectionDamagedError, SchemaTooNewError) as error:
        if not is_forced:
            raise refusal from error
        _set_aside(directory)
        return Database(directory / DATABASE_NAME)
    if not is_forced and not _is_empty(database):
        database.close()
        raise refusal
    if not database.is_writable:  # of a newer version
        database.close()
        _set_aside(directory)
        return Database(directory / DATABASE_NAME)
    return database


def _is_empty(database: Database) -> bool:
    try:
        with database.reading() as connection:
            n_held = len(sources.list_sources(connection))
            n_held += len(conversations.list_conversations(connection))
            n_held += ratings.count_ratings(connection)
            return not n_held and not documents.count_documents(connection)
    except CollectionDamagedError:
        return False


def _next_number(database: Database) -> int:
    """Return a number that no index file of the collection has had."""
    with suppress(CollectionDamagedError), database.reading() as connection:
        return generations.next_number(connection)
    return 1


def _set_aside(directory: Path) -> None:
    folder = directory / generation_files.QUARANTINE
    folder.mkdir(exist_ok=True)
    reach("quarantine.folder")
    for suffix in _SIDE_FILES[::-1]:  # the journal first: it must not meet a new database
        path = directory / f"{DATABASE_NAME}{suffix}"
        if path.exists():
            path.replace(folder / path.name)
    reach("quarantine.moved")


def _checked(file: Path, named: Path) -> BackupReport:
    """Check the copy `file` of a backup that is `named` so in errors; return what it holds."""
    try:
        with closing(Database(file, must_exist=True)) as database:
            problems = database.integrity_problems()
            with database.reading() as connection:
                problems += checking.row_problems(connection)
                problems += checking.orphan_problems(checking.orphans(connection))
                problems += evaluation_files.file_problems(connection)
                report = BackupReport(
                    path=str(named),
                    n_bytes=file.stat().st_size,
                    n_documents=documents.count_documents(connection),
                    n_chunks=chunks.count_chunks(connection),
                    n_evaluation_files=evaluation_files.count_files(connection),
                )
    except CollectionDamagedError as error:
        raise _unusable(named, error.message) from error
    if problems:
        raise _unusable(named, "; ".join(problems[:3]))
    return report


def _unusable(path: Path, reason: str) -> CollectionDamagedError:
    return CollectionDamagedError(
        f"{str(path)!r} is no sound backup: {reason}",
        hint="nothing was changed; use another backup, or see ragapp doctor --deep",
    )


@contextmanager
def _removed_at_the_end(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    for suffix in _SIDE_FILES:
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


@contextmanager
def _writing_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CollectionError(
            f"{str(path)!r} cannot be written: {reason}",
            hint="check the folder, its permissions and free space",
        ) from error
