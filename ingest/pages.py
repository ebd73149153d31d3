"""What a reader yields: pages of blocks, the structure of a file before cleaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading (with its level 1 to 6), list, table or code listing.

    A table's rows are lines, its cells parted by " | ". `text` may hold line breaks.
    """

    kind: BlockKind
    text: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The blocks of one page (slide, sheet, chapter), or of a whole file that has no pages.

    `number` is 1-based as a viewer counts, None for formats without pages. `metadata` of a file's
    first page may hold "title", "encoding" and what else the format knows of the whole file. Of a
    page itself it may say "ocr" ("true" where its text was recognised) and "ocr_confidence" (0 to
    1), "hidden_characters" (how many cannot be seen) and "hidden" (they are worth a warning).
    """

    blocks: tuple[Block, ...]
    number: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
