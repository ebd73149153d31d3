"""The text of a PDF page that cannot be seen, found among the objects that pdfium paints.

Text is a suspect by its own properties: invisible (render mode 3, or transparent), tiny, off the
page, white, or of the colour of a box painted before it. For colours the page is drawn with and
without the suspects: what makes no difference is hidden. So a white heading on a dark box or on a
photograph is none. Invisible text under an image is the text layer of a scan, and none either.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

MAX_OBJECTS = 20_000
MAX_DEPTH = 5
MAX_BOXES = 200
MIN_SIZE = 1.5  # points
SMALL_PAGE = 400.0  # points: below it, MIN_SIZE shrinks with the page
WHITE = 230
SAME_COLOUR = 20  # of 255, in every channel
TRANSPARENT = 16
RECTANGLE_SEGMENTS = 6
DRAWN_SIDE = 800  # pixels
OFF_PAGE = 1.0

_TEXT, _PATH, _IMAGE, _FORM = 1, 2, 3, 5
_INVISIBLE_MODES = (3, 7)


class Box(NamedTuple):
    """Left, bottom, right and top in the points of the page."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point lies inside."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top

    def meets(self, other: Box) -> bool:
        """Tell whether two boxes overlap."""
        beside = self.right < other.left or self.left > other.right
        return not (beside or self.top < other.bottom or self.bottom > other.top)

    def grown(self, x: float, y: float) -> Box:
        """Return the box with `x` more at its left and right, `y` more below and above."""
        return Box(self.left - x, self.bottom - y, self.right + x, self.top + y)


class Matrix(NamedTuple):
    """A transformation: x' = a x + c y + e, y' = b x + d y + f. Source: ISO 32000-1, 8.3.3."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def after(self, inner: Matrix) -> Matrix:
        """Return the transformation that applies `inner` first."""
        return Matrix(
            self.a * inner.a + self.c * inner.b,
            self.b * inner.a + self.d * inner.b,
            self.a * inner.c + self.c * inner.d,
            self.b * inner.c + self.d * inner.d,
            self.a * inner.e + self.c * inner.f + self.e,
            self.b * inner.e + self.d * inner.f + self.f,
        )

    def box(self, box: Box) -> Box:
        """Return the box around a transformed box."""
        corners = [(x, y) for x in (box.left, box.right) for y in (box.bottom, box.top)]
        xs = [self.a * x + self.c * y + self.e for x, y in corners]
        ys = [self.b * x + self.d * y + self.f for x, y in corners]
        return Box(min(xs), min(ys), max(xs), max(ys))


@dataclass(slots=True)
class _Found:
    """What a page's objects give: text out of sight, and text whose colour has to be looked at."""

    hidden: list[Any] = field(default_factory=list)
    overflow: list[Any] = field(default_factory=list)
    invisible: list[tuple[Any, Box]] = field(default_factory=list)
    coloured: list[tuple[Any, Box]] = field(default_factory=list)
    boxes: list[tuple[Box, tuple[int, int, int]]] = field(default_factory=list)
    images: list[Box] = field(default_factory=list)


class HiddenText(NamedTuple):
    """Texts of a page that cannot be seen, their pieces on lines.

    `overflow` runs over an edge of the page, as what a typesetter could not fit in or the marks of
    a printer do; it stands within a page's size of the edge. `text` is all else.
    """

    text: str = ""
    overflow: str = ""


def hidden_text(page: Any) -> HiddenText:
    """Return what is written on an open pypdfium2 page and cannot be seen."""
    raw = import_module("pypdfium2.raw")
    bounds = _page_box(raw, page)
    found = _Found()
    min_size = MIN_SIZE * min(1.0, (bounds.top - bounds.bottom) / SMALL_PAGE)
    for item, kind, matrix in _objects(raw, page):
        if kind == _TEXT:
            _sort_text(raw, item, matrix, found, bounds, min_size)
        elif kind == _IMAGE:
            found.images.append(_box(raw, item, matrix))
        elif kind == _PATH and len(found.boxes) < MAX_BOXES:
            _note_box(raw, item, matrix, found)
    hidden = [*found.hidden, *_without_layer(found), *_unseen(raw, page, found.coloured)]
    if not hidden and not found.overflow:
        return HiddenText()
    with closing(page.get_textpage()) as text_page:
        return HiddenText(_text(raw, text_page, hidden), _text(raw, text_page, found.overflow))


def _objects(raw: Any, page: Any) -> Iterator[tuple[Any, int, Matrix]]:
    """Yield (object, kind, matrix to the page) in painting order, those inside forms too."""
    n_left = MAX_OBJECTS
    count, get = raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject
    stack = [(iter([get(page.raw, i) for i in range(min(n_left, count(page.raw)))]), Matrix())]
    while stack and n_left:
        items, matrix = stack[-1]
        item = next(items, None)
        if item is None:
            stack.pop()
            continue
        n_left -= 1
        kind = raw.FPDFPageObj_GetType(item)
        if kind != _FORM:
            yield item, kind, matrix
        elif len(stack) < MAX_DEPTH:
            n_inner = min(n_left, max(0, raw.FPDFFormObj_CountObjects(item)))
            inner = [raw.FPDFFormObj_GetObject(item, i) for i in range(n_inner)]
            stack.append((iter(inner), matrix.after(_matrix(raw, item))))


