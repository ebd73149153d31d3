"""The half of the line that writes nothing: bytes -> read -> clean -> Document -> chunk.

Safe to run for several files at once; what a file does wrong becomes a `Prepared` that says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Literal

from ingest.chunk import chunk_document
from ingest.clean import assemble, clean
from ingest.inputs import Input
from ingest.instructions import find_instructions, find_smuggled
from ingest.odd_characters import count_odd_characters
from ingest.pages import Page
from ingest.policies import Filtered, PolicySkip, apply
from ingest.quality import Quality, measure, with_notes
from ingest.readers import format_of
from ingest.run import Run
from ragapp.collection import NO_FILE, Source
from ragapp.errors import EncryptedFileError, NoTextError, RagError, ReadError
from ragapp.types import INSTRUCTIONS_KEY, Chunk, Document

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file, as far as it can be taken without writing.

    `verdict` "unchanged" and "touched" (other time, same bytes) mean that nothing is to be read,
    "failed" comes with a `code`, "kept_out" is a policy's doing (an earlier version goes too),
    "unrecorded" is a failure that is not noted. `pieces` is None where the text is already
    stored, or there is none.
    """

    source: Source
    verdict: Literal["unchanged", "touched", "failed", "kept_out", "unrecorded", "read"]
    known: Source | None = None
    document: Document | None = None
    pieces: tuple[Chunk, ...] | None = None
    code: str = ""
    reason: str = ""
    quality: Quality | None = None


def prepare_file(run: Run, item: Input) -> Prepared:
    """Take a file up to its chunks. Raises nothing but what concerns the whole collection."""
    return _prepared(run, item, lambda: _read_file(run, item))


def prepare_loaded(run: Run, name: str, pages: Sequence[Page]) -> Prepared:
    """Take pages that a loader has read, under the source name `name`, up to their chunks."""
    item = Input(name, Path(name), mtime_ns=NO_FILE)
    return _prepared(run, item, lambda: _read_loaded(run, name, pages))


def failed(run: Run, item: Input, code: str, reason: str) -> Prepared:
    """Return the failure of an input; what its source held before stays."""
    known = run.collection.source(item.name)
    reason = " ".join(reason.encode(errors="backslashreplace").decode().split())
    try:
        source = described(run, item)
    except (OSError, ValueError):
        source = _source_of(run, item.name, item.mtime_ns or 0)
    document_id = known.document_id if known is not None else None
    source = replace(source, document_id=document_id, failure=code, reason=reason)
    return Prepared(source, "failed", known, code=code, reason=reason)


def unrecorded(run: Run, name: str, reason: str) -> Prepared:
    """Return a failure that is reported and not stored."""
    source = _source_of(run, name.encode(errors="backslashreplace").decode(), 0)
    return Prepared(source, "unrecorded", code=ReadError.code, reason=reason)


def described(run: Run, item: Input) -> Source:
    """Return the source of an input as it is now, without document and hash. Raises OSError."""
    status = item.path.lstat()
    mtime_ns = status.st_mtime_ns if item.mtime_ns is None else item.mtime_ns
    return Source(item.name, None, None, status.st_size, mtime_ns, run.recipe)


def cut(run: Run, document: Document) -> tuple[Chunk, ...]:
    """Return the document's chunks."""
    return tuple(
        chunk_document(
            document,
            embedder=run.embedder,
            chunk_tokens=run.chunk_tokens,
            overlap_tokens=run.overlap_tokens,
        )
    )


def _prepared(run: Run, item: Input, read: Callable[[], Prepared]) -> Prepared:
    """Return what `read` returns, or the failure that it raises: the task boundary of a run."""
    name = item.name
    try:
        name.encode()
    except UnicodeEncodeError:
        return unrecorded(run, name, "its name is not UTF-8; rename it")
    try:
        return read()
    except PolicySkip as error:
        kept_out = failed(run, item, error.code, error.message)
        source = replace(kept_out.source, document_id=None)
        return replace(kept_out, verdict="kept_out", source=source)
    except ReadError as error:
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return failed(run, item, error.code, reason.replace(item.path.name, item.label))
    except RagError:
        raise
    except Exception as error:  # noqa: BLE001  reported as this file's outcome
        _log.debug("reading one file failed", exc_info=error)
        return failed(run, item, "unreadable", f"{type(error).__name__}: {error}")


def _read_file(run: Run, item: Input) -> Prepared:
    source, path = described(run, item), item.path
    known = run.collection.source(source.path)
    if known is not None and _is_unchanged(known, source):
        return Prepared(source, "unchanged", known)
    source = replace(source, sha256=_sha256(path))
    if known is not None and _has_same_bytes(known, source):
        return Prepared(replace(source, document_id=known.document_id), "touched", known)
    pages = _opened_pages(run, path)
    document, quality = _to_document(run, pages, name=source.path, format_name=format_of(path))
    reason = _missing_pages(pages)
    del pages  # they may be large
    if described(run, item) != replace(source, sha256=None):
        raise ReadError(f"{path.name!r} changed while it was read", hint="ingest it again later")
    document = _titled(document, Path(item.label).stem)
    prepared = _cut_if_new(run, source, known, document, quality)
    return replace(prepared, reason=reason)


