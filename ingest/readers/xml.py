"""XML -> one Page: news feeds by their entries, other documents by their elements with text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ingest.opening import read_text_bytes
from ingest.pages import Block, Page
from ingest.readers.markup import markup_page
from ingest.readers.xmltree import decoded_xml, local_name, tree_of, whole_text
from ingest.titles import meaningful_title

_ENTRIES = ("item", "entry")
_BODIES = ("encoded", "content", "description", "summary", "abstract")
_FEEDS = ("rss", "rdf", "feed")
_TITLES = ("title", "head", "heading")
_DATES = ("pubdate", "date", "published", "updated")
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]{0,1000}>|&[a-zA-Z#0-9]{2,10};")


def read_xml(path: Path) -> Iterator[Page]:
    """Yield an XML file as one Page without a number.

    Entities that the file defines are never expanded, nothing outside the file is fetched. Raises
    CorruptFileError.
    """
    data = read_text_bytes(path)
    decoded = decoded_xml(data)
    if not decoded.text.strip():
        return
    root = tree_of(decoded.text)
    name = local_name(root).lower()
    if name == "html":
        yield markup_page(data)
        return
    blocks = _feed_blocks(root) if name in _FEEDS else _document_blocks(root)
    title = meaningful_title(_first_text(root, _TITLES, depth=2))
    yield Page(
        tuple(blocks), metadata={**decoded.metadata(), **({"title": title} if title else {})}
    )


def _feed_blocks(root: Any) -> Iterator[Block]:
    """Yield a feed's own title and description, then each entry under its title."""
    channel = root.find("{*}channel")
    yield from _entry_blocks(root if channel is None else channel, level=1)
    for entry in root.iter():
        if local_name(entry).lower() in _ENTRIES:
            yield from _entry_blocks(entry, level=2)


def _entry_blocks(entry: Any, *, level: int) -> Iterator[Block]:
    children = {local_name(child).lower(): child for child in reversed(entry)}
    if (title := children.get("title")) is not None and (text := whole_text(title)):
        yield Block("heading", " ".join(_plain(text).split()), level=level)
    dates = [children[name] for name in _DATES if name in children]
    if dates and level > 1 and (text := whole_text(dates[0])):
        yield Block("paragraph", text)
    for name in _BODIES:
        if name in children and (text := whole_text(children[name])):
            yield from _body_blocks(text)
            return


def _body_blocks(text: str) -> Iterator[Block]:
    """Read an entry's text, which may itself be markup."""
    if _MARKUP.search(text):
        yield from markup_page(text.encode("utf-8", "replace")).blocks
    else:
        yield Block("paragraph", text)


def _plain(text: str) -> str:
    return " ".join(block.text for block in _body_blocks(text))


def _document_blocks(root: Any) -> Iterator[Block]:
    """Yield the text of each outermost element that has some of its own; titles are headings."""
    depth = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        depth += 1 if event == "start" else -1
        if event == "end" or not _has_own_text(element):
            continue
        text = whole_text(element)
        if local_name(element).lower() in _TITLES:
            yield Block("heading", " ".join(text.split()), level=min(6, max(1, depth - 1)))
        else:
            yield Block("paragraph", text)
        walk.skip_subtree()


def _has_own_text(element: Any) -> bool:
    if not local_name(element):
        return False
    own = [element.text, *(child.tail for child in element)]
    return any(text and not text.isspace() for text in own)


def _first_text(root: Any, names: tuple[str, ...], *, depth: int) -> str:
    """Return the text of the first element of these names at most `depth` below the root."""
    level = [root]
    for _ in range(depth):
        level = [child for element in level for child in element]
        for element in level:
            if local_name(element).lower() in names:
                return whole_text(element)
    return ""
