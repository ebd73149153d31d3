"""PPTX -> one Page per slide: its title as heading, its texts, lists and tables, its notes.

python-pptx opens the package and finds slides and notes; a slide's shapes are walked as XML, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from pptx import Presentation

from ingest.hidden_pptx import slide_metadata
from ingest.opening import read_office_bytes
from ingest.pages import Block, Page
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError

MAX_NESTING = 50

_WIDTH, _HEIGHT = 9_144_000, 6_858_000  # of a slide where the file does not tell, in EMU

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TITLES = ("title", "ctrTitle")
_MARGINS = ("dt", "ftr", "sldNum", "hdr")


def read_pptx(path: Path, *, password: str = "") -> Iterator[Page]:
    """Yield a Page per slide, also of hidden ones; a broken slide is a page with "error".

    Raises EncryptedFileError, CorruptFileError, FileTooLargeError.
    """
    data = read_office_bytes(path, password=password)
    try:
        presentation = Presentation(BytesIO(data))
    except Exception as error:
        raise CorruptFileError(
            f"{path.name!r} is damaged: {type(error).__name__}: {str(error)[:200]}",
            hint="open it in a presentation program and save it anew",
        ) from error
    title = meaningful_title(presentation.core_properties.title)
    for index in range(len(presentation.slides)):
        metadata = {"title": title} if title and index == 0 else {}
        yield _page(presentation, index, metadata)


def _page(presentation: Any, index: int, metadata: dict[str, str]) -> Page:
    blocks: list[Block] = []
    width = presentation.slide_width or _WIDTH
    height = presentation.slide_height or _HEIGHT
    try:
        slide = presentation.slides[index]
        blocks += _slide_blocks(slide.shapes._spTree)
        blocks += _notes(slide)
        metadata |= slide_metadata(slide, width=width, height=height)
    except Exception as error:  # noqa: BLE001  one slide must not cost the others
        metadata = {**metadata, "error": f"{type(error).__name__}: {str(error)[:200]}"}
    return Page(tuple(blocks), number=index + 1, metadata=metadata)


def _slide_blocks(tree: Any) -> Iterator[Block]:
    """Yield a slide's title first, wherever it stands among the shapes."""
    shapes = list(_shapes(tree, depth=0))
    for shape in shapes:
        text = " ".join(" ".join(_lines(shape)).split()) if _role(shape) in _TITLES else ""
        if text:
            yield Block("heading", text, level=1)
    for shape in shapes:
        if _role(shape) not in _TITLES:
            yield from _shape_blocks(shape)


def _shapes(parent: Any, *, depth: int) -> Iterator[Any]:
    """Yield the shapes and frames of a slide, those inside groups in their place."""
    for child in parent:
        if child.tag in (f"{_P}sp", f"{_P}graphicFrame"):
            yield child
        elif child.tag != f"{_MC}Fallback" and depth < MAX_NESTING:
            yield from _shapes(child, depth=depth + 1)


def _role(shape: Any) -> str:
    """Return what a shape stands for in the slide's layout: "title", "body", ..., else ""."""
    holder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return "" if holder is None else holder.get("type", "body")


def _shape_blocks(shape: Any) -> Iterator[Block]:
    if _role(shape) in _MARGINS:
        return
    for table in shape.iter(f"{_A}tbl"):
        if rows := list(_rows(table)):
            yield Block("table", "\n".join(rows))
    body = shape.find(f"{_P}txBody")
    if body is None:
        return
    lines = [line for line in _lines(body) if line.strip()]
    if _role(shape) == "body" and len(lines) > 1:
        yield Block("list", "\n".join(f"- {line.replace(chr(10), ' ')}" for line in lines))
    elif lines:
        yield Block("paragraph", "\n".join(lines))


def _lines(element: Any) -> list[str]:
    """Return the text of each paragraph below an element."""
    return [_text(paragraph) for paragraph in element.iter(f"{_A}p")]


def _text(paragraph: Any) -> str:
    parts: list[str] = []
    for node in paragraph.iter(f"{_A}t", f"{_A}br", f"{_A}tab"):
        parts.append((node.text or "") if node.tag == f"{_A}t" else "\n")
    return "".join(parts)


def _rows(table: Any) -> Iterator[str]:
    for row in table.iterchildren(f"{_A}tr"):
        cells = [" ".join(" ".join(_lines(cell)).split()) for cell in row.iterchildren(f"{_A}tc")]
        if any(cells):
            yield " | ".join(cells)


def _notes(slide: Any) -> Iterator[Block]:
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    for line in _lines(frame._txBody) if frame is not None else ():
        if line.strip():
            yield Block("paragraph", line)
