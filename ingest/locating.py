"""The boxes of quotes on the pages of a PDF, by pdfium. For a child process: see `ingest.boxes`."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256 as sha256_of
from importlib import import_module
from pathlib import Path
from typing import Any

from ingest.archives import unpacked
from ingest.drawing import draw
from ingest.opening import read_pdf_bytes
from ingest.pages import Page
from ingest.quote_matching import Range, find_quote
from ragapp.errors import CorruptFileError, EncryptedFileError, ReadError

MAX_CHARACTERS = 200_000  # of one page
WIDEST_GAP = 2.5  # between characters of one line, in their heights
_MIN_OVERLAP = 0.5
_HIGH_SURROGATES = range(0xD800, 0xDC00)

_Sides = tuple[float, float, float, float]  # left, bottom, right, top


def locate(
    path: Path,
    *,
    sha256: str,
    pages: Sequence[str],
    quotes: Sequence[str],
    around: Sequence[str],
    password: str = "",
    member: Sequence[str] = (),
    is_drawn: bool = False,
) -> Iterator[Page]:
    """Yield for each of `pages` a Page whose "boxes" are those of its quote, as JSON.

    With `is_drawn` its "png" is the page as it is shown, in base64, with the boxes coloured.

    `sha256` (hex) is that of the file as it was ingested; `around` is what stands before the quote
    on its first page and after it on its last. `member` is (name, folder) where the file is
    that one of an archive, unpacked into the folder.
    Raises ReadError for another file than was ingested, EncryptedFileError, CorruptFileError.
    """
    data = _member_bytes(path, member, password) if member else read_pdf_bytes(path)
    if sha256_of(data).hexdigest() != sha256:
        raise ReadError(f"{path.name!r} changed since it was ingested", hint="ingest it again")
    with closing(_opened(path, data, password)) as document:
        before, after = around
        for i, (number, quote) in enumerate(zip(pages, quotes, strict=True), start=1):
            ends = (before if i == 1 else "", after if i == len(pages) else "")
            boxes = _page_boxes(document, int(number) - 1, quote, ends)
            found = {"boxes": json.dumps(boxes)}
            if is_drawn and boxes:
                found["png"] = draw(document, int(number) - 1, [box["shown"] for box in boxes])
            yield Page((), number=int(number), metadata=found)


def lines_of(boxes: Sequence[_Sides]) -> list[_Sides]:
    """Return the boxes around the characters of each line, or column, given in reading order.

    >>> lines_of([(0, 0, 9, 9), (10, 0, 19, 9), (0, -20, 9, -11)])
    [(0, 0, 19, 9), (0, -20, 9, -11)]
    """
    lines: list[_Sides] = []
    is_upright = is_single = False
    for box in boxes:
        follows = bool(lines) and _follows(lines[-1], box)
        is_below = bool(lines) and (is_single or is_upright) and _is_below(lines[-1], box)
        if follows and not is_upright:
            lines[-1], is_single = _around(lines[-1], box), False
        elif is_below:
            lines[-1], is_upright, is_single = _around(lines[-1], box), True, False
        else:
            lines.append(box)
            is_upright, is_single = False, True
    return lines


def _follows(line: _Sides, box: _Sides) -> bool:
    """Tell whether a character stands on a line, beside what is there of it."""
    height = max(line[3] - line[1], box[3] - box[1])
    gap = max(box[0] - line[2], line[0] - box[2])
    return _overlap(line, box, 1) >= _MIN_OVERLAP and gap <= WIDEST_GAP * height


def _is_below(line: _Sides, box: _Sides) -> bool:
    height = max(line[2] - line[0], box[2] - box[0])
    return _overlap(line, box, 0) >= _MIN_OVERLAP and 0 <= line[1] - box[3] <= height


def _overlap(first: _Sides, second: _Sides, axis: int) -> float:
    """Return what the two share along an axis, as a part of the smaller one's extent."""
    shared = min(first[axis + 2], second[axis + 2]) - max(first[axis], second[axis])
    extent = min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])
    return shared / extent if extent > 0 else float(shared >= 0)


