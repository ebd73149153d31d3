"""HTML and XHTML, wherever they come from -> headings, paragraphs, lists, tables and listings.

libxml2's HTML parser reads any markup, expands no entities of the file's own and fetches nothing.
It stops at some 2,000 nested elements, keeping no text below; such a page is read as bare text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from ingest.boilerplate import SILENT_TAGS, Measure, is_boilerplate, measures
from ingest.encoding import Decoded, decode
from ingest.hidden_html import markup_metadata
from ingest.pages import Block, Page
from ingest.paragraphs import join_wrapped
from ingest.titles import meaningful_title

MAX_CELL_CHARACTERS = 1_000
DECLARATION_BYTES = 65_536

_CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{2,30})", re.I)
_XML_ENCODING = re.compile(
    rb"\A\s{0,99}<\?xml[^>]{0,200}encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{2,30})"
)
_XML_DECLARATION = re.compile(r"\A\s{0,99}<\?xml[^>]{0,500}\?>")
_SILENT_TAG = re.compile(r"<(script|style|noscript|template|title)\b", re.I)
_SILENT_ENDS = {
    name: re.compile(f"</{name}", re.I)
    for name in ("script", "style", "noscript", "template", "title")
}
_TAG = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]{0,20})[^<>]*>|<!--|<[!?][^<>]*>")
_INLINE_TAGS = frozenset(
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q rb rp rt "
    "ruby s samp small span strike strong sub sup time tt u var wbr img".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def markup_page(data: bytes, *, declared: str = "") -> Page:
    """Return markup as one Page without a number, its title and encoding as metadata.

    `declared` is the encoding that an envelope names; what the markup itself says goes first.
    """
    decoded = decode(data, declared=_declared(data) or declared)
    text = _XML_DECLARATION.sub("", decoded.text.replace("\0", ""), count=1)
    root, is_whole = _parsed(text)
    if root is None or not is_whole:
        return Page(_bare_blocks(text), metadata=decoded.metadata())
    measured = measures(root)
    blocks = _Walk(measured, strict=True).blocks(root)
    if not blocks:
        blocks = _Walk(measured, strict=False).blocks(root)
    return Page(tuple(blocks), metadata=_metadata(root, decoded) | markup_metadata(root))


def _declared(data: bytes) -> str:
    """Return the encoding that an XML declaration or a meta element names, "" without one."""
    match = _XML_ENCODING.search(data[:1_000]) or _CHARSET.search(data[:DECLARATION_BYTES])
    return match.group(1).decode("ascii", "replace") if match else ""


def _parsed(text: str) -> tuple[Any, bool]:
    """Return (root or None, whether the parser read all of it)."""
    parser = lxml_html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        root = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None, False
    is_whole = all(entry.type_name != "ERR_RESOURCE_LIMIT" for entry in parser.error_log)
    return root, is_whole


def _metadata(root: Any, decoded: Decoded) -> dict[str, str]:
    declared = root.findtext(".//head/title") or root.findtext(".//title")
    title = meaningful_title(declared)
    return {**decoded.metadata(), **({"title": title} if title else {})}


class _Walk:
    """One pass over a tree that gathers text until a block-level element ends it."""

    def __init__(self, measured: Mapping[Any, Measure], *, strict: bool) -> None:
        self._measured = measured
        self._strict = strict
        self._blocks: list[Block] = []
        self._text: list[str] = []
        self._level = 0
        self._marker = ""
        self._n_open_lists = 0
        self._items: list[str] = []

    def blocks(self, root: Any) -> list[Block]:
        """Return the blocks of the tree in document order."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "start" and self._start(element):
                walk.skip_subtree()
            elif event == "end":
                self._end(element)
        self._flush()
        self._close_list()
        return self._blocks

    def _start(self, element: Any) -> bool:
        """Open an element; return whether all below it is to be skipped."""
        tag = element.tag
        if self._is_left_out(element):
            return True
        if tag in ("pre", "table") and (block := self._whole(element)):
            self._flush()
            self._append(block)
            return True
        if tag not in _INLINE_TAGS:
            self._open_block(tag)
        if element.text:
            self._text.append(element.text)
        return False

    def _is_left_out(self, element: Any) -> bool:
        if self._strict:
            return is_boilerplate(element, self._measured[element])
        return element.tag in SILENT_TAGS

    def _whole(self, element: Any) -> Block | None:
        """Return an element as one block: preformatted text, or a table of data."""
        if element.tag == "pre":
            return Block("code", "".join(element.itertext()))
        rows = _data_rows(element)
        return Block("table", "\n".join(rows)) if rows else None

    def _open_block(self, tag: str) -> None:
        if tag == "br":
            self._text.append("\0")
            return
        self._flush()
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag in ("ul", "ol"):
            self._n_open_lists += 1
        elif tag == "li":
            self._marker = "- "

    def _end(self, element: Any) -> None:
        if element.tag not in _INLINE_TAGS and element.tag != "br":
            self._flush()
        if element.tag in _HEADINGS:
            self._level = 0
        elif element.tag in ("ul", "ol"):
            self._n_open_lists = max(0, self._n_open_lists - 1)
        if element.tail:
            self._text.append(element.tail)

    def _flush(self) -> None:
        """Make a block of the gathered text; items of one list become lines of one block."""
        text = "\n".join(filter(None, map(join_wrapped, "".join(self._text).split("\0"))))
        self._text = []
        if not text:
            return
        if self._level:
            self._append(Block("heading", " ".join(text.split()), level=self._level))
        elif self._n_open_lists:
            self._items.append(self._marker + text.replace("\n", " "))
        else:
            self._append(Block("paragraph", text))
        self._marker = ""

    def _append(self, block: Block) -> None:
        self._close_list()
        self._blocks.append(block)

    def _close_list(self) -> None:
        if self._items:
            self._blocks.append(Block("list", "\n".join(self._items)))
        self._items = []


