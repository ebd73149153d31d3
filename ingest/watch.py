"""Keeping folders in step by polling: works on network disks, which send no notices of changes.

`rounds` looks and decides, `watch_folders` acts. A file is taken once its size and time have stood
still for two looks; one that is gone for two looks is removed. What cannot be looked at is not
gone: a folder that is missing, may not be listed, or has another disk in its place keeps its
documents.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.discover import discover
from ingest.inputs import file_of, is_archive
from ingest.outcomes import Outcome, OutcomeName
from ingest.pipeline import ingest_paths
from ingest.readers import has_reader
from ingest.sync import is_out_of_sight, remove, sources_under
from ragapp.errors import CollectionLockedError, NotFoundError, RagError, UsageError
from ragapp.rag import Rag

INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file's state at one look. `device` tells the disk it lies on."""

    size: int
    mtime_ns: int
    device: int


@dataclass(frozen=True, slots=True)
class Round:
    """What is to be done after a look: files to take, files that are gone, lines to show."""

    changed: tuple[Path, ...] = ()
    gone: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch: what became of `path`, or a notice with the path ""."""

    event: OutcomeName | Literal["removed", "notice"]
    path: str
    reason: str = ""
    code: str = ""
    document_id: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Event:
        """Return the event of an outcome."""
        values = (outcome.reason, outcome.code, outcome.document_id)
        return cls(outcome.outcome, outcome.path, *values)


def watch_folders(
    rag: Rag,
    folders: Sequence[Path],
    *,
    tell: Callable[[Event], None],
    interval_s: float = INTERVAL_S,
    passwords: Sequence[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Keep the folders in step until interrupted, telling each change as it is stored.

    The writer's lock is held only while something is stored; another writer is waited for. Raises
    UsageError for what is no folder, NotFoundError, and CollectionErrors but for the lock.
    """
    _check(folders)
    known = {file_of(source.path) for source in sources_under(rag.collection, folders)}
    quiet = _Once()
    logging.getLogger("ingest.discover").addFilter(quiet)
    try:
        own = rag.collection.directory
        for found in rounds(folders, known, wait=lambda: sleep(interval_s), left_out=own):
            for notice in found.notices:
                tell(Event("notice", "", notice))
            _take_when_free(rag, found, tell, passwords, wait=lambda: sleep(interval_s))
    finally:
        logging.getLogger("ingest.discover").removeFilter(quiet)


def rounds(
    folders: Sequence[Path],
    known: Iterable[str],
    *,
    wait: Callable[[], None],
    left_out: Path | None = None,
) -> Iterator[Round]:
    """Look again and again and yield what is to be done, which is then taken as done.

    `known` are the names of files that were stored before, `left_out` is a folder not to look into;
    `wait` is called between two looks.
    """
    taken: dict[str, Stamp | None] = dict.fromkeys(known)
    before: Mapping[str, Stamp] | None = None
    told: frozenset[str] = frozenset()
    while True:
        blind = _blind(folders, taken)
        notices = frozenset(f"{folder}: {why}" for folder, why in blind.items())
        now = _look([folder for folder in folders if folder not in blind], left_out)
        if now is not None:
            found = _settled(now, before, taken, blind)
            taken.update({str(path): now[str(path)] for path in found.changed})
            for name in found.gone:
                del taken[name]
            before = now
        else:
            found = Round()
        if found.changed or found.gone or notices - told:
            yield Round(found.changed, found.gone, tuple(sorted(notices - told)))
        told = notices
        wait()


def _check(folders: Sequence[Path]) -> None:
    for folder in folders:
        if not folder.exists():
            raise NotFoundError(f"{str(folder)!r} does not exist", hint="name folders to watch")
        if not folder.is_dir():
            raise UsageError(
                f"{str(folder)!r} is no folder", hint="name the folder in which it lies"
            )


