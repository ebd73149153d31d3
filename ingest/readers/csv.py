"""CSV and TSV -> one Page of tables, the delimiter found by how evenly it parts the rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from ingest.pages import Page
from ingest.readers.plain import read_plain
from ingest.readers.rows import table_blocks

DELIMITERS = ",;\t|"
SAMPLE_LINES = 100
SAMPLE_CHARACTERS = 65_536

_DECLARATION = re.compile(r"\A[\"']?sep=([^\w\s\"]|\t)[\"']?\n")


def read_csv(path: Path) -> Iterator[Page]:
    """Yield a file of separated values as one Page without a number; rows may be ragged."""
    decoded = read_plain(path)
    text, delimiter = decoded.text, ""
    if declared := _DECLARATION.match(text):
        text, delimiter = text[declared.end() :], declared.group(1)
    delimiter = delimiter or _delimiter(text)
    blocks = tuple(table_blocks(_rows(text, delimiter)))
    yield Page(blocks, metadata=decoded.metadata())


def _delimiter(text: str) -> str:
    """Return the delimiter by which most rows of a sample have the same number of cells."""
    lines = text[:SAMPLE_CHARACTERS].split("\n")[:SAMPLE_LINES]
    sample = "\n".join(lines[:-1] if len(lines) > 2 else lines)
    return max(DELIMITERS, key=lambda delimiter: _evenness(_rows(sample, delimiter)))


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Return (share of rows with the commonest number of cells, that number); (0, 0) for one."""
    counts = Counter(len(row) for row in rows if row)
    n_cells, n_rows = max(counts.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    return (n_rows / counts.total(), n_cells) if n_cells > 1 else (0.0, 0)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Part text into rows; quotes that never close are taken for characters."""
    try:
        return list(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:  # a cell over 131,072 characters
        return [line.split(delimiter) for line in text.split("\n")]
