"""Recognised lines with their places -> blocks in reading order. Pure.

Columns are told from tables by their lines: a column holds running text, a table short cells beside
one another. Lines of one column are one paragraph block with line ends, which cleaning joins as it
does a PDF's; an indented first line and a wide gap begin a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ingest.pages import Block

MIN_COLUMN_LINES = 4
MIN_COLUMN_WIDTH = 8.0  # in line heights
MAX_CROSSING_SHARE = 0.34
CELL_GAP = 1.5
PARAGRAPH_GAP = 1.9  # of the usual distance between lines
INDENT = 1.2
SIZE_CHANGE = 1.3

_Row = list["TextBox"]


@dataclass(frozen=True, slots=True)
class TextBox:
    """A stretch of text on one line of an image, in pixels from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    confidence: float = 1.0


def blocks_of(boxes: Sequence[TextBox]) -> list[Block]:
    """Return the boxes' texts as paragraphs and tables, in the order in which they are read.

    >>> left, right = TextBox(0, 0, 30, 9, "Name"), TextBox(90, 0, 120, 9, "Year")
    >>> below = [replace(box, top=12, bottom=21) for box in (left, right)]
    >>> blocks_of([right, left, *below])
    [Block(kind='table', text='Name | Year\\nName | Year', level=0)]
    """
    if not boxes:
        return []
    height = median(_height(box) for box in boxes)
    if _is_vertical(boxes):
        columns = sorted(boxes, key=lambda box: (-box.right, box.top))
        return [Block("paragraph", "\n".join(box.text for box in columns))]
    return [block for part in _parts(boxes, height) for block in _blocks(part, height)]


def _is_vertical(boxes: Sequence[TextBox]) -> bool:
    """Tell a page whose lines run from top to bottom, the first one at the right."""
    tall = [box for box in boxes if _height(box) >= 2 * _width(box) and len(box.text) > 1]
    return 2 * len(tall) > len(boxes)


def _parts(boxes: Sequence[TextBox], height: float) -> Iterator[Sequence[TextBox]]:
    """Yield the page's columns, left before right, between what stretches across them."""
    gutter = _gutter(boxes, height)
    if gutter is None:
        yield boxes
        return
    left: list[TextBox] = []
    right: list[TextBox] = []
    for box in sorted(boxes, key=_middle):
        if box.left < gutter < box.right:
            yield from _columns(left, right, height)
            left, right = [], []
            yield [box]
        else:
            (left if box.right <= gutter else right).append(box)
    yield from _columns(left, right, height)


def _columns(
    left: Sequence[TextBox], right: Sequence[TextBox], height: float
) -> Iterator[Sequence[TextBox]]:
    for column in (left, right):
        if column:
            yield from _parts(column, height)


def _gutter(boxes: Sequence[TextBox], height: float) -> float | None:
    """Return where a blank strip parts two columns of running text, None where none does."""
    for start in sorted({box.left for box in boxes}):
        gutter = start - 0.25 * height
        left = [box for box in boxes if box.right <= gutter]
        right = [box for box in boxes if box.left >= gutter]
        n_crossing = len(boxes) - len(left) - len(right)
        if (
            n_crossing <= MAX_CROSSING_SHARE * len(boxes)
            and _is_column(left, height)
            and _is_column(right, height)
        ):
            return gutter
    return None


def _is_column(boxes: Sequence[TextBox], height: float) -> bool:
    is_long = len(boxes) >= MIN_COLUMN_LINES
    return is_long and median(map(_width, boxes)) >= MIN_COLUMN_WIDTH * height


def _blocks(boxes: Sequence[TextBox], height: float) -> Iterator[Block]:
    """Yield the blocks of one column: rows of cells that follow one another are a table."""
    cells = [_cells(row, height) for row in _rows(boxes)]
    pitch = _pitch(cells) or 1.5 * height
    edge = median(row[0].left for row in cells)
    group: list[_Row] = []
    for row in cells:
        if group and _breaks(group, row, pitch=pitch, edge=edge + INDENT * height):
            yield _block(group)
            group = []
        group.append(row)
    if group:
        yield _block(group)


def _rows(boxes: Sequence[TextBox]) -> list[_Row]:
    """Return the lines from top to bottom; boxes that overlap for half their height share one."""
    rows: list[_Row] = []
    for box in sorted(boxes, key=_middle):
        row = next((r for r in reversed(rows[-3:]) if _shares_line(r, box)), None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    return [sorted(row, key=lambda box: box.left) for row in rows]


def _shares_line(row: _Row, box: TextBox) -> bool:
    nearest = min(row, key=lambda other: abs(other.left - box.left))
    overlap = min(nearest.bottom, box.bottom) - max(nearest.top, box.top)
    is_beside = nearest.right <= box.left + _height(box) or box.right <= nearest.left + _height(box)
    return is_beside and overlap >= 0.5 * min(_height(nearest), _height(box))


def _cells(row: _Row, height: float) -> _Row:
    """Join the boxes of a line that no wide gap parts."""
    cells = [row[0]]
    for box in row[1:]:
        if box.left - cells[-1].right > CELL_GAP * height:
            cells.append(box)
        else:
            cells[-1] = _joined(cells[-1], box)
    return cells


def _joined(first: TextBox, second: TextBox) -> TextBox:
    is_spaced = first.text[-1].isascii() or second.text[0].isascii()
    return replace(
        first,
        right=max(first.right, second.right),
        bottom=max(first.bottom, second.bottom),
        text=f"{first.text}{' ' if is_spaced else ''}{second.text}",
    )


def _breaks(group: Sequence[_Row], row: _Row, *, pitch: float, edge: float) -> bool:
    last = group[-1]
    gap = _middle(row[0]) - _middle(last[0])
    if (len(row) > 1) != (len(last) > 1):
        return True
    if len(row) > 1:
        return gap > 3 * pitch
    if (
        min(len(row[0].text), len(last[0].text)) >= 5
        and _size_change(row[0], last[0]) > SIZE_CHANGE
    ):
        return True
    return gap > PARAGRAPH_GAP * pitch or (row[0].left > edge and last[0].left <= edge)


def _size_change(first: TextBox, second: TextBox) -> float:
    heights = sorted((_height(first), _height(second)))
    return heights[1] / max(1.0, heights[0])


def _block(rows: Sequence[_Row]) -> Block:
    kind = "table" if len(rows[0]) > 1 and len(rows) > 1 else "paragraph"
    glue = " | " if kind == "table" else " "
    lines = [glue.join(cell.text for cell in row) for row in rows]
    return Block("table" if kind == "table" else "paragraph", "\n".join(lines))


def _pitch(rows: Sequence[_Row]) -> float:
    """Return the usual distance from line to line, 0 for a single line."""
    return median([_middle(b[0]) - _middle(a[0]) for a, b in pairwise(rows)] or [0.0])


def _height(box: TextBox) -> float:
    return box.bottom - box.top


def _width(box: TextBox) -> float:
    return box.right - box.left


def _middle(box: TextBox) -> float:
    return (box.top + box.bottom) / 2
