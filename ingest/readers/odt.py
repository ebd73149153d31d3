"""ODT -> one Page: headings, paragraphs, lists and tables of an OpenDocument text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from ingest.opening import open_package, read_member
from ingest.pages import Block, Page
from ingest.readers.xmltree import local_name, parsed_xml, whole_text
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError, EncryptedFileError

MAX_NESTING = 50
MAX_REPEATED_SPACES = 20

_MANIFEST = "META-INF/manifest.xml"
_META = "meta.xml"
_HIDDEN = ("tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms")
_BREAKS = {"tab": "\t", "line-break": "\n"}


def read_odt(path: Path) -> Iterator[Page]:
    """Yield an OpenDocument text as one Page without a number; notes follow the body.

    Raises EncryptedFileError, CorruptFileError, FileTooLargeError.
    """
    with open_package(path) as package:
        names = package.namelist()
        if _MANIFEST in names and b"encryption-data" in read_member(package, _MANIFEST):
            raise EncryptedFileError(
                f"{path.name!r} is protected by a password", hint="save a copy without the password"
            )
        root = parsed_xml(read_member(package, "content.xml"))
        title = _title(package) if _META in names else ""
    body = next((item for item in root.iter() if local_name(item) == "body"), None)
    if body is None:
        raise CorruptFileError(f"{path.name!r} has no body")
    blocks = [*_blocks(body, depth=0), *_notes(body)]
    yield Page(tuple(blocks), metadata={"title": title} if title else {})


def _title(package: ZipFile) -> str:
    root = parsed_xml(read_member(package, _META))
    titles = (whole_text(item) for item in root.iter() if local_name(item) == "title")
    return meaningful_title(next(titles, ""))


def _blocks(parent: Any, *, depth: int) -> Iterator[Block]:
    for child in parent:
        name = local_name(child)
        if name == "h" and (text := " ".join(_text(child).split())):
            yield Block("heading", text, level=_level(child))
        elif name == "p" and (text := _text(child).strip()):
            yield Block("paragraph", text)
            yield from _frames(child, depth=depth)
        elif name == "p":
            yield from _frames(child, depth=depth)
        elif name == "list" and (items := list(_items(child))):
            yield Block("list", "\n".join(items))
        elif name == "table" and (rows := list(_rows(child))):
            yield Block("table", "\n".join(rows))
        elif name not in _HIDDEN and name not in ("list", "table") and depth < MAX_NESTING:
            yield from _blocks(child, depth=depth + 1)


def _level(heading: Any) -> int:
    values = [value for key, value in heading.attrib.items() if key.endswith("}outline-level")]
    return min(6, max(1, int(values[0]))) if values and values[0].isdecimal() else 1


def _text(element: Any) -> str:
    """Return the text of a paragraph without its notes, its remarks and the frames it anchors."""
    parts: list[str] = []
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        name = local_name(node)
        if name in ("note", "text-box") or name in _HIDDEN:
            continue
        parts.append(_BREAKS.get(name, _spaces(node) if name == "s" else node.text or ""))
        for child in reversed(node):
            stack += [child.tail or "", child]
    return "".join(parts)


def _spaces(element: Any) -> str:
    count = next((value for key, value in element.attrib.items() if key.endswith("}c")), "1")
    return " " * min(MAX_REPEATED_SPACES, int(count) if count.isdecimal() else 1)


def _frames(paragraph: Any, *, depth: int) -> Iterator[Block]:
    """Yield what stands in the text boxes that a paragraph anchors."""
    for element in paragraph.iterdescendants("{*}text-box"):
        if depth < MAX_NESTING and next(element.iterancestors("{*}text-box"), None) is None:
            yield from _blocks(element, depth=depth + 1)


def _items(element: Any) -> Iterator[str]:
    """Yield a line for each paragraph of a list, however deep its item."""
    for paragraph in element.iter("{*}p", "{*}h"):
        if text := " ".join(_text(paragraph).split()):
            yield f"- {text}"


def _rows(table: Any) -> Iterator[str]:
    """Yield a table's rows; a table inside a cell is flattened into it."""
    for row in table.iter("{*}table-row"):
        if next(row.iterancestors("{*}table-cell"), None) is not None and row is not table:
            continue
        cells = [_cell(cell) for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell")]
        if any(cells):
            yield " | ".join(cells)


def _cell(cell: Any) -> str:
    return " ".join(" ".join(map(_text, cell.iter("{*}p", "{*}h"))).split())


def _notes(body: Any) -> Iterator[Block]:
    for note in body.iter("{*}note-body"):
        text = " ".join(" ".join(map(_text, note.iter("{*}p"))).split())
        if text:
            yield Block("paragraph", text)
