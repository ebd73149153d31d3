"""Source code and configuration -> one Page of listings, parted where a new thought begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.pages import Block, Page
from ingest.readers.plain import read_plain

BLOCK_CHARACTERS = 1_200


def read_code(path: Path) -> Iterator[Page]:
    """Yield a source file as one Page without a number, its indentation kept.

    Raises UnsupportedFileError for binary data.
    """
    decoded = read_plain(path)
    blocks = tuple(Block("code", text) for text in _listings(decoded.text))
    yield Page(blocks, metadata=decoded.metadata())


def _listings(text: str) -> Iterator[str]:
    """Join parts as far as they fit; one that is longer is cut at its own blank lines."""
    kept = ""
    for part in _bounded_parts(text):
        if kept and len(kept) + len(part) > BLOCK_CHARACTERS:
            yield kept.strip("\n")
            kept = ""
        kept += part
    if kept.strip():
        yield kept.strip("\n")


def _bounded_parts(text: str) -> Iterator[str]:
    for part in _parts(text, is_top_level=True):
        if len(part) <= BLOCK_CHARACTERS:
            yield part
        else:
            yield from _parts(part, is_top_level=False)


def _parts(text: str, *, is_top_level: bool) -> Iterator[str]:
    """Cut text before the line after a blank one; at the top level only before an unindented one.

    Nothing is lost: the parts joined are the text.
    """
    lines: list[str] = []
    is_after_blank = False
    for line in text.splitlines(keepends=True):
        is_blank = not line.strip()
        starts = is_after_blank and not (is_top_level and line[:1].isspace())
        if lines and starts and not is_blank:
            yield "".join(lines)
            lines = []
        lines.append(line)
        is_after_blank = is_blank
    if lines:
        yield "".join(lines)
