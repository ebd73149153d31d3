"""The text of a slide that is not seen: of the colour below it, clear, tiny, or off the slide.

Hidden slides and shapes are closed by the program itself: their text is only counted unless it
speaks to a model, as is what HTML hides. Nothing is taken out. Text counts as unseen by its colour
only where the run or its shape states the colour, and all that is painted below it is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ingest.hidden import hidden_metadata
from ingest.office_colours import TRANSPARENT, Colour, Fill, solid_fill
from ingest.slide_ground import (
    A,
    Box,
    Ground,
    P,
    Paint,
    Placed,
    fill_in,
    ground_of,
    opaque,
    placed_shapes,
)

MAX_SIZE = 100  # hundredths of a point

_MARGINS = ("dt", "ftr", "sldNum", "hdr")
_OFF = ("0", "false")
_UNKNOWN = Paint(None, None)


class _Slide(NamedTuple):
    """A slide's box, what lies below its shapes, and what those before the present one paint."""

    box: Box
    ground: Ground
    painted: list[Paint]


def slide_metadata(slide: Any, *, width: int, height: int) -> dict[str, str]:
    """Return the page metadata for the unseen text of a slide of python-pptx's."""
    shapes = list(placed_shapes(slide.shapes._spTree))
    if slide._element.get("show") in _OFF:
        return hidden_metadata("", boilerplate="\n".join(map(_text, shapes)))
    ground = ground_of(slide)
    page = _Slide(Box(0, 0, width, height), ground, list(ground.painted))
    closed: list[str] = []
    unseen: list[str] = []
    for item in shapes:
        if _is_closed(item.shape):
            closed.append(_text(item))
            continue
        unseen += _unseen_texts(item, page)
        if (paint := ground.paint_of(item)) is not None:
            page.painted.append(paint)
    return hidden_metadata("\n".join(unseen), boilerplate="\n".join(closed))


def _role(shape: Any) -> str:
    holder = next(shape.iter(f"{P}ph"), None)
    return "" if holder is None else str(holder.get("type", "body"))


def _text(item: Placed) -> str:
    """Return the text of a shape, "" for a date, footer or number, which are not read."""
    if _role(item.shape) in _MARGINS:
        return ""
    paragraphs = item.shape.iter(f"{A}p")
    return "\n".join("".join(t.text or "" for t in p.iter(f"{A}t")) for p in paragraphs)


def _is_closed(shape: Any) -> bool:
    """Tell whether the program itself hides a shape."""
    around = (shape, *shape.iterancestors(f"{P}grpSp"))
    properties = (next(element.iter(f"{P}cNvPr"), None) for element in around)
    return any(p is not None and p.get("hidden", "0") not in _OFF for p in properties)


def _is_off(item: Placed, page: Box) -> bool:
    """Tell whether a shape, and text that does not wrap in it, lies off the slide."""
    wrapping = item.shape.find(f"{P}txBody/{A}bodyPr")
    is_wrapped = wrapping is None or wrapping.get("wrap") != "none"
    return item.box is not None and is_wrapped and not item.box.meets(page)


def _unseen_texts(item: Placed, page: _Slide) -> Iterator[str]:
    """Yield the text of each paragraph that is not seen."""
    if _role(item.shape) in _MARGINS:
        return
    if _is_off(item, page.box):
        yield _text(item)
        return
    for body, paint in _bodies(item, page):
        for paragraph in body.iter(f"{A}p"):
            runs = [run for run in paragraph if run.tag in (f"{A}r", f"{A}fld")]
            texts = [_run_text(run) for run in runs if _is_unseen(run, body, paint, page)]
            if any(text.strip() for text in texts):
                yield "".join(texts)


def _bodies(item: Placed, page: _Slide) -> Iterator[tuple[Any, Paint]]:
    """Yield the text bodies of a shape or table with what is painted below each."""
    cells = list(item.shape.iter(f"{A}tc"))
    for cell in cells:
        body, fill = cell.find(f"{A}txBody"), fill_in(cell.find(f"{A}tcPr"))
        if body is not None:
            colour = opaque(fill, page.ground.names) if fill is not None else None
            yield body, Paint(item.box, colour)
    body = item.shape.find(f"{P}txBody")
    if body is not None:
        own = page.ground.paint_of(item)
        yield body, own if own is not None else _below(item.box, page)


def _below(box: Box | None, page: _Slide) -> Paint:
    """Return what is painted below a see-through shape, by the uppermost that it meets."""
    for paint in reversed(page.painted):
        if box is None or paint.box is None:
            return _UNKNOWN
        if paint.box.meets(box):
            return paint if paint.box.holds(box) else _UNKNOWN
    return Paint(page.box, page.ground.background)


def _run_text(run: Any) -> str:
    return "".join(part.text or "" for part in run.iter(f"{A}t"))


def _is_unseen(run: Any, body: Any, below: Paint, page: _Slide) -> bool:
    properties = [run.find(f"{A}rPr"), _default(run, body)]
    size = next((p.get("sz") for p in properties if p is not None and p.get("sz")), "")
    if size.isdigit() and int(size) <= MAX_SIZE:
        return True
    stated = next(((p, f) for p in properties if (f := fill_in(p)) is not None), None)
    if stated is None:
        return False
    around, fill = stated
    if _is_outlined(around):
        return False
    if fill.tag == f"{A}noFill":
        return True
    if fill.tag != f"{A}solidFill":
        return False
    return _is_lost(solid_fill(fill, page.ground.names), _marked(around, below, page))


def _is_lost(text: Fill, ground: Colour | None) -> bool:
    if text.alpha <= TRANSPARENT:
        return True
    return text.colour is not None and ground is not None and text.colour.is_like(ground)


def _marked(properties: Any, below: Paint, page: _Slide) -> Colour | None:
    """Return the colour behind a run: that of its marker, or what is painted below it."""
    marker = properties.find(f"{A}highlight")
    return below.colour if marker is None else solid_fill(marker, page.ground.names).colour


def _is_outlined(properties: Any) -> bool:
    line = properties.find(f"{A}ln")
    return line is not None and line.find(f"{A}noFill") is None


def _default(run: Any, body: Any) -> Any:
    """Return the run properties that the shape itself sets for a paragraph's level, or None."""
    place = run.getparent().find(f"{A}pPr")
    level = place.get("lvl", "0") if place is not None else "0"
    number = int(level) + 1 if level.isdigit() else 1
    return body.find(f"{A}lstStyle/{A}lvl{number}pPr/{A}defRPr")
