"""Plain text -> one Page, its paragraphs parted at blank lines, its headings recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ingest.headings import MAX_HEADING_CHARACTERS, heading_level
from ingest.pages import Block, Page
from ingest.readers.plain import read_plain
from ingest.titles import meaningful_title

MAX_TITLE_LINES = 3

_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_UNDERLINE = re.compile(r"(=+|-+|~+)")
_RUNNING_ON = (".", ",", ";", ":", "。", "，", "；", "：")


def read_text(path: Path) -> Iterator[Page]:
    """Yield a text file as one Page without a number.

    Raises UnsupportedFileError for binary data.
    """
    decoded = read_plain(path)
    text = decoded.text.replace("\f", "\n\n")
    blocks = tuple(block for part in _BLANK_LINES.split(text) for block in _blocks(part))
    title = _title(blocks)
    yield Page(blocks, metadata={**decoded.metadata(), **({"title": title} if title else {})})


def _blocks(part: str) -> Iterator[Block]:
    lines = part.strip("\n").split("\n")
    if not part.strip():
        return
    if len(lines) >= 2 and _is_underlined(lines):
        level = 1 if lines[1].startswith("=") else 2
        yield Block("heading", lines[0].strip(), level=level)
        lines = lines[2:]
    elif len(lines) == 1 and (level := heading_level(lines[0].strip())):
        yield Block("heading", lines[0].strip(), level=level)
        return
    if lines:
        yield Block("paragraph", "\n".join(lines))


def _is_underlined(lines: list[str]) -> bool:
    title, rule = lines[0].strip(), lines[1].strip()
    is_rule = len(rule) >= 3 and _UNDERLINE.fullmatch(rule) is not None
    is_title = len(title) <= min(MAX_HEADING_CHARACTERS, 1.5 * len(rule))
    return is_rule and is_title and any(map(str.isalnum, title))


def _title(blocks: tuple[Block, ...]) -> str:
    """Return the first line of a text that begins with a few short lines, else ""."""
    lines = blocks[0].text.strip().split("\n") if blocks else []
    first = lines[0].strip(" \t#=*_-") if lines else ""
    is_short = len(lines) <= MAX_TITLE_LINES and 0 < len(first) <= MAX_HEADING_CHARACTERS
    return "" if not is_short or first.endswith(_RUNNING_ON) else meaningful_title(first)