def _sort_text(
    raw: Any, item: Any, matrix: Matrix, found: _Found, bounds: Box, min_size: float
) -> None:
    colour = _colour(raw, item)
    if raw.FPDFTextObj_GetTextRenderMode(item) in _INVISIBLE_MODES:
        found.invisible.append((item, _box(raw, item, matrix)))
        return
    box = _box(raw, item, matrix)
    is_transparent = colour is not None and colour[3] < TRANSPARENT
    if is_transparent or _size(raw, item, matrix) < min_size:
        found.hidden.append(item)
    elif not box.meets(bounds.grown(OFF_PAGE, OFF_PAGE)):
        width, height = bounds.right - bounds.left, bounds.top - bounds.bottom
        is_near = box.meets(bounds.grown(width, 0)) or box.meets(bounds.grown(0, height))
        (found.overflow if is_near else found.hidden).append(item)
    elif colour is not None and (min(colour[:3]) >= WHITE or _is_on_its_colour(found, box, colour)):
        found.coloured.append((item, box))


def _size(raw: Any, item: Any, matrix: Matrix) -> float:
    """Return the font's height in points as it is drawn."""
    size = ctypes.c_float()
    if not raw.FPDFTextObj_GetFontSize(item, size):
        return MIN_SIZE
    whole = matrix.after(_matrix(raw, item))
    return abs(size.value) * float((whole.c**2 + whole.d**2) ** 0.5)


def _is_on_its_colour(found: _Found, box: Box, colour: tuple[int, ...]) -> bool:
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    return any(
        max(abs(a - b) for a, b in zip(colour[:3], below, strict=True)) <= SAME_COLOUR
        for area, below in found.boxes
        if area.holds(x, y)
    )


def _note_box(raw: Any, item: Any, matrix: Matrix, found: _Found) -> None:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    if not raw.FPDFPath_GetDrawMode(item, mode, stroke) or not mode.value:
        return
    if raw.FPDFPath_CountSegments(item) > RECTANGLE_SEGMENTS:
        return
    if (colour := _colour(raw, item)) is not None:
        found.boxes.append((_box(raw, item, matrix), (colour[0], colour[1], colour[2])))


def _without_layer(found: _Found) -> list[Any]:
    """Return the invisible texts that no image lies over or under."""
    return [
        item
        for item, box in found.invisible
        if not any(
            image.holds((box.left + box.right) / 2, (box.bottom + box.top) / 2)
            for image in found.images
        )
    ]


def _unseen(raw: Any, page: Any, suspects: list[tuple[Any, Box]]) -> list[Any]:
    """Return the suspects without which the page looks the same."""
    if not suspects:
        return []
    scale = DRAWN_SIDE / max(1.0, *page.get_size())
    drawn = _drawn(page, scale)
    _switch(raw, suspects, is_on=False)
    bare = _drawn(page, scale)
    _switch(raw, suspects, is_on=True)
    changed = abs(drawn - bare).max(axis=2) > SAME_COLOUR  # (h, w)
    return [item for item, box in suspects if not _is_changed(raw, page, changed, box)]


def _switch(raw: Any, suspects: list[tuple[Any, Box]], *, is_on: bool) -> None:
    for item, _ in suspects:
        raw.FPDFPageObj_SetIsActive(item, is_on)


def _drawn(page: Any, scale: float) -> Any:
    """Return the page as (h, w, 3) int16, a copy: the bitmap's own memory goes with it."""
    with closing(page.render(scale=scale)) as bitmap:
        return bitmap.to_numpy()[..., :3].astype("int16")


def _is_changed(raw: Any, page: Any, changed: Any, box: Box) -> bool:
    height, width = changed.shape
    xs, ys = [], []
    for x, y in ((box.left, box.bottom), (box.right, box.top)):
        column, row = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, x, y, column, row)
        xs.append(min(width, max(0, column.value)))
        ys.append(min(height, max(0, row.value)))
    return bool(changed[min(ys) : max(ys) + 1, min(xs) : max(xs) + 1].any())


def _text(raw: Any, text_page: Any, items: list[Any]) -> str:
    texts = []
    for item in items:
        n_bytes = raw.FPDFTextObj_GetText(item, text_page.raw, None, 0)
        buffer = ctypes.create_string_buffer(n_bytes)
        characters = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
        raw.FPDFTextObj_GetText(item, text_page.raw, characters, n_bytes)
        texts.append(buffer.raw.decode("utf-16-le", "replace").rstrip("\0"))
    return "\n".join(filter(str.strip, texts))


def _page_box(raw: Any, page: Any) -> Box:
    rectangle = raw.FS_RECTF()
    if not raw.FPDF_GetPageBoundingBox(page.raw, rectangle):
        return Box(0.0, 0.0, *page.get_size())
    return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)


def _box(raw: Any, item: Any, matrix: Matrix) -> Box:
    sides = [ctypes.c_float() for _ in range(4)]
    raw.FPDFPageObj_GetBounds(item, *sides)
    return matrix.box(Box(*[side.value for side in sides]))


def _matrix(raw: Any, item: Any) -> Matrix:
    values = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(item, values):
        return Matrix()
    return Matrix(values.a, values.b, values.c, values.d, values.e, values.f)


def _colour(raw: Any, item: Any) -> tuple[int, int, int, int] | None:
    """Return red, green, blue and opacity, 0 to 255, None for patterns."""
    channels = [ctypes.c_uint() for _ in range(4)]
    if not raw.FPDFPageObj_GetFillColor(item, *channels):
        return None
    red, green, blue, opacity = (channel.value for channel in channels)
    return red, green, blue, opacity
