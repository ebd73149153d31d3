"""Pages as read -> pages as stored -> Document.

`clean` decides what becomes of each block, with the rules of `characters`, `paragraphs` and
`running_heads`; `assemble` lays the blocks end to end and notes where everything stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from ingest.characters import expand_ligatures, fold_spaces, normalise
from ingest.headings import numbered_level, section_level
from ingest.language import detect_language
from ingest.pages import Block, BlockKind, Page
from ingest.paragraphs import is_list_item, is_table_row, join_lines
from ingest.readers.rows import bounded_tables
from ingest.running_heads import running_lines
from ingest.simhash import fingerprint
from ragapp.places import PageSpan
from ragapp.types import Document, Heading

BLOCK_BREAK = "\n\n"
MAX_TITLE_OFFSET = 2_000

_NO_BLOCK = Block("table", "")
_WRAPPED_FORMATS = ("pdf", "text", "image")
_LISTINGS = ("table", "code")
_LETTER_SPACED = re.compile(
    "(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff](?: [\u4e00-\u9fff]|[，。、；：）]))"
)
_SPACE_BEFORE_MARK = re.compile("(?<=[\u4e00-\u9fff]) (?=[，。、；：！？）])")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Clean pages, and how many lines went as running heads, running feet and page numbers."""

    pages: tuple[Page, ...]
    n_running_lines: int = 0


def clean_pages(pages: Iterable[Page], *, format: str) -> list[Page]:  # noqa: A002
    """Return the pages of `clean`."""
    return list(clean(pages, format=format).pages)


def clean(pages: Iterable[Page], *, format: str) -> Cleaned:  # noqa: A002
    """Return the pages with clean text, empty blocks left out, no page left out.

    Every block is brought to NFC without hidden characters, spaces folded (in code only at line
    ends). In PDFs running heads, feet and page numbers go, ligatures become letters. In PDFs and
    plain text, whose line ends are the typesetter's, lines are joined into paragraphs.
    """
    normal = [_normalised(page, is_pdf=format == "pdf") for page in pages]
    kept = _without_running_lines(normal) if format == "pdf" else normal
    finished = [
        replace(page, blocks=tuple(_finished(page.blocks, is_wrapped=format in _WRAPPED_FORMATS)))
        for page in kept
    ]
    n_running_lines = _n_lines(normal) - _n_lines(kept)
    return Cleaned(
        tuple(_with_sections(finished) if format == "pdf" else finished), n_running_lines
    )


def assemble(pages: Sequence[Page], *, source: str, format: str) -> Document:  # noqa: A002
    """Lay clean pages end to end, blocks parted by a blank line.

    The title is that of the metadata, else the first heading that can be one, else "". Each
    numbered page has a span, an empty one where it has no text. Spans and headings are exact:
    ``document.text[heading.start:heading.end] == heading.text``.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    listings: list[tuple[int, int]] = []
    spans: list[PageSpan] = []
    offset = 0
    for page in pages:
        start = end = offset
        for block in filter(_is_visible, page.blocks):
            glue = BLOCK_BREAK if offset else ""
            start = offset + len(glue) if start == end else start
            begin, offset = offset + len(glue), offset + len(glue) + len(block.text)
            end = offset
            parts += [glue, block.text]
            if block.kind == "heading":
                level = min(6, max(1, block.level))
                headings.append(Heading(level, begin, offset, block.text))
            elif block.kind in _LISTINGS:
                listings.append((begin, offset))
        if page.number is not None:
            spans.append(PageSpan(page.number, start, end))
    text = "".join(parts)
    document = _document(text, headings, spans, pages, source=source, format_name=format)
    return replace(document, listings=tuple(listings))


def _document(
    text: str,
    headings: Sequence[Heading],
    spans: Sequence[PageSpan],
    pages: Sequence[Page],
    *,
    source: str,
    format_name: str,
) -> Document:
    metadata = dict(pages[0].metadata) if pages else {}
    title = metadata.pop("title", "") or _title_among(headings)
    return Document(
        id=sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        source=source,
        title=title,
        text=text,
        format=format_name,
        language=detect_language(text),
        pages=tuple(spans),
        headings=tuple(headings),
        metadata=metadata,
        fingerprint=fingerprint(text),
    )


def _title_among(headings: Sequence[Heading]) -> str:
    """Return the first heading near the head of the text that is not a numbered section's."""
    for heading in headings:
        if heading.start <= MAX_TITLE_OFFSET and not section_level(heading.text):
            return heading.text
    return ""


