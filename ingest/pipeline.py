"""The ingestion line: bytes -> read -> clean -> Document -> chunk -> duplicate? -> embed -> add.

One file is one transaction: it is wholly in the collection or not at all. A changed file replaces
its old version only once the new one is stored; a file that fails leaves the old one in place.
Files are read and cut ahead (`prepare`) while earlier ones are embedded and stored (`store`); their
outcomes come in the order of the files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ingest.ahead import prepared_ahead
from ingest.discover import discover
from ingest.inputs import is_archive
from ingest.loaders import LoaderFailure, read_loader
from ingest.outcomes import IngestReport, Outcome, Progress
from ingest.pages import Page
from ingest.passages import compare_passages
from ingest.prepare import Prepared, prepare_loaded, unrecorded
from ingest.progress import meter
from ingest.readers import has_reader
from ingest.readers.sandbox import Sandbox
from ingest.run import Run, begin
from ingest.store import embed_ahead, store
from ingest.sync import remove_missing
from ingest.unpacking import Prepare, Unpacker
from ragapp.rag import Rag
from ragapp.unread import unread_languages

_log = logging.getLogger(__name__)
_WAVE_FILES = 16
_WAVE_CHUNKS = 64
OnProgress = Callable[[Progress], None]


def ingest_paths(
    rag: Rag,
    paths: Iterable[str | Path],
    *,
    sync: bool = False,
    passwords: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> IngestReport:
    """Ingest files, folders and globs into the collection of `rag`, and say what became of each.

    A zip archive becomes its members, each a source "PATH.zip!/MEMBER" with an outcome of its own.
    Unchanged files are skipped, and so are files without a reader in a folder. With `sync`, sources
    under a given folder, and members of an archive, that are no longer there are removed.
    `passwords` are tried in their order on files that need one; they are not stored.
    `should_stop` is asked before each file. Raises NotFoundError for a path that does not exist,
    CollectionLockedError while another ingestion is at work, and other CollectionErrors; what was
    stored until there is kept.
    """
    given = [Path(path) for path in paths]
    files = discover(given, left_out=rag.collection.directory)
    wanted = [path for path in files if has_reader(path) or is_archive(path) or path in given]
    known = set(wanted)
    unread = [_unread(path) for path in files if path not in known]
    with rag.collection.writing():
        report = ingest_files(
            rag,
            wanted,
            sync=sync,
            others=unread,
            passwords=passwords,
            on_progress=on_progress,
            should_stop=should_stop,
        )
        n_removed = remove_missing(rag.collection, given, files) if sync else 0
    return replace(report, removed=report.removed + n_removed)


def ingest_files(
    rag: Rag,
    files: Sequence[Path],
    *,
    sync: bool = False,
    only: frozenset[str] | None = None,
    others: Sequence[Outcome] = (),
    passwords: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> IngestReport:
    """Ingest files that were found; `others` are outcomes to report with theirs.

    `only` limits archives to the members of these source names; with `sync`, members that are gone
    from an archive are removed. Raises CollectionErrors.
    """
    start = time.perf_counter()
    with rag.collection.writing(), Sandbox() as sandbox:
        run = begin(rag, sandbox, passwords)
        with Unpacker(run, only=only) as unpacker:
            tell = _teller(on_progress, files, lambda: max(len(files), unpacker.n_tasks))
            outcomes = _until_stopped(_ingest(run, unpacker.tasks(files)), tell, should_stop)
            n_removed = unpacker.settle(outcomes, sync=sync)
        _compare_passages(run, should_stop)
    found = sorted([*outcomes, *others], key=lambda outcome: Path(outcome.path).as_posix())
    return _report(rag, found, n_removed, start)


def ingest_loader(rag: Rag, loader: Any, *, on_progress: OnProgress | None = None) -> IngestReport:
    """Ingest what a LangChain `BaseLoader` yields: one document for each "source" it names.

    A loader that fails on its way is one more failed outcome, under the loader's name; what it gave
    until there is kept. Raises UsageError for an object that is no loader, CollectionLockedError
    and other CollectionErrors.
    """
    return ingest_tasks(rag, lambda run: _loaded(run, loader), on_progress=on_progress)


def ingest_pages(
    rag: Rag,
    named_pages: Iterable[tuple[str, Sequence[Page]]],
    *,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> IngestReport:
    """Ingest what has been read already: one document for each (source name, pages).

    Raises CollectionLockedError and other CollectionErrors.
    """
    return ingest_tasks(
        rag,
        lambda run: (partial(prepare_loaded, run, *item) for item in named_pages),
        on_progress=on_outcome and (lambda progress: on_outcome(progress.latest)),
    )


def ingest_tasks(
    rag: Rag,
    plan: Callable[[Run], Iterable[Prepare]],
    *,
    passwords: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> IngestReport:
    """Take what `plan` makes of a run through the whole line. Raises CollectionErrors."""
    start = time.perf_counter()
    with rag.collection.writing(), Sandbox() as sandbox:
        run = begin(rag, sandbox, passwords)
        tell = _teller(on_progress, (), lambda: 0)
        outcomes = _until_stopped(_ingest(run, plan(run)), tell, None)
        _compare_passages(run, None)
    return _report(rag, outcomes, 0, start)


def _loaded(run: Run, loader: Any) -> Iterator[Prepare]:
    for item in read_loader(loader):
        if isinstance(item, LoaderFailure):
            yield partial(unrecorded, run, item.loader, item.reason)
        else:
            yield partial(prepare_loaded, run, *item)


def _ingest(run: Run, files: Iterable[Prepare]) -> Generator[Outcome, None, None]:
    """Take each file through the whole line and yield its outcome once it is durable."""
    with closing(prepared_ahead(files)) as prepared_files:
        for wave in _waves(prepared_files):
            ready = embed_ahead(run, wave)
            for prepared in wave:
                yield store(run, prepared, ready)


def _until_stopped(
    coming: Generator[Outcome, None, None],
    tell: Callable[[int, Outcome], None],
    should_stop: Callable[[], bool] | None,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with closing(coming):
        while not (should_stop and should_stop()) and (outcome := next(coming, None)):
            outcomes.append(outcome)
            tell(len(outcomes), outcome)
    return outcomes


def _teller(
    on_progress: OnProgress | None, files: Sequence[Path], total: Callable[[], int]
) -> Callable[[int, Outcome], None]:
    """Return what tells `on_progress` of an outcome; the total grows as archives are opened."""
    measured = meter(files)

    def tell(n_done: int, outcome: Outcome) -> None:
        if on_progress is not None:
            on_progress(measured(n_done, max(n_done, total()), outcome))

    return tell


def _compare_passages(run: Run, should_stop: Callable[[], bool] | None) -> None:
    if run.near_duplicates is not None:
        compare_passages(run.collection, bits=run.near_duplicate_bits, should_stop=should_stop)


def _waves(files: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    """Yield the files in groups that are worth a call of the embedder."""
    wave: list[Prepared] = []
    n_chunks = 0
    for prepared in files:
        wave.append(prepared)
        n_chunks += len(prepared.pieces or ())
        if n_chunks >= _WAVE_CHUNKS or len(wave) == _WAVE_FILES:
            yield wave
            wave, n_chunks = [], 0
    if wave:
        yield wave


def _report(rag: Rag, outcomes: Sequence[Outcome], n_removed: int, start: float) -> IngestReport:
    seconds = time.perf_counter() - start
    _log.info("ingested %d files in %.1f s", len(outcomes), seconds)
    is_grown = any(outcome.chunks_new or outcome.chunks_reused for outcome in outcomes)
    unread = unread_languages(rag.collection, rag.embedder) if is_grown else []
    return IngestReport(tuple(outcomes), n_removed, seconds, tuple(unread))


def _unread(path: Path) -> Outcome:
    kind = path.suffix.lower() or "files without a suffix"
    return Outcome(str(path), "skipped", f"no reader for {kind}", code="unsupported")