def _data_rows(table: Any) -> list[str]:
    """Return the rows of a table of data, none where the table only lays out the page."""
    if next(table.iterdescendants("table", *_HEADINGS, "pre"), None) is not None:
        return []
    rows: list[str] = []
    for row in table.iterdescendants("tr"):
        cells = [_cell_text(cell) for cell in row.iterchildren("td", "th")]
        if any(len(cell) > MAX_CELL_CHARACTERS for cell in cells):
            return []
        if any(cells):
            rows.append(" | ".join(cells))
    caption = table.findtext("caption")
    return [*([" ".join(caption.split())] if caption else []), *rows]


def _cell_text(cell: Any) -> str:
    parts: list[str] = []
    for element in cell.iter():
        if element.tag not in SILENT_TAGS:
            parts += [element.text or "", " " if element.tag == "br" else ""]
        if element is not cell:
            parts.append(element.tail or "")
        if element.tag in ("p", "div", "li"):
            parts.append(" ")
    return join_wrapped("".join(parts))


def _bare_blocks(text: str) -> tuple[Block, ...]:
    """Read markup that no parser will take: its text between tags, paragraphs at block tags."""
    parts: list[str] = []
    place = 0
    while match := _TAG.search(text, place):
        parts.append(text[place : match.start()])
        name = (match.group(1) or "span").lstrip("/").lower()
        parts.append("" if name in _INLINE_TAGS else "\0")
        place = _after(text, match)
    parts.append(text[place:])
    paragraphs = map(join_wrapped, "".join(parts).split("\0"))
    return tuple(Block("paragraph", paragraph) for paragraph in paragraphs if paragraph)


def _after(text: str, match: re.Match[str]) -> int:
    """Return where reading goes on after a tag: behind a comment, behind a script's end."""
    end = match.end()
    if match.group() == "<!--":
        closing = text.find("-->", end)
        return closing + 3 if closing >= 0 else len(text)
    if silent := _SILENT_TAG.match(match.group()):
        closing_tag = _SILENT_ENDS[silent.group(1).lower()].search(text, end)
        return closing_tag.start() if closing_tag else len(text)
    return end
