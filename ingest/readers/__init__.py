"""Files -> pages. The table of readers, and the one function through which a file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, cast

from ingest.extras import has_ocr
from ingest.pages import Page
from ragapp.errors import (
    CorruptFileError,
    FileTooLargeError,
    NoTextError,
    ReadError,
    UnsupportedFileError,
)


class ReaderEntry(NamedTuple):
    """A format's name, where its reader is found, "module:function", whether it opens files with
    a password, and whether it can recognise the text of pictures.
    """

    format: str
    function: str
    takes_password: bool = False
    takes_ocr: bool = False


_PDF = ReaderEntry("pdf", "ingest.readers.pdf:read_pdf", takes_password=True, takes_ocr=True)
_IMAGE = ReaderEntry("image", "ingest.readers.image:read_image", takes_ocr=True)
_DOCX = ReaderEntry("docx", "ingest.readers.docx:read_docx", takes_password=True)
_PPTX = ReaderEntry("pptx", "ingest.readers.pptx:read_pptx", takes_password=True)
_XLSX = ReaderEntry("xlsx", "ingest.readers.xlsx:read_xlsx", takes_password=True)
_CSV = ReaderEntry("csv", "ingest.readers.csv:read_csv")
_HTML = ReaderEntry("html", "ingest.readers.html:read_html")
_ODT = ReaderEntry("odt", "ingest.readers.odt:read_odt")
_RTF = ReaderEntry("rtf", "ingest.readers.rtf:read_rtf")
_EML = ReaderEntry("eml", "ingest.readers.eml:read_eml")
_EPUB = ReaderEntry("epub", "ingest.readers.epub:read_epub")
_XML = ReaderEntry("xml", "ingest.readers.xml:read_xml")
_JSON = ReaderEntry("json", "ingest.readers.json:read_json")
_CODE = ReaderEntry("code", "ingest.readers.code:read_code")
_MARKDOWN = ReaderEntry("markdown", "ingest.readers.markdown:read_markdown")
_TEXT = ReaderEntry("text", "ingest.readers.text:read_text")

_CODE_SUFFIXES = (
    ".py .pyi .js .mjs .cjs .jsx .ts .tsx .vue .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx "
    ".hh .hpp .cs .go .rs .swift .m .rb .php .pl .lua .r .jl .hs .ex .exs .erl .clj .dart .sh "
    ".bash .zsh .ps1 .bat .sql .proto .graphql .css .scss .less .yaml .yml .toml .ini .cfg .conf "
    ".properties .cmake .gradle .tf .tex .bib"
).split()

_IMAGE_SUFFIXES = ".png .jpg .jpeg .tif .tiff .bmp .webp".split()

READERS: Mapping[str, ReaderEntry] = {
    ".pdf": _PDF,
    **dict.fromkeys(_IMAGE_SUFFIXES, _IMAGE),
    ".docx": _DOCX,
    ".pptx": _PPTX,
    ".pptm": _PPTX,
    ".xlsx": _XLSX,
    ".xlsm": _XLSX,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".odt": _ODT,
    ".rtf": _RTF,
    ".eml": _EML,
    ".epub": _EPUB,
    ".xml": _XML,
    ".rss": _XML,
    ".atom": _XML,
    ".json": _JSON,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".txt": _TEXT,
    ".text": _TEXT,
    ".log": _TEXT,
    ".srt": _TEXT,
    ".rst": _TEXT,
    **dict.fromkeys(_CODE_SUFFIXES, _CODE),
}


def format_of(path: Path) -> str:
    """Return the name of the format that the path's suffix stands for.

    Raises UnsupportedFileError for a suffix without a reader.
    """
    return _entry_of(path).format


def has_reader(path: Path) -> bool:
    """Tell whether the path's suffix stands for a format that can be read."""
    return path.suffix.lower() in READERS


def read(path: Path, *, password: str = "", with_ocr: bool = False) -> Iterator[Page]:
    """Yield the pages of a file as they are read; an encrypted one is opened with `password`.

    The text of scans and images is recognised `with_ocr`, which needs the extra ragapp[ocr].
    A page that could not be read is yielded without blocks, its metadata holding "error". Raises
    ReadError subclasses only, whatever the file does: UnsupportedFileError, FileTooLargeError,
    EncryptedFileError, CorruptFileError, or NoTextError after the last page when no page had text.
    """
    entry = _entry_of(path)
    has_text = False
    failure = ""
    for page in _guarded(path, entry, password, with_ocr=with_ocr):
        has_text = has_text or any(block.text.strip() for block in page.blocks)
        failure = failure or page.metadata.get("error", "")
        yield page
    if not has_text and failure:
        raise CorruptFileError(f"{path.name!r} has no page that can be read: {failure}")
    if not has_text:
        hint = _no_text_hint(with_ocr=with_ocr) if entry.takes_ocr else ""
        raise NoTextError(f"{path.name!r} holds no text", hint=hint)


def _no_text_hint(*, with_ocr: bool) -> str:
    if with_ocr:
        return "text recognition finds none either"
    if has_ocr():
        return 'to have scans and images recognised set ocr = "auto"'
    return "to have scans and images recognised: pip install 'ragapp[ocr]'"


def _entry_of(path: Path) -> ReaderEntry:
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise UnsupportedFileError(
            f"{path.name!r} has no reader for the suffix {suffix!r}",
            hint=f"readable are: {', '.join(sorted(READERS))}",
        )
    return READERS[suffix]


def _guarded(path: Path, entry: ReaderEntry, password: str, *, with_ocr: bool) -> Iterator[Page]:
    """Run a reader; whatever a parser raises on a hostile file becomes a CorruptFileError."""
    module_name, function = entry.function.split(":")
    reader = cast(Callable[..., Iterator[Page]], getattr(import_module(module_name), function))
    options: dict[str, str | bool] = {"password": password} if entry.takes_password else {}
    if entry.takes_ocr:
        options["with_ocr"] = with_ocr
    try:
        yield from reader(path, **options)
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
