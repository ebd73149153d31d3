"""The archives of a run: each becomes its members, sources of their own.

A child process unpacks one archive after the other into a folder of the collection, from which each
member is deleted once it has been read. What an archive held is noted when all its members are
stored: while it stays as it is, it is not opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Self, cast

from ingest.archives import Member
from ingest.inputs import MEMBER_MARK, Input, file_input, is_archive, member_name
from ingest.opening import MAX_ZIP_BYTES
from ingest.outcomes import Outcome
from ingest.policies import PolicySkip
from ingest.prepare import Prepared, described, failed, prepare_file
from ingest.readers.sandbox import Limits, Sandbox
from ingest.run import Run
from ingest.sync import remove
from ragapp.closing import Closing
from ragapp.collection import Source
from ragapp.errors import ReadError, UnsupportedFileError

Prepare = Callable[[], Prepared]

UNPACKED_PREFIX = "unpacked-"

_TARGET = "ingest.archives:unpack"
_LIMITS = Limits(wall_s=600.0, cpu_s=600, file_bytes=MAX_ZIP_BYTES)


class Unpacker(Closing):
    """Turns the files of a run into tasks, and archives into a task for each member.

    `only` limits archives to the members of these source names, None takes all.
    """

    def __init__(self, run: Run, *, only: frozenset[str] | None = None) -> None:
        self._run = run
        self._only = only
        self._sandbox = Sandbox(limits=_LIMITS, target=_TARGET)
        self._known: dict[str, list[Source]] | None = None
        self._done: list[tuple[Source, frozenset[str]]] = []
        self.n_tasks = 0

    def __enter__(self) -> Self:
        self._clear()
        return self

    def close(self) -> None:
        """End the children and drop what was unpacked."""
        self._sandbox.close()
        self._clear()

    def tasks(self, files: Iterable[Path]) -> Iterator[Prepare]:
        """Yield what prepares each file or member; archives are opened when their turn comes."""
        for path in files:
            tasks = self._members(path) if is_archive(path) else self._file(path)
            for task in tasks:
                self.n_tasks += 1
                yield task

    def settle(self, outcomes: Sequence[Outcome], *, sync: bool) -> int:
        """Note the archives whose members are all stored; with `sync`, drop members that are gone.

        Returns how many sources were removed.
        """
        stored = {outcome.path for outcome in outcomes}
        n_removed = 0
        for source, names in self._done:
            is_whole = self._only is None or source.path in self._only
            if not is_whole or not names <= stored:
                continue
            if sync:
                gone = [known for known in self._stored(source.path) if known.path not in names]
                n_removed += remove(self._run.collection, gone)
            self._run.collection.attach(source)
        return n_removed

    def _clear(self) -> None:
        """Remove what is unpacked, also by an earlier run that was killed: we hold the lock."""
        for folder in self._run.collection.directory.glob(f"{UNPACKED_PREFIX}*"):
            rmtree(folder, ignore_errors=True)

    def _file(self, path: Path) -> Iterator[Prepare]:
        yield partial(prepare_file, self._run, file_input(path))

    def _members(self, path: Path) -> Iterator[Prepare]:
        """Yield a task for each member, or one for an archive that is damaged or empty."""
        try:
            source = described(self._run, file_input(path))
        except OSError as error:
            reason = f"{path.name!r} cannot be opened: {error.strerror}"
            yield partial(failed, self._run, file_input(path), ReadError.code, reason)
            return
        known = self._unchanged(source)
        if known is None:
            yield from self._unpacked(path, source)
        else:
            yield from (partial(_as_known, member) for member in known)

    def _unchanged(self, source: Source) -> list[Source] | None:
        """Return the sources of an archive that is as it was and held no failure, else None."""
        before = self._run.collection.source(source.path)
        if before is None or before.failure or before != replace(source, reason=before.reason):
            return None
        members = [m for m in self._stored(source.path) if m.mtime_ns == source.mtime_ns]
        is_settled = all(m.failure in ("", PolicySkip.code) for m in members)
        return (members or [before]) if is_settled else None

    def _stored(self, archive: str) -> list[Source]:
        """Return what is stored of an archive's members, as of the beginning of the run."""
        if self._known is None:
            self._known = {}
            for source in self._run.collection.sources():
                head, mark, _ = source.path.partition(MEMBER_MARK)
                if mark:
                    self._known.setdefault(head, []).append(source)
        return self._known.get(archive, [])

    def _unpacked(self, path: Path, source: Source) -> Iterator[Prepare]:
        names: set[str] = set()
        into = mkdtemp(prefix=UNPACKED_PREFIX, dir=self._run.collection.directory)
        try:
            for page in self._sandbox.read(path, into=into, passwords=self._run.passwords):
                if "partial" in page.metadata:
                    raise ReadError(f"it was not unpacked to its end: {page.metadata['error']}")
                member = Member(**cast(dict[str, Any], page.metadata))
                name = member_name(source.path, member.label)
                names.add(name)
                if self._is_wanted(name, source.path):
                    yield _task(self._run, member, name, source)
        except ReadError as error:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
            yield partial(failed, self._run, file_input(path), error.code, reason)
            return
        if not names:
            source = replace(source, reason="the archive is empty")
            yield partial(_passed_over, source)
        self._done.append((source, frozenset(names)))

    def _is_wanted(self, name: str, archive: str) -> bool:
        return self._only is None or name in self._only or archive in self._only


def _task(run: Run, member: Member, name: str, archive: Source) -> Prepare:
    item = Input(name, Path(member.file or name), archive.mtime_ns)
    if member.outcome == "unpacked":
        return partial(_read_member, run, item)
    if member.outcome == "failed":
        return partial(failed, run, item, member.code, member.reason)
    return partial(_passed_over, replace(archive, path=name, size=0, reason=member.reason))


def _read_member(run: Run, item: Input) -> Prepared:
    """Prepare an unpacked member, and delete its file."""
    try:
        return prepare_file(run, item)
    finally:
        item.path.unlink(missing_ok=True)


def _passed_over(source: Source) -> Prepared:
    return Prepared(source, "kept_out", code=UnsupportedFileError.code, reason=source.reason)


def _as_known(source: Source) -> Prepared:
    """Return what is known of a member of an archive that is as it was."""
    is_document = source.document_id is not None
    code = source.failure or ("" if is_document else UnsupportedFileError.code)
    return Prepared(source, "unchanged", source, code=code)
