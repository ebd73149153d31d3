"""The ingestion line: bytes -> read -> clean -> duplicate? -> chunk -> embed -> add.

One file is one transaction: it is wholly in the collection or not at all. A changed file replaces
its old version only once the new one is stored; a file that fails leaves the old one in place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np

from ingest.chunk import chunk_document
from ingest.clean import assemble, clean_pages
from ingest.dedup import NearDuplicates
from ingest.discover import discover
from ingest.loaders import read_loader
from ingest.outcomes import IngestReport, Outcome, OutcomeName, Progress
from ingest.pages import Page
from ingest.readers import format_of, has_reader
from ingest.readers.sandbox import Sandbox
from ingest.sync import remove_missing
from ragapp.collection import Collection, Source
from ragapp.errors import NoTextError, RagError, ReadError
from ragapp.protocols import Embedder, Vectors
from ragapp.rag import Rag
from ragapp.types import Chunk, Document

_log = logging.getLogger(__name__)
_RECIPE_VERSION = 1
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """What every file of a run needs. `recipe` names what an outcome depends on but the file."""

    collection: Collection
    embedder: Embedder
    near_duplicates: NearDuplicates
    sandbox: Sandbox
    chunk_tokens: int
    overlap_tokens: int
    recipe: str


def ingest_paths(
    rag: Rag,
    paths: Iterable[str | Path],
    *,
    sync: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> IngestReport:
    """Ingest files, folders and globs into the collection of `rag`, and say what became of each.

    Unchanged files are skipped, and so are files without a reader in a folder. With `sync`, sources
    under a given folder that are no longer there are removed. `should_stop` is asked after each
    file. Raises NotFoundError for a path that does not exist, CollectionLockedError while another
    ingestion is at work, and other CollectionErrors; what was stored until there is kept.
    """
    given = [Path(path) for path in paths]
    files = discover(given)

    def work(run: _Run) -> tuple[list[Outcome], int]:
        outcomes: list[Outcome] = []
        for path in files:
            if should_stop is not None and should_stop():
                break
            is_wanted = has_reader(path) or path in given
            read = partial(ingest_file, run, path)
            outcomes.append(_reported(run, str(path), read) if is_wanted else _unread(path))
            if on_progress is not None:
                on_progress(Progress(len(outcomes), len(files), outcomes[-1]))
        return outcomes, remove_missing(run.collection, given, files) if sync else 0

    return _in_run(rag, work)


def ingest_loader(rag: Rag, loader: Any) -> IngestReport:
    """Ingest what a LangChain `BaseLoader` yields: one document for each "source" it names.

    Raises UsageError for an object that is no loader, CollectionLockedError and other
    CollectionErrors.
    """

    def work(run: _Run) -> tuple[list[Outcome], int]:
        outcomes = []
        for name, pages in read_loader(loader):
            loaded = partial(_ingest_loaded, run, name, pages)
            outcomes.append(_reported(run, name, loaded))
        return outcomes, 0

    return _in_run(rag, work)


def ingest_file(run: _Run, path: Path) -> Outcome:
    """Take one file through the whole line. Raises ReadError when it gives no document."""
    source = _described(run, path)
    known = run.collection.source(source.path)
    if known is not None and _is_unchanged(known, source):
        return Outcome(source.path, "skipped", "unchanged", known.document_id)
    source = replace(source, sha256=_sha256(path))
    if known is not None and _has_same_bytes(known, source):
        run.collection.attach(replace(source, document_id=known.document_id))
        return Outcome(source.path, "skipped", "unchanged", known.document_id)
    pages = list(run.sandbox.read(path))
    document = _to_document(pages, name=source.path, format_name=format_of(path))
    if _described(run, path) != replace(source, sha256=None):
        raise ReadError(f"{path.name!r} changed while it was read", hint="ingest it again later")
    outcome = _store(run, _titled(document, path.stem), source)
    return replace(outcome, reason=outcome.reason or _missing_pages(pages))


def _ingest_loaded(run: _Run, name: str, pages: Sequence[Page]) -> Outcome:
    text = "\0".join(block.text for page in pages for block in page.blocks)
    data = text.encode(errors="surrogatepass")
    source = Source(name, None, sha256(data).digest(), len(data), 0, run.recipe)
    document = _to_document(pages, name=name, format_name="loader")
    return _store(run, _titled(document, name), source)


def _to_document(pages: Sequence[Page], *, name: str, format_name: str) -> Document:
    """Clean the pages and lay them end to end. Raises NoTextError when nothing is left."""
    document = assemble(clean_pages(pages, format=format_name), source=name, format=format_name)
    if not document.text:
        raise NoTextError(f"{Path(name).name!r} holds no text after cleaning")
    return document


def _missing_pages(pages: Sequence[Page]) -> str:
    last = pages[-1].metadata
    if "partial" in last:
        return f"partial: {last['partial']}, then {last['error']}"
    n_missing = sum(1 for page in pages if "error" in page.metadata)
    return f"partial: {n_missing} of {len(pages)} pages cannot be read" if n_missing else ""


def _store(run: _Run, document: Document, source: Source) -> Outcome:
    """Store a document, or note that its text is already there."""
    known = run.collection.source(source.path)
    source = replace(source, document_id=document.id)
    holders = run.collection.holders(document.id)
    if holders and known is not None and known.document_id == document.id:
        if _is_cut_already(run, holders, source.recipe):
            run.collection.attach(source)
            return Outcome(source.path, "skipped", "same text", document.id)
    elif holders:
        run.collection.attach(source)
        first = next(path for path in holders if path != source.path)
        return Outcome(source.path, "duplicate", f"same text as {first}", document.id, first)
    pieces = chunk_document(
        document,
        embedder=run.embedder,
        chunk_tokens=run.chunk_tokens,
        overlap_tokens=run.overlap_tokens,
    )
    vectors, n_reused = _embed(run, pieces)
    near = [item for item in run.near_duplicates.near(document) if run.collection.holders(item[1])]
    run.collection.add(document, pieces, vectors, source=source, near=near)
    name: OutcomeName = "updated" if known is not None and known.document_id else "added"
    reason = f"nearly the same text as {run.collection.holders(near[0][1])[0]}" if near else ""
    return Outcome(
        source.path,
        name,
        reason,
        document.id,
        chunks_new=len(pieces) - n_reused,
        chunks_reused=n_reused,
    )


def _is_cut_already(run: _Run, holders: Sequence[str], recipe: str) -> bool:
    """Tell whether a stored document's chunks were cut by this recipe."""
    sources = [run.collection.source(path) for path in holders]
    return any(source is not None and source.recipe == recipe for source in sources)