def _around(first: _Sides, second: _Sides) -> _Sides:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _member_bytes(archive: Path, member: Sequence[str], password: str) -> bytes:
    label, into = member
    passwords = [password] if password else []
    members = unpacked(
        archive, Path(into), passwords=passwords, is_wanted=lambda name: name == label
    )
    for found in members:
        if found.label == label and found.file:
            return read_pdf_bytes(Path(found.file))
        if found.label == label:
            raise ReadError(f"{label!r} in {archive.name!r} cannot be read: {found.reason}")
    raise ReadError(f"{archive.name!r} holds no {label!r} any more", hint="ingest it again")


def _opened(path: Path, data: bytes, password: str) -> Any:
    pypdfium2 = import_module("pypdfium2")
    try:
        return pypdfium2.PdfDocument(data, password=password or None)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise EncryptedFileError(
                f"{path.name!r} is protected by a password", hint="give its password"
            ) from error
        raise CorruptFileError(f"{path.name!r} is damaged: {error}") from error


def _page_boxes(
    document: Any, index: int, quote: str, around: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return the fields of `ingest.boxes.Box`, but the page's number, of each box."""
    pypdfium2 = import_module("pypdfium2")
    try:
        page = document[index]
        text_page = page.get_textpage()
    except (pypdfium2.PdfiumError, IndexError):
        return []
    with closing(page), closing(text_page):
        characters = _characters(text_page)
        ranges = find_quote(quote, characters, before=around[0], after=around[1])
        lines = lines_of(_character_boxes(text_page, characters, ranges))
        width, height = page.get_size()
        about = {"page_width": width, "page_height": height, "rotation": int(page.get_rotation())}
        names = ("left", "bottom", "right", "top")
        return [
            {**dict(zip(names, line, strict=True)), **about, "shown": _shown(page, line)}
            for line in lines
        ]


def _characters(text_page: Any) -> list[str]:
    """Return the page's characters, each a string; "" for the second half of a surrogate pair."""
    raw = import_module("pypdfium2.raw")
    n_characters = min(MAX_CHARACTERS, raw.FPDFText_CountChars(text_page.raw))
    codes = [raw.FPDFText_GetUnicode(text_page.raw, i) for i in range(n_characters)]
    characters = [chr(code) if code < 0x110000 else "" for code in codes]
    for i, code in enumerate(codes[:-1]):
        if code in _HIGH_SURROGATES:
            pair = (characters[i] + characters[i + 1]).encode("utf-16-le", "surrogatepass")
            characters[i], characters[i + 1] = pair.decode("utf-16-le", "replace"), ""
    return characters


def _character_boxes(
    text_page: Any, characters: Sequence[str], ranges: Sequence[Range]
) -> list[_Sides]:
    """Return the boxes of all characters of the ranges that are seen."""
    raw = import_module("pypdfium2.raw")
    boxes: list[_Sides] = []
    sides = [ctypes.c_double() for _ in range(4)]  # left, right, bottom, top
    for i in (i for start, end in ranges for i in range(start, end)):
        if characters[i].strip() and raw.FPDFText_GetCharBox(text_page.raw, i, *sides):
            left, right, bottom, top = (side.value for side in sides)
            if right > left and top > bottom:
                boxes.append((left, bottom, right, top))
    return boxes


def _shown(page: Any, line: _Sides) -> list[float]:
    """Return x, y, width, height as parts of the page as it is shown, from its upper left."""
    raw = import_module("pypdfium2.raw")
    side = 1_000_000  # device units: fractions to six places
    xs, ys = [], []
    for x, y in ((line[0], line[1]), (line[2], line[3])):
        column, row = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page.raw, 0, 0, side, side, 0, x, y, column, row)
        xs.append(column.value / side)
        ys.append(row.value / side)
    return [min(xs), min(ys), round(max(xs) - min(xs), 6), round(max(ys) - min(ys), 6)]