def _is_visible(block: Block) -> bool:
    return bool(block.text) and not block.text.isspace()


def _normalised(page: Page, *, is_pdf: bool) -> Page:
    texts = [normalise(block.text) for block in page.blocks]
    if is_pdf:
        texts = [normalise(expand_ligatures(text)) for text in texts]
    blocks = (replace(block, text=text) for block, text in zip(page.blocks, texts, strict=True))
    metadata = {key: fold_spaces(normalise(value)) for key, value in page.metadata.items()}
    return replace(page, blocks=tuple(blocks), metadata=metadata)


def _without_running_lines(pages: Sequence[Page]) -> list[Page]:
    """Remove running heads and feet, unless nothing but them would be left of the document."""
    lines = [[line for block in page.blocks for line in block.text.split("\n")] for page in pages]
    removable = running_lines(lines)
    kept = [_without_lines(page, gone) for page, gone in zip(pages, removable, strict=True)]
    has_text = any(block.text.strip() for page in kept for block in page.blocks)
    return kept if has_text else list(pages)


def _n_lines(pages: Sequence[Page]) -> int:
    lines = (line for page in pages for block in page.blocks for line in block.text.split("\n"))
    return sum(1 for line in lines if line.strip())


def _without_lines(page: Page, removable: set[int]) -> Page:
    blocks: list[Block] = []
    place = 0
    for block in page.blocks:
        lines = block.text.split("\n")
        kept = [line for i, line in enumerate(lines, start=place) if i not in removable]
        place += len(lines)
        blocks.append(block if block.kind == "heading" else replace(block, text="\n".join(kept)))
    return replace(page, blocks=tuple(blocks))


def _with_sections(pages: Sequence[Page]) -> list[Page]:
    """Take numbered lines standing alone for headings where the file marks none itself."""
    if any(block.kind == "heading" for page in pages for block in page.blocks):
        return list(pages)
    following = [*[block for page in pages for block in page.blocks][1:], _NO_BLOCK]
    after = iter(following)
    return [
        replace(page, blocks=tuple(_as_section(block, next(after)) for block in page.blocks))
        for page in pages
    ]


def _as_section(block: Block, following: Block) -> Block:
    """Make a heading of "3.4 Tests", and of "3. Tests" above running text or such a heading."""
    if block.kind != "paragraph":
        return block
    level = section_level(block.text)
    runs_on = len(following.text) > len(block.text) or section_level(following.text)
    if not level and following.kind == "paragraph" and runs_on:
        level = numbered_level(block.text)
    return Block("heading", block.text, level=level) if level else block


def _finished(blocks: Iterable[Block], *, is_wrapped: bool) -> Iterator[Block]:
    for block in blocks:
        pieces = _unwrapped(block) if is_wrapped else _split(block)
        for piece in pieces:
            text = _folded(piece)
            if text:
                yield replace(piece, text=text)


def _split(block: Block) -> Iterable[Block]:
    """Return a long table as several, each with the header row; other blocks as they are."""
    return bounded_tables(block) if block.kind == "table" else (block,)


def _folded(block: Block) -> str:
    if block.kind == "code":
        lines = [line.rstrip() for line in block.text.split("\n")]
        return "\n".join(lines).strip("\n")
    text = fold_spaces(block.text)
    return " ".join(text.split("\n")) if block.kind == "heading" else text


def _unwrapped(block: Block) -> Iterator[Block]:
    if block.kind != "paragraph":
        yield block
        return
    for paragraph in join_lines(block.text):
        text = _SPACE_BEFORE_MARK.sub("", _LETTER_SPACED.sub("", paragraph))
        yield Block(_kind_of(text), text)


def _kind_of(paragraph: str) -> BlockKind:
    first, _, rest = paragraph.partition("\n")
    if is_table_row(first):
        return "table"
    return "list" if rest and is_list_item(first) else "paragraph"
