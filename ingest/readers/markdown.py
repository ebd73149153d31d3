"""Markdown (CommonMark with tables) -> one Page of headings, paragraphs, lists, tables and code.

The text is what a reader of the rendered page sees: link text without addresses, no markup. Front
matter gives the title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.encoding import decode
from ingest.opening import read_text_bytes
from ingest.pages import Block, Page
from ingest.paragraphs import join_wrapped
from ingest.titles import meaningful_title

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,20000}?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*(\S.*)$", re.M)
_CONTAINER = re.compile(r"^[ \t]*:::+[ \t]*(?:[\w-]+[ \t]*)?", re.M)
_ANCHOR = re.compile(r"[ \t]*\{#[^{}\n]{0,200}\}[ \t]*$")
_TAG = re.compile(r"<[^<>]*>")
_CELLS = ("th_close", "td_close")


def read_markdown(path: Path) -> Iterator[Page]:
    """Yield a Markdown file as one Page without a number."""
    decoded = decode(read_text_bytes(path))
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    title = ""
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        declared = _FRONT_TITLE.search(front.group(1))
        title = meaningful_title(declared.group(1).strip("\"' ")) if declared else ""
    tokens = MarkdownIt("commonmark").enable("table").parse(_CONTAINER.sub("", text))
    metadata = {**decoded.metadata(), **({"title": title} if title else {})}
    yield Page(tuple(_blocks(tokens)), metadata=metadata)


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Walk the top-level tokens; lists and tables are taken whole."""
    place = 0
    while place < len(tokens):
        token = tokens[place]
        end = _closing(tokens, place)
        if token.type in ("bullet_list_open", "ordered_list_open"):
            yield from _list_blocks(tokens[place : end + 1])
            place = end
        elif token.type == "table_open":
            yield Block("table", _table_text(tokens[place : end + 1]))
            place = end
        else:
            yield from _leaf(tokens, place)
        place += 1


def _closing(tokens: Sequence[Token], place: int) -> int:
    """Return the place of the token that closes a list or table, else `place` itself."""
    opening = tokens[place]
    if opening.type not in ("bullet_list_open", "ordered_list_open", "table_open"):
        return place
    kind, level = opening.type.replace("_open", "_close"), opening.level
    for end in range(place + 1, len(tokens)):
        if tokens[end].type == kind and tokens[end].level == level:
            return end
    return len(tokens) - 1


def _leaf(tokens: Sequence[Token], place: int) -> Iterator[Block]:
    token = tokens[place]
    if token.type in ("fence", "code_block"):
        yield Block("code", token.content)
    elif token.type == "html_block":
        yield Block("paragraph", join_wrapped(_TAG.sub(" ", token.content)))
    elif token.type == "inline" and tokens[place - 1].type == "heading_open":
        text = _ANCHOR.sub("", _inline_text(token))
        yield Block("heading", join_wrapped(text), level=int(tokens[place - 1].tag[1:]))
    elif token.type == "inline":
        yield Block("paragraph", _inline_text(token))


def _list_blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Yield a list as one block of "- " and "1. " lines; code and headings inside stand apart."""
    lines: list[str] = []
    marker = ""
    for place, token in enumerate(tokens):
        if token.type == "list_item_open":
            marker = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            lines.append(marker + _inline_text(token).replace("\n", " "))
            marker = ""
        elif token.type in ("inline", "fence", "code_block", "html_block"):
            if lines:
                yield Block("list", "\n".join(lines))
            lines = []
            yield from _leaf(tokens, place)
    if lines:
        yield Block("list", "\n".join(lines))


def _table_text(tokens: Sequence[Token]) -> str:
    rows: list[str] = []
    cells: list[str] = []
    for place, token in enumerate(tokens):
        if token.type in _CELLS:
            cells.append(_inline_text(tokens[place - 1]) if tokens[place - 1].children else "")
        elif token.type == "tr_close":
            rows.append(" | ".join(cells))
            cells = []
    return "\n".join(rows)


def _inline_text(token: Token) -> str:
    """Return the visible text of an inline token; soft line ends are folded, hard ones kept."""
    parts: list[str] = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append("\n")
        elif child.type == "hardbreak" or child.content.lower().startswith("<br"):
            parts.append("\0")
    return "\n".join(map(join_wrapped, "".join(parts).split("\0")))
