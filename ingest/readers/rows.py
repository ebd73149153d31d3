"""Rows of cells -> table blocks of a bounded size, each with the header row at its top."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from ingest.pages import Block

BLOCK_CHARACTERS = 600
MAX_HEADER_CHARACTERS = 1_000
MAX_ROWS_ABOVE_HEADER = 20
CELL_BREAK = " | "

_MARK = re.compile(r"[^\w\s]|\d")
_WIDE = re.compile("[\u2e80-\uffef\U00020000-\U0003ffff]")


def table_blocks(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """Yield rows as tables of about `BLOCK_CHARACTERS`, the header row repeated in each.

    A digit or mark counts for two letters and a Chinese character for four, as in tokens.

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
        lines = map(CELL_BREAK.join, chain(first[place + 1 :], filled))
        yield from _tables(CELL_BREAK.join(first[place]), lines)


def bounded_tables(table: Block) -> Iterator[Block]:
    """Yield a table as tables of about `BLOCK_CHARACTERS`, its first row repeated in each.

    Lines without cells ("key: value") are no rows, and stay one block.
    """
    header, *lines = table.text.split("\n")
    if CELL_BREAK in header and lines:
        yield from _tables(header, iter(lines))
    else:
        yield table


def _tables(header: str, lines: Iterator[str]) -> Iterator[Block]:
    repeated = header if len(header) <= MAX_HEADER_CHARACTERS else ""
    table = [header]
    n_characters = n_rows = 0
    for line in lines:
        width = _width(line)
        if n_rows and n_characters + width > BLOCK_CHARACTERS:
            yield Block("table", "\n".join(filter(None, table)))
            table, n_characters, n_rows = [repeated], 0, 0
        table.append(line)
        n_characters += width
        n_rows += 1
    yield Block("table", "\n".join(filter(None, table)))


def _width(line: str) -> int:
    return len(line) + len(_MARK.findall(line)) + 3 * len(_WIDE.findall(line))


def _trimmed(row: Sequence[str]) -> list[str]:
    """Fold each cell to one line and drop the empty ones at the row's end."""
    cells = [" ".join(cell.split()) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _n_filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))
