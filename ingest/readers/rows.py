"""Rows of cells -> table blocks of a bounded size, each with the header row at its top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from ingest.pages import Block

BLOCK_CHARACTERS = 600
MAX_HEADER_CHARACTERS = 1_000
MAX_ROWS_ABOVE_HEADER = 20


def table_blocks(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """Yield rows as tables of about `BLOCK_CHARACTERS`, the header row repeated in each.

    The header is the first row with more than one filled cell; what stands above it is a title or
    a remark, a paragraph. Where every row has one cell, the first is the header. A header over
    `MAX_HEADER_CHARACTERS` is not repeated.

    >>> [block.text for block in table_blocks([["Ticket", "Price"], ["Adult", "60"]])]
    ['Ticket | Price\\nAdult | 60']
    """
    filled = filter(None, map(_trimmed, rows))
    first = list(islice(filled, MAX_ROWS_ABOVE_HEADER))
    place = next((place for place, row in enumerate(first) if _n_filled(row) > 1), 0)
    for row in first[:place]:
        yield Block("paragraph", " ".join(row).strip())
    if first:
        lines = map(" | ".join, chain(first[place + 1 :], filled))
        yield from _tables(" | ".join(first[place]), lines)


def _tables(header: str, lines: Iterator[str]) -> Iterator[Block]:
    repeated = header if len(header) <= MAX_HEADER_CHARACTERS else ""
    table = [header]
    n_characters = n_rows = 0
    for line in lines:
        if n_rows and n_characters + len(line) > BLOCK_CHARACTERS:
            yield Block("table", "\n".join(filter(None, table)))
            table, n_characters, n_rows = [repeated], 0, 0
        table.append(line)
        n_characters += len(line)
        n_rows += 1
    yield Block("table", "\n".join(filter(None, table)))


def _trimmed(row: Sequence[str]) -> list[str]:
    """Fold each cell to one line and drop the empty ones at the row's end."""
    cells = [" ".join(cell.split()) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _n_filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))
