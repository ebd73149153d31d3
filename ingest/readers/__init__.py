"""Files -> pages. The table of readers, and the one function through which a file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, cast

from ingest.pages import Page
from ragapp.errors import (
    CorruptFileError,
    FileTooLargeError,
    NoTextError,
    ReadError,
    UnsupportedFileError,
)

Reader = Callable[[Path], Iterator[Page]]


class ReaderEntry(NamedTuple):
    """A format's name and where its reader is found, "module:function"."""

    format: str
    function: str


_PDF = ReaderEntry("pdf", "ingest.readers.pdf:read_pdf")
_DOCX = ReaderEntry("docx", "ingest.readers.docx:read_docx")
_HTML = ReaderEntry("html", "ingest.readers.html:read_html")
_MARKDOWN = ReaderEntry("markdown", "ingest.readers.markdown:read_markdown")
_TEXT = ReaderEntry("text", "ingest.readers.text:read_text")

READERS: Mapping[str, ReaderEntry] = {
    ".pdf": _PDF,
    ".docx": _DOCX,
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".txt": _TEXT,
    ".text": _TEXT,
    ".log": _TEXT,
    ".srt": _TEXT,
}


def format_of(path: Path) -> str:
    """Return the name of the format that the path's suffix stands for.

    Raises UnsupportedFileError for a suffix without a reader.
    """
    return _entry_of(path).format


def has_reader(path: Path) -> bool:
    """Tell whether the path's suffix stands for a format that can be read."""
    return path.suffix.lower() in READERS


def read(path: Path) -> Iterator[Page]:
    """Yield the pages of a file as they are read.

    A page that could not be read is yielded without blocks, its metadata holding "error". Raises
    ReadError subclasses only, whatever the file does: UnsupportedFileError, FileTooLargeError,
    EncryptedFileError, CorruptFileError, or NoTextError after the last page when no page had text.
    """
    entry = _entry_of(path)
    has_text = False
    failure = ""
    for page in _guarded(path, entry):
        has_text = has_text or any(block.text.strip() for block in page.blocks)
        failure = failure or page.metadata.get("error", "")
        yield page
    if not has_text and failure:
        raise CorruptFileError(f"{path.name!r} has no page that can be read: {failure}")
    if not has_text:
        raise NoTextError(
            f"{path.name!r} holds no text", hint="if it is a scan, run text recognition on it first"
        )


def _entry_of(path: Path) -> ReaderEntry:
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise UnsupportedFileError(
            f"{path.name!r} has no reader for the suffix {suffix!r}",
            hint=f"readable are: {', '.join(sorted(READERS))}",
        )
    return READERS[suffix]


def _guarded(path: Path, entry: ReaderEntry) -> Iterator[Page]:
    """Run a reader; whatever a parser raises on a hostile file becomes a CorruptFileError."""
    module_name, function = entry.function.split(":")
    reader = cast(Reader, getattr(import_module(module_name), function))
    try:
        yield from reader(path)
    except ReadError:
        raise
    except MemoryError as error:
        raise FileTooLargeError(
            f"{path.name!r} needs more memory than it may use", hint="split the file"
        ) from error
    except Exception as error:  # the border to all parsers
        raise CorruptFileError(
            f"{path.name!r} cannot be read as {entry.format}: {type(error).__name__}: {error}",
            hint="open it in its own program and save it anew",
        ) from error
