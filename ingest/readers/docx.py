"""DOCX -> one Page: headings, paragraphs, lists and tables in document order.

python-docx opens the package and resolves the styles; the body is walked as XML, once, because the
library's own table cells are looked up anew for each cell, which hostile files make slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
from docx.document import Document
from docx.oxml import parse_xml

from ingest.hidden_docx import take_out_hidden
from ingest.opening import read_office_bytes
from ingest.pages import Block, Page
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError

MAX_NESTING = 50
LIST = -1

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_HEADING_STYLE = re.compile(r"(?:heading|标题|標題|überschrift|titre|título)\s{0,4}([1-9])", re.I)
_NOTE_PARTS = ("/footnotes", "/endnotes")
_TEXT_OF = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_HIDDEN = (f"{_W}instrText", f"{_W}delText", f"{_W}del", f"{_W}moveFrom", f"{_MC}Fallback")


def read_docx(path: Path, *, password: str = "") -> Iterator[Page]:
    """Yield a Word file as one Page without a number; footnotes and endnotes follow the body.

    Raises EncryptedFileError, CorruptFileError, FileTooLargeError.
    """
    data = read_office_bytes(path, password=password)
    try:
        document = docx.Document(BytesIO(data))
    except Exception as error:
        raise CorruptFileError(
            f"{path.name!r} is damaged: {type(error).__name__}: {str(error)[:200]}",
            hint="open it in a word processor and save it anew",
        ) from error
    levels = _style_levels(document)
    has_background = document.element.find(f"{_W}background") is not None
    hidden = take_out_hidden(
        document.element.body, document.styles.element, has_background=has_background
    )
    blocks = [*_body_blocks(document.element.body, levels, depth=0), *_notes(document)]
    title = meaningful_title(document.core_properties.title)
    metadata = hidden | ({"title": title} if title else {})
    yield Page(tuple(_merged_lists(blocks)), metadata=metadata)


def _style_levels(document: Document) -> Mapping[str, int]:
    """Return the heading level of each style id that is a heading's, LIST for a list's."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        label = name.get(f"{_W}val", "") if name is not None else ""
        if match := _HEADING_STYLE.match(label):
            levels[style.get(f"{_W}styleId", "")] = min(6, int(match.group(1)))
        elif label.casefold() == "title":
            levels[style.get(f"{_W}styleId", "")] = 1
        elif label.casefold().startswith(("list bullet", "list number")):
            levels[style.get(f"{_W}styleId", "")] = LIST
    return levels


def _body_blocks(parent: Any, levels: Mapping[str, int], *, depth: int) -> Iterator[Block]:
    for child in parent:
        if child.tag == f"{_W}p":
            yield from _paragraph_blocks(child, levels)
        elif child.tag == f"{_W}tbl":
            yield Block("table", "\n".join(_rows(child)))
        elif child.tag not in _HIDDEN and depth < MAX_NESTING:
            yield from _body_blocks(child, levels, depth=depth + 1)


def _paragraph_blocks(paragraph: Any, levels: Mapping[str, int]) -> Iterator[Block]:
    text = _text(paragraph)
    if not text.strip():
        return
    properties = paragraph.find(f"{_W}pPr")
    level = _level(properties, levels)
    if level > 0:
        yield Block("heading", " ".join(text.split()), level=level)
    elif level == LIST or (properties is not None and properties.find(f"{_W}numPr") is not None):
        yield Block("list", f"- {text}")
    else:
        yield Block("paragraph", text)


def _level(properties: Any, levels: Mapping[str, int]) -> int:
    """Return a paragraph's heading level by its style or its own outline level, LIST, or 0."""
    if properties is None:
        return 0
    style = properties.find(f"{_W}pStyle")
    if style is not None and (level := levels.get(style.get(f"{_W}val", ""), 0)):
        return level
    outline = properties.find(f"{_W}outlineLvl")
    value = outline.get(f"{_W}val", "9") if outline is not None else "9"
    return int(value) + 1 if value in "012345" else 0


def _text(element: Any) -> str:
    """Return the visible text below an element, without deletions, field codes and fallbacks."""
    parts: list[str] = []
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        if node.tag in _HIDDEN:
            continue
        if node.tag == f"{_W}t":
            parts.append(node.text or "")
        elif node.tag in _TEXT_OF:
            parts.append(_TEXT_OF[node.tag])
        elif node.tag == f"{_W}p" and node is not element:
            stack.append("\n")  # comes after the paragraph's own children
        stack.extend(reversed(node))
    return "".join(parts)


def _rows(table: Any) -> Iterator[str]:
    """Yield a table's rows, cells parted by " | "; a nested table is flattened into its cell."""
    for row in table.iterchildren(f"{_W}tr"):
        cells = [" ".join(_text(cell).split()) for cell in _cells(row)]
        if any(cells):
            yield " | ".join(cells)


def _cells(row: Any) -> Iterator[Any]:
    for child in row:
        if child.tag == f"{_W}tc":
            yield child
        elif child.tag == f"{_W}sdt":
            yield from child.iter(f"{_W}tc")


def _notes(document: Document) -> Iterator[Block]:
    """Yield the paragraphs of footnotes and endnotes."""
    for relation in document.part.rels.values():
        if relation.is_external or not relation.reltype.endswith(_NOTE_PARTS):
            continue
        for paragraph in parse_xml(relation.target_part.blob).iter(f"{_W}p"):
            text = _text(paragraph).strip()
            if text:
                yield Block("paragraph", text)


def _merged_lists(blocks: list[Block]) -> Iterator[Block]:
    """Join list items that follow one another into one list."""
    items: list[str] = []
    for block in blocks:
        if block.kind == "list":
            items.append(block.text)
            continue
        if items:
            yield Block("list", "\n".join(items))
            items = []
        yield block
    if items:
        yield Block("list", "\n".join(items))
