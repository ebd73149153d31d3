"""The text of a workbook that is not seen: in closed sheets, rows and columns, or styled away.

What the program itself closes (hidden sheets, rows and columns: lists, notes, filtered rows) is
ordinary, and only counted unless it speaks to a model. Text that its cell's style makes unseen
(white on nothing, in the colour of its fill, number format ";;;", tiny) is flagged as elsewhere.
Nothing is taken out: formulas and filters show it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.styles.colors import COLOR_INDEX
from openpyxl.worksheet._reader import WorkSheetParser

from ingest.hidden import hidden_metadata
from ingest.office_colours import WHITE, Colour, colour_of_hex, theme_colours, with_tint

MAX_POINTS = 1.0

# how a theme's colours are counted in a workbook; source: ECMA-376 part 1, 18.8.3
_THEME = ("lt1", "dk1", "lt2", "dk2", *(f"accent{i}" for i in range(1, 7)), "hlink", "folHlink")
_NOTHING = re.compile(r'(?:\s|"")*(?:;(?:\s|"")*){3}')
_CLOSED = re.compile(rb'hidden\s*=\s*["\'](?:1|true)|(?:ht|width)\s*=\s*["\']0(?:\.0*)?["\']')
_PIECE_BYTES = 1 << 20
_OVERLAP_BYTES = 64


@dataclass(slots=True)
class _Unseen:
    """The texts of a sheet, by what hides them; `blank` is white on no fill of its own."""

    closed: list[str] = field(default_factory=list)
    styled: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)


class HiddenCells:
    """What of a workbook's sheets is not seen; its styles are looked at once for all of them."""

    def __init__(self, book: Any) -> None:
        self._book = book

    def metadata(self, sheet: Any) -> dict[str, str]:
        """Return the page metadata for the unseen text of a sheet of a read-only workbook.

        The sheet is read once more where a style, or a closed row or column, calls for it.
        """
        is_closed = sheet.sheet_state != "visible"
        if not (is_closed or self._kinds or _has_closed(sheet)):
            return {}
        found = self._found(sheet, is_closed=is_closed)
        return hidden_metadata("\n".join(found.styled), boilerplate="\n".join(found.closed))

    def _found(self, sheet: Any, *, is_closed: bool) -> _Unseen:
        found = _Unseen()
        with sheet._get_source() as source:
            parser = _parser(source, sheet, self._book)
            for number, cells in parser.parse():
                row = parser.row_dimensions.pop(str(number), {})
                closed = None if is_closed or _is_closed(row, "ht") else _closed_columns(parser)
                self._sort(cells, closed, found)
        if not (parser.formatting or parser.tables.tablePart):  # these may paint below white text
            found.styled += found.blank
        return found

    def _sort(self, cells: Iterable[Any], closed: list[range] | None, found: _Unseen) -> None:
        """Sort the texts of a row's cells; `closed` are the columns that are, None for all."""
        for cell in cells:
            if cell["value"] is None:
                continue
            if closed is None or any(cell["column"] in columns for columns in closed):
                found.closed.append(str(cell["value"]))
            elif kind := self._kinds.get(cell.get("style_id", 0)):
                (found.blank if kind == "blank" else found.styled).append(str(cell["value"]))

    @cached_property
    def _kinds(self) -> dict[int, str]:
        """The styles that make text unseen: "styled", or "blank" without a fill of their own."""
        theme = self._book.loaded_theme
        colours = theme_colours(theme.encode() if isinstance(theme, str) else theme or b"")
        kinds = ((i, self._kind(i, colours)) for i in range(len(self._book._cell_styles)))
        return {i: kind for i, kind in kinds if kind}

    def _kind(self, style_id: int, theme: Mapping[str, Colour]) -> str:
        cell = ReadOnlyCell(_StyleOf(self._book), 1, 1, None, style_id=style_id)
        try:
            font, fill, number_format = cell.font, cell.fill, cell.number_format
        except IndexError:  # a style that names parts which the file lacks
            return ""
        if 0 < (font.sz or 0) <= MAX_POINTS or _NOTHING.fullmatch(number_format):
            return "styled"
        text, ground = _colour(font.color, theme), _ground(fill, theme)
        if text is None or ground is None or not text.is_like(ground):
            return ""
        return "styled" if fill.fill_type else "blank"


class _StyleOf(NamedTuple):
    """Stands where a cell looks for its sheet."""

    parent: Any


def _ground(fill: Any, theme: Mapping[str, Colour]) -> Colour | None:
    """Return what a cell is filled with, white where with nothing, None for patterns."""
    kind = getattr(fill, "fill_type", "gradient")
    if kind is None:
        return WHITE
    return _colour(fill.fgColor, theme) if kind == "solid" else None


def _colour(colour: Any, theme: Mapping[str, Colour]) -> Colour | None:
    """Return what a workbook's colour is, None where it is automatic or cannot be told."""
    if colour is None:
        return None
    found = None
    if colour.type == "rgb" and isinstance(colour.rgb, str):
        found = colour_of_hex(colour.rgb)
    elif colour.type == "theme" and 0 <= colour.theme < len(_THEME):
        found = theme.get(_THEME[colour.theme])
    elif colour.type == "indexed" and 0 <= colour.indexed < len(COLOR_INDEX):
        found = colour_of_hex(COLOR_INDEX[colour.indexed])
    return with_tint(found, colour.tint) if found is not None and colour.tint else found


def _has_closed(sheet: Any) -> bool:
    """Tell whether any row or column may be closed, without parsing the sheet."""
    before = b""
    with sheet._get_source() as source:
        while piece := source.read(_PIECE_BYTES):
            if _CLOSED.search(before + piece):
                return True
            before = piece[-_OVERLAP_BYTES:]
    return False


def _parser(source: Any, sheet: Any, book: Any) -> WorkSheetParser:
    """Return the parser that openpyxl reads a sheet with; it knows closed rows and columns."""
    return WorkSheetParser(
        source,
        sheet._shared_strings,
        data_only=True,
        epoch=book.epoch,
        date_formats=book._date_formats,
        timedelta_formats=book._timedelta_formats,
    )


def _closed_columns(parser: Any) -> list[range]:
    return [
        range(int(column["min"]), int(column.get("max", column["min"])) + 1)
        for column in parser.column_dimensions.values()
        if _is_closed(column, "width")
    ]


def _is_closed(attributes: Mapping[str, str], size: str) -> bool:
    """Tell whether a row or column is hidden or of no height or width."""
    if attributes.get("hidden") in ("1", "true"):
        return True
    try:
        return float(attributes.get(size, "1")) == 0.0
    except ValueError:
        return False
