"""XLSX -> one Page per sheet: its name as heading, its rows as tables.

The values are those that the file was saved with; nothing is calculated. Rows are streamed, and
the size that a sheet declares is not believed: a stray cell in the last row costs nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl

from ingest.hidden_xlsx import HiddenCells
from ingest.opening import MAX_ZIP_BYTES, read_office_bytes
from ingest.pages import Block, Page
from ingest.readers.rows import table_blocks
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError

MAX_DIGITS = 15


def read_xlsx(path: Path, *, password: str = "") -> Iterator[Page]:
    """Yield a Page per sheet, numbered as a viewer shows them, also the hidden ones.

    Raises EncryptedFileError, CorruptFileError, FileTooLargeError.
    """
    data = read_office_bytes(path, max_xml_bytes=MAX_ZIP_BYTES, password=password)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that carry no text
        book = _opened(path, data)
        title = meaningful_title(book.properties.title)
        hidden = HiddenCells(book)
        for number, sheet in enumerate(book.worksheets, start=1):
            metadata = {"title": title} if title and number == 1 else {}
            yield _page(sheet, number, metadata, hidden)


def _opened(path: Path, data: bytes) -> Any:
    try:
        return openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
    except Exception as error:
        raise CorruptFileError(
            f"{path.name!r} is damaged: {type(error).__name__}: {str(error)[:200]}",
            hint="open it in a spreadsheet program and save it anew",
        ) from error


def _page(sheet: Any, number: int, metadata: dict[str, str], hidden: HiddenCells) -> Page:
    """Read one sheet; of a broken one the tables before the damage are kept, with "error"."""
    sheet.reset_dimensions()
    blocks = [Block("heading", " ".join(sheet.title.split()), level=1)]
    notes = {}
    try:
        blocks.extend(table_blocks(map(_cells, sheet.iter_rows(values_only=True))))
        notes = hidden.metadata(sheet)
    except Exception as error:  # noqa: BLE001  one sheet must not cost the others
        notes = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
    has_rows = len(blocks) > 1
    return Page(tuple(blocks) if has_rows else (), number=number, metadata={**metadata, **notes})


def _cells(row: tuple[Any, ...]) -> list[str]:
    return [_text(value) for value in row]


def _text(value: Any) -> str:
    """Write a cell's value: dates as ISO 8601, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.{MAX_DIGITS}g}" if abs(value) < 10**MAX_DIGITS else repr(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return _duration(value) if isinstance(value, timedelta) else str(value)


def _duration(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
