"""PDF -> one Page per page, through pypdf within limits on what a page may unpack to.

A page, or a whole file, that pypdf cannot read or finds nothing in is tried with pdfium, and what
has no text for pdfium either, a scan, is drawn and recognised where that is wanted. The
bookmarks of the file become headings where their title stands on a line of the page they point to.
A page that fails is reported as a page with "error", and the others are kept.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError

from ingest.hidden import hidden_metadata
from ingest.opening import read_pdf_bytes
from ingest.pages import Block, Page
from ingest.pdfium import PdfiumPages
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError, EncryptedFileError

LIMITS = Configuration(
    array_based_stream_maximum_output_length=20_000_000,
    zlib_maximum_output_length=20_000_000,
    lzw_maximum_output_length=20_000_000,
    run_length_maximum_output_length=20_000_000,
    stream_decoding_work_maximum_length=40_000_000,
    jbig2dec_binary=None,
)
MAX_BOOKMARKS = 2_000

_Bookmarks = Mapping[int, Sequence[tuple[int, str]]]


def read_pdf(path: Path, *, password: str = "", with_ocr: bool = False) -> Iterator[Page]:
    """Yield a Page per page of a PDF, its text as one paragraph block between headings.

    A file that opens without a password is read, even if protected against changes; else with
    `password`, the user's or the owner's. Pages without text are recognised `with_ocr`. Raises
    EncryptedFileError, CorruptFileError.
    """
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    data = read_pdf_bytes(path)
    with PdfiumPages(data, password=password) as pdfium:
        pages = _pages(path, data, pdfium, password)
        try:
            for page in pages:
                yield _completed(pdfium, page, with_ocr=with_ocr)
        except _UnopenedError as error:
            if not pdfium.n_pages():
                raise _corrupt(path, error) from error
            for page in _pdfium_pages(pdfium):
                yield _completed(pdfium, page, with_ocr=with_ocr)


class _UnopenedError(Exception):
    """pypdf cannot open a file; the message is its reason."""


def _pages(path: Path, data: bytes, pdfium: PdfiumPages, password: str) -> Iterator[Page]:
    with apply_configuration(LIMITS):
        reader = _opened(path, data, password)
        n_pages = _n_pages(reader, path, password)
        bookmarks = _bookmarks(reader)
        metadata = {**_metadata(reader), "n_pages": str(n_pages)}
    for index in range(n_pages):
        with apply_configuration(LIMITS):
            text, error = _page_text(reader, index)
        if not text.strip() and (second := pdfium.text(index)).strip():
            text, error = second, ""
        failure = {"error": error} if error else {}
        blocks = tuple(_blocks(text, bookmarks.get(index, ())))
        yield Page(
            blocks, number=index + 1, metadata={**(metadata if index == 0 else {}), **failure}
        )


def _pdfium_pages(pdfium: PdfiumPages) -> Iterator[Page]:
    n_pages = pdfium.n_pages()
    for index in range(n_pages):
        metadata = {"n_pages": str(n_pages)} if index == 0 else {}
        yield Page(tuple(_blocks(pdfium.text(index), ())), number=index + 1, metadata=metadata)


def _completed(pdfium: PdfiumPages, page: Page, *, with_ocr: bool) -> Page:
    """Return a page with text with a note of what is hidden on it, another one recognised."""
    assert page.number is not None
    if any(block.text.strip() for block in page.blocks):
        found = pdfium.hidden_text(page.number - 1)
        hidden = hidden_metadata(found.text, boilerplate=found.overflow)
        return replace(page, metadata={**page.metadata, **hidden}) if hidden else page
    return _recognised(pdfium, page, page.number) if with_ocr else page


def _recognised(pdfium: PdfiumPages, page: Page, number: int) -> Page:
    """Return a page without text with what is recognised on its picture."""
    from ingest.recognition import MAX_SIDE, recognised_page  # numpy, where it is needed

    picture = pdfium.picture(number - 1, max_side=MAX_SIDE)
    if picture is None:
        return page
    found = recognised_page(picture, number=number)
    if not found.blocks:
        return page
    known = {key: value for key, value in page.metadata.items() if key != "error"}
    return replace(found, metadata={**known, **found.metadata})


def _opened(path: Path, data: bytes, password: str) -> PdfReader:
    try:
        reader = PdfReader(BytesIO(data))
        is_locked = reader.is_encrypted and not _decrypted(reader, password)
    except (DependencyError, NotImplementedError) as error:
        raise EncryptedFileError(
            f"{path.name!r} is encrypted in a way that is not supported: {error}"
        ) from error
    except Exception as error:
        raise _UnopenedError(_described(error)) from error
    if is_locked:
        raise _encrypted(path, password)
    return reader


def _decrypted(reader: PdfReader, password: str) -> bool:
    """Open a file without a password if that is enough, else with the one given."""
    return bool(reader.decrypt("") or (password and reader.decrypt(password)))


def _n_pages(reader: PdfReader, path: Path, password: str) -> int:
    try:
        n_pages = len(reader.pages)
    except FileNotDecryptedError as error:
        raise _encrypted(path, password) from error
    except Exception as error:
        raise _UnopenedError(_described(error)) from error
    if n_pages == 0:
        raise _UnopenedError("it has no pages")
    return n_pages


def _encrypted(path: Path, password: str) -> EncryptedFileError:
    if password:
        return EncryptedFileError(
            f"{path.name!r} does not open with the password given", hint="check the password"
        )
    return EncryptedFileError(
        f"{path.name!r} is protected by a password",
        hint="give its password, or save a copy without it",
    )


def _corrupt(path: Path, error: Exception) -> CorruptFileError:
    return CorruptFileError(
        f"{path.name!r} is damaged: {error}", hint="open and save it in a PDF viewer"
    )


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _page_text(reader: PdfReader, index: int) -> tuple[str, str]:
    """Return (text, "") or ("", what went wrong): one broken page must not cost the others."""
    try:
        return reader.pages[index].extract_text(), ""
    except Exception as error:  # noqa: BLE001  not every page error is a PyPdfError
        return "", _described(error)


def _metadata(reader: PdfReader) -> dict[str, str]:
    try:
        title = meaningful_title(reader.metadata.title if reader.metadata else None)
    except Exception:  # noqa: BLE001  a broken title is no title
        return {}
    return {"title": title} if title else {}


def _bookmarks(reader: PdfReader) -> _Bookmarks:
    """Return (level, title) of the bookmarks by 0-based page, none where they are broken."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    try:
        for level, item in _flattened(reader.outline, 1):
            page = reader.get_destination_page_number(item)
            if page is not None:
                found[page].append((level, str(item.title)))
    except Exception:  # noqa: BLE001  bookmarks are an addition
        return {}
    return found


