"""Where citations stand on the pages of their PDFs: found when asked for, in the files as they are.

The original file must be as it was ingested (by its SHA-256): there is no box rather than a wrong
one. Files are opened in limited child processes, as they are for ingestion.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from ingest.inputs import MEMBER_MARK, file_of
from ingest.opening import MAX_ZIP_BYTES
from ingest.quote_matching import CONTEXT_CHARACTERS
from ingest.readers.sandbox import Limits, Sandbox
from ragapp import Citation, Rag, RagError, Rags
from ragapp.collection import NO_FILE, Source
from ragapp.errors import ReadError
from ragapp.types import Document

_TARGET = "ingest.locating:locate"
_LIMITS = Limits(wall_s=60.0, cpu_s=60, file_bytes=MAX_ZIP_BYTES)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle around a line, or a part of one, of a quote on a page (1-based).

    The sides are in PDF points of the page's own space, y upwards, as the file draws (so before
    `rotation`, degrees clockwise, and whatever is cropped); `page_width` and `page_height` are the
    points of the page as it is shown. `shown` is x, y, width and height on that page as parts of
    its size, from its upper left corner: what to draw over a picture of it.
    """

    page: int
    left: float
    bottom: float
    right: float
    top: float
    page_width: float
    page_height: float
    rotation: int
    shown: tuple[float, float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the box as plain JSON values."""
        return asdict(self) | {"shown": list(self.shown)}


@dataclass(frozen=True, slots=True)
class QuoteBoxes:
    """The boxes of a citation's quote in reading order; () for a `reason`, else "".

    `pictures` are (page, PNG) of the pages as they are shown, boxes coloured, where asked for.
    """

    boxes: tuple[Box, ...] = ()
    reason: str = ""
    pictures: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the boxes under the names that a citation has them in JSON."""
        return {"boxes": [box.to_dict() for box in self.boxes], "boxes_reason": self.reason}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A quote, page by page, with what stands around it."""

    pages: tuple[str, ...]
    quotes: tuple[str, ...]
    around: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class _Look:
    """How files are looked into."""

    sandbox: Sandbox
    password: str
    has_pictures: bool = False


def citation_boxes(
    rag: Rag | Rags,
    citations: Iterable[Citation],
    *,
    password: str = "",
    has_pictures: bool = False,
) -> list[QuoteBoxes]:
    """Return the boxes of each citation's quote on its PDF's pages, one element a citation.

    `has_pictures` brings the pages along as pictures, at most 1,600 pixels a side.

    Nothing is raised for a file: one that is gone, changed, locked (open it with `password`), no
    PDF, or a scan gives a `reason` of one line. Of a document with several sources each is tried.
    """
    with Sandbox(target=_TARGET, limits=_LIMITS) as sandbox:
        look = _Look(sandbox, password, has_pictures)
        return [_boxes(look, _holder(rag, found), found) for found in citations]


def quote_boxes(
    path: Path, sha256: str, pages: Sequence[int], quotes: Sequence[str], *, password: str = ""
) -> tuple[Box, ...]:
    """Return the boxes of a text of a PDF, given page by page (1-based) with its part on each.

    `sha256` is the file's, in hex. Raises ReadError, also where the file has another one,
    EncryptedFileError, CorruptFileError. () where the pages do not hold the text.
    """
    wanted = _Wanted(tuple(map(str, pages)), tuple(quotes))
    with Sandbox(target=_TARGET, limits=_LIMITS) as sandbox:
        return _located(_Look(sandbox, password), str(path), sha256, wanted).boxes


def _holder(rag: Rag | Rags, citation: Citation) -> Rag:
    return rag.rags[citation.collection] if isinstance(rag, Rags) else rag


def _boxes(look: _Look, rag: Rag, citation: Citation) -> QuoteBoxes:
    reason = "its document is no PDF" if citation.page is not None else "it stands on no page"
    with suppress(RagError):
        document = rag.document(citation.document_id)
        sources = [rag.collection.source(path) for path in _paths(rag, citation)]
        for source in filter(_is_pdf, sources):
            assert source is not None
            found = _boxes_in(look, source, _wanted(document, citation))
            if found.boxes:
                return found
            reason = found.reason
    return QuoteBoxes(reason=reason)


def _paths(rag: Rag, citation: Citation) -> list[str]:
    """Return the document's sources, the one that is cited first."""
    return list(dict.fromkeys([citation.source, *rag.collection.holders(citation.document_id)]))


def _is_pdf(source: Source | None) -> bool:
    if source is None or source.sha256 is None or source.mtime_ns == NO_FILE:
        return False
    return PurePath(source.path).suffix.lower() == ".pdf"


def _boxes_in(look: _Look, source: Source, wanted: _Wanted) -> QuoteBoxes:
    assert source.sha256 is not None
    try:
        found = _located(look, source.path, source.sha256.hex(), wanted)
    except ReadError as error:
        return QuoteBoxes(reason=f"{error.message}; {error.hint}" if error.hint else error.message)
    if not found.boxes:
        name = PurePath(source.path).name
        reason = f"the pages of {name!r} do not hold these words as text (a scan, or drawn)"
        return QuoteBoxes(reason=reason)
    return found


def _wanted(document: Document, citation: Citation) -> _Wanted:
    """Return a citation's quote parted at the page breaks in it."""
    start, end = citation.start, citation.end
    parts = [
        (str(span.number), document.text[max(start, span.start) : min(end, span.end)])
        for span in document.pages
        if span.start < end and start < span.end
    ]
    return _Wanted(
        tuple(number for number, _ in parts),
        tuple(text for _, text in parts),
        (
            document.text[max(0, start - CONTEXT_CHARACTERS) : start],
            document.text[end : end + CONTEXT_CHARACTERS],
        ),
    )


def _located(look: _Look, source: str, sha256: str, wanted: _Wanted) -> QuoteBoxes:
    file = file_of(source)
    if not Path(file).exists():
        raise ReadError(f"{file!r} is no longer there", hint="bring it back, or ingest it anew")
    if not wanted.pages:
        return QuoteBoxes()
    label = source.removeprefix(file).removeprefix(MEMBER_MARK)
    with TemporaryDirectory(prefix="ragapp-") as into:
        pages = list(
            look.sandbox.read(
                Path(file),
                sha256=sha256,
                pages=wanted.pages,
                quotes=wanted.quotes,
                around=wanted.around,
                password=look.password,
                member=[label, into] if label else [],
                is_drawn=look.has_pictures,
            )
        )
    boxes = tuple(box for page in pages for box in _boxes_of_page(page.number, page.metadata))
    drawn = ((page.number or 0, b64decode(page.metadata.get("png", ""))) for page in pages)
    return QuoteBoxes(boxes, pictures=tuple((number, png) for number, png in drawn if png))


def _boxes_of_page(number: int | None, metadata: Any) -> Iterator[Box]:
    if "error" in metadata:
        raise ReadError(f"its PDF cannot be read: {metadata['error']}")
    assert number is not None
    for values in json.loads(metadata["boxes"]):
        yield Box(page=number, **{**values, "shown": tuple(values["shown"])})