def _opened_pages(run: Run, path: Path) -> list[Page]:
    """Return the pages of a file, a locked one opened with the first password that fits."""
    for password in ("", *run.passwords):
        try:
            return list(run.sandbox.read(path, password=password, with_ocr=run.with_ocr))
        except EncryptedFileError as error:
            failure = error
    raise failure


def _read_loaded(run: Run, name: str, pages: Sequence[Page]) -> Prepared:
    text = "\0".join(block.text for page in pages for block in page.blocks)
    data = text.encode(errors="surrogatepass")
    source = replace(_source_of(run, name, NO_FILE), sha256=sha256(data).digest(), size=len(data))
    document, quality = _to_document(run, pages, name=name, format_name="loader")
    has_own_title = any("title" in page.metadata for page in pages[:1])  # which may be ""
    titled = document if has_own_title else _titled(document, name)
    known = run.collection.source(name)
    prepared = _cut_if_new(run, source, known, titled, quality)
    return replace(prepared, reason=_missing_pages(pages))


def _cut_if_new(
    run: Run, source: Source, known: Source | None, document: Document, quality: Quality
) -> Prepared:
    source = replace(source, document_id=document.id)
    is_new = not run.collection.holders(document.id)
    is_cut_otherwise = known is not None and known.recipe != run.recipe
    pieces = cut(run, document) if is_new or is_cut_otherwise else None
    quality = quality.of_chunks(pieces or ())
    return Prepared(source, "read", known, document, pieces, quality=quality)


def _to_document(
    run: Run, pages: Sequence[Page], *, name: str, format_name: str
) -> tuple[Document, Quality]:
    """Clean and filter the pages, lay them end to end and say how good they were.

    Raises NoTextError when nothing is left, PolicySkip when a policy keeps the file out.
    """
    cleaned = clean(pages, format=format_name)
    filtered = apply(cleaned.pages, run.policies)
    document = assemble(filtered.pages, source=name, format=format_name)
    if not document.text:
        raise NoTextError(f"{Path(name).name!r} holds no text after cleaning")
    notes = _notes(pages, document.text, filtered)
    document = replace(document, metadata={**document.metadata, **notes})
    characters = count_odd_characters(block.text for page in pages for block in page.blocks)
    quality = measure(pages, document, cleaned=cleaned, filtered=filtered, characters=characters)
    return with_notes(document, quality), quality


def _notes(pages: Sequence[Page], text: str, filtered: Filtered) -> dict[str, str]:
    """Return what is to be remembered of a document: findings, and instructions to a model."""
    notes = {}
    if filtered.findings:
        notes["findings"] = json.dumps(dict(filtered.findings), sort_keys=True)
    instructions = [[item.kind, item.start, item.end] for item in find_instructions(text)]
    n_smuggled = sum(len(find_smuggled(block.text)) for page in pages for block in page.blocks)
    n_hidden = sum("hidden" in page.metadata for page in pages)
    unplaced = [["smuggled", 0, 0]] * n_smuggled + [["hidden", 0, 0]] * n_hidden
    if instructions or unplaced:
        notes[INSTRUCTIONS_KEY] = json.dumps(instructions + unplaced)
    return notes


def _titled(document: Document, fallback: str) -> Document:
    return document if document.title else replace(document, title=fallback)


def _missing_pages(pages: Sequence[Page]) -> str:
    last = pages[-1].metadata
    if "partial" in last:
        return f"partial: {last['partial']}, then {last['error']}"
    n_missing = sum(1 for page in pages if "error" in page.metadata)
    return f"partial: {n_missing} of {len(pages)} pages cannot be read" if n_missing else ""


def _source_of(run: Run, name: str, mtime_ns: int) -> Source:
    return Source(name, None, None, 0, mtime_ns, run.recipe)


def _is_unchanged(known: Source, now: Source) -> bool:
    same = (known.size, known.mtime_ns, known.recipe) == (now.size, now.mtime_ns, now.recipe)
    is_settled = not known.failure and known.document_id is not None
    return same and is_settled and now.mtime_ns != NO_FILE


def _has_same_bytes(known: Source, now: Source) -> bool:
    same = (known.sha256, known.recipe) == (now.sha256, now.recipe)
    return same and not known.failure and known.document_id is not None


def _sha256(path: Path) -> bytes:
    if not path.is_file() or path.is_symlink():
        raise ReadError(f"{path.name!r} is not a regular file", hint="name the file itself")
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