def _embed(run: _Run, pieces: Sequence[Chunk]) -> tuple[Vectors, int]:
    """Return (n, dim) vectors for the chunks and how many of them were there already."""
    reused = run.collection.reusable_vectors(pieces)
    missing = [i for i in range(len(pieces)) if i not in reused]
    vectors = np.zeros((len(pieces), run.embedder.identity.dim), dtype=np.float32)
    vectors[missing] = run.embedder.embed_documents([pieces[i].embedded_text for i in missing])
    for i, vector in reused.items():
        vectors[i] = vector
    return vectors, len(reused)


def _in_run(rag: Rag, work: Callable[[_Run], tuple[list[Outcome], int]]) -> IngestReport:
    start = time.perf_counter()
    with rag.collection.writing(), Sandbox() as sandbox:
        outcomes, n_removed = work(_begin(rag, sandbox))
    seconds = time.perf_counter() - start
    _log.info("ingested %d files in %.1f s", len(outcomes), seconds)
    return IngestReport(tuple(outcomes), n_removed, seconds)


def _begin(rag: Rag, sandbox: Sandbox) -> _Run:
    settings = rag.settings
    recipe = (
        f"{_RECIPE_VERSION}:{settings.chunk_tokens}:{settings.overlap_tokens}"
        f":{rag.embedder.identity.fingerprint}"
    )
    return _Run(
        collection=rag.collection,
        embedder=rag.embedder,
        near_duplicates=NearDuplicates(rag.collection, bits=settings.near_duplicate_bits),
        sandbox=sandbox,
        chunk_tokens=settings.chunk_tokens,
        overlap_tokens=settings.overlap_tokens,
        recipe=recipe,
    )


def _reported(run: _Run, name: str, ingest: Callable[[], Outcome]) -> Outcome:
    """Return the outcome of one file whatever it does: the task boundary of a run.

    What concerns the whole collection (a full disk, a damaged database) is raised.
    """
    if not _is_utf8(name):
        shown = name.encode(errors="backslashreplace").decode()
        return Outcome(shown, "failed", "its name is not UTF-8; rename it", code="unreadable")
    try:
        return ingest()
    except ReadError as error:
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return _failed(run, name, error.code, reason)
    except RagError:
        raise
    except Exception as error:  # noqa: BLE001  reported as this file's outcome
        _log.warning("ingesting one file failed", exc_info=error)
        return _failed(run, name, "unreadable", f"{type(error).__name__}: {error}")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unread(path: Path) -> Outcome:
    kind = path.suffix.lower() or "files without a suffix"
    return Outcome(str(path), "skipped", f"no reader for {kind}", code="unsupported")


def _failed(run: _Run, name: str, code: str, reason: str) -> Outcome:
    """Note the failure; what the source held before stays."""
    known = run.collection.source(name)
    document_id = known.document_id if known is not None else None
    reason = " ".join(reason.encode(errors="backslashreplace").decode().split())
    try:
        source = _described(run, Path(name))
    except OSError:
        source = Source(name, None, None, 0, 0, run.recipe)
    run.collection.attach(replace(source, document_id=document_id, failure=code, reason=reason))
    return Outcome(name, "failed", reason, document_id, code=code)


def _described(run: _Run, path: Path) -> Source:
    status = path.lstat()
    return Source(str(path), None, None, status.st_size, status.st_mtime_ns, run.recipe)


def _is_unchanged(known: Source, now: Source) -> bool:
    same = (known.size, known.mtime_ns, known.recipe) == (now.size, now.mtime_ns, now.recipe)
    return same and not known.failure and known.document_id is not None


def _has_same_bytes(known: Source, now: Source) -> bool:
    same = (known.sha256, known.recipe) == (now.sha256, now.recipe)
    return same and not known.failure and known.document_id is not None


def _sha256(path: Path) -> bytes:
    if not path.is_file() or path.is_symlink():
        raise ReadError(f"{path.name!r} is not a regular file", hint="name the file itself")
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def _titled(document: Document, fallback: str) -> Document:
    return document if document.title else replace(document, title=fallback)