def _flattened(outline: Sequence[Any], level: int) -> Iterator[tuple[int, Any]]:
    """Yield at most MAX_BOOKMARKS (level, bookmark); a list holds the children of what precedes."""
    stack = [(level, iter(outline))]
    n_yielded = 0
    while stack and n_yielded < MAX_BOOKMARKS:
        level, items = stack[-1]
        item = next(items, None)
        if item is None:
            stack.pop()
        elif isinstance(item, list):
            stack.append((level + 1, iter(item)))
        else:
            n_yielded += 1
            yield level, item


def _blocks(text: str, bookmarks: Sequence[tuple[int, str]]) -> Iterator[Block]:
    """Part a page's text at the lines that are the titles of its bookmarks."""
    levels = {_key(title): level for level, title in bookmarks if _key(title)}
    lines: list[str] = []
    for line in text.split("\n"):
        level = levels.pop(_key(line), None) if levels else None
        if level is None:
            lines.append(line)
            continue
        if any(map(str.strip, lines)):
            yield Block("paragraph", "\n".join(lines))
        yield Block("heading", line.strip(), level=min(6, level))
        lines = []
    if any(map(str.strip, lines)):
        yield Block("paragraph", "\n".join(lines))


def _key(line: str) -> str:
    """Fold a line to its letters: a bookmark often lacks the number or differs in spaces."""
    return "".join(filter(str.isalpha, line)).casefold() if len(line) <= 200 else ""