def _look(folders: Sequence[Path], left_out: Path | None) -> dict[str, Stamp] | None:
    """Return the files that can be read, by source name; None where the look failed."""
    try:
        paths = discover(folders, left_out=left_out)
    except RagError as error:  # gone since `_blind`, or an ignore file that cannot be parsed
        logging.getLogger("ingest.discover").warning("%s", error.message)
        return None
    found = {}
    for path in paths:
        if has_reader(path) or is_archive(path):
            try:
                status = path.lstat()
            except OSError:
                continue
            found[str(path)] = Stamp(status.st_size, status.st_mtime_ns, status.st_dev)
    return found


def _blind(folders: Sequence[Path], taken: Mapping[str, Stamp | None]) -> dict[Path, str]:
    """Return the folders that cannot be looked at, each with the reason."""
    found = {}
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            found[folder] = f"{error.strerror}; its documents are kept"
            continue
        held = [stamp for name, stamp in taken.items() if Path(name).is_relative_to(folder)]
        if is_empty and held and _is_elsewhere(folder, held):
            found[folder] = "it is empty, its disk may not be mounted; its documents are kept"
    return found


def _is_elsewhere(folder: Path, held: Collection[Stamp | None]) -> bool:
    """Tell an empty folder that is not the disk on which its files were seen, or never seen."""
    device = folder.stat().st_dev
    return all(stamp is None or stamp.device != device for stamp in held)


def _settled(
    now: Mapping[str, Stamp],
    before: Mapping[str, Stamp] | None,
    taken: Mapping[str, Stamp | None],
    blind: Collection[Path],
) -> Round:
    """Return what two looks agree on and was not taken yet."""
    if before is None:
        return Round()
    changed = [
        Path(name)
        for name, stamp in now.items()
        if stamp != taken.get(name) and stamp == before.get(name)
    ]
    gone = {
        name
        for name, stamp in taken.items()
        if name not in now and name not in before and not _may_be_there(Path(name), stamp, blind)
    }
    return Round(tuple(changed), frozenset(gone))


def _may_be_there(path: Path, stamp: Stamp | None, blind: Collection[Path]) -> bool:
    """Tell a file that cannot be looked at now from one that is gone."""
    if any(path.is_relative_to(folder) for folder in blind) or is_out_of_sight(path):
        return True
    folder = next(parent for parent in path.parents if parent.exists())
    return stamp is not None and stamp.device != folder.stat().st_dev


def _take_when_free(
    rag: Rag,
    found: Round,
    tell: Callable[[Event], None],
    passwords: Sequence[str],
    *,
    wait: Callable[[], None],
) -> None:
    is_told = False
    while True:
        try:
            _take(rag, found, tell, passwords)
        except CollectionLockedError as error:
            if not is_told:
                tell(Event("notice", "", f"waiting: {error.message}"))
            is_told = True
            wait()
        except NotFoundError:
            continue  # a file has gone since it was seen; the next look will say so
        else:
            return


def _take(rag: Rag, found: Round, tell: Callable[[Event], None], passwords: Sequence[str]) -> None:
    if changed := [path for path in found.changed if path.exists()]:
        report = ingest_paths(
            rag,
            changed,
            sync=True,
            passwords=passwords,
            on_progress=lambda progress: tell(Event.of(progress.latest)),
        )
        if report.removed:
            tell(Event("removed", "", f"{report.removed} members gone from their archives"))
    if found.gone:
        with rag.collection.writing(is_growing=False):
            gone = [s for s in rag.collection.sources() if file_of(s.path) in found.gone]
            remove(rag.collection, gone)
        for source in gone:
            if source.document_id or source.failure:
                tell(Event("removed", source.path, "its file is gone"))


class _Once(logging.Filter):
    """Lets each warning through once: a watch looks at the same folders again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, Any]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this is new."""
        message = (record.levelname, record.getMessage())
        is_new = message not in self._seen
        self._seen.add(message)
        return is_new
