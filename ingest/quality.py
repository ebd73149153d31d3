"""How well a file was read: what a report of an ingestion says of it, and its document remembers.

Measured between reading and chunking, from the pages as read, the pages as cleaned and filtered,
and the document. `remarks` puts it into words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.clean import Cleaned
from ingest.junk import measure_garbled
from ingest.pages import Page
from ingest.policies import Filtered
from ragapp.types import INSTRUCTIONS_KEY, Chunk, Document

Duplicate = Literal["", "exact", "near", "revision"]
_OF_PAGES = (
    "ocr",
    "ocr_confidence",
    "hidden",
    "hidden_characters",
    "error",
)  # no facts of the whole file


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of one file that was read.

    `languages` counts chunks, and is empty where the text was stored before. `n_pages` and
    `pages_without_text` (numbers as a viewer counts) are those of formats with pages.
    `n_running_lines` are heads, feet and page numbers taken away. `garbled_share` is in [0, 1].
    `characters` counts odd characters of the text as read, `flagged` and `masked` what policies
    found, `instructions` those to a model, all by kind. `n_hidden_characters` are those that a
    reader of the file does not see. `ocr_confidence` in [0, 1] is the mean over `n_ocr_pages`, None
    without any. `duplicate_of` is the source that holds the same or nearly the same text, or "".
    """

    language: str = "und"
    languages: Mapping[str, int] = field(default_factory=dict)
    n_pages: int = 0
    pages_without_text: tuple[int, ...] = ()
    n_running_lines: int = 0
    garbled_share: float = 0.0
    characters: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)
    instructions: Mapping[str, int] = field(default_factory=dict)
    n_hidden_characters: int = 0
    n_ocr_pages: int = 0
    ocr_confidence: float | None = None
    encoding: str = ""
    is_encoding_guessed: bool = False
    duplicate: Duplicate = ""
    duplicate_of: str = ""

    def of_chunks(self, chunks: Sequence[Chunk]) -> Quality:
        """Return the same with the languages of the chunks counted, the commonest first."""
        return replace(self, languages=dict(Counter(c.language for c in chunks).most_common()))

    def of_duplicate(self, kind: Duplicate, source: str) -> Quality:
        """Return the same with the source whose text is the same, nearly so, or another version."""
        return replace(self, duplicate=kind, duplicate_of=source)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON values, under the names that the README documents."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"pages_without_text": list(self.pages_without_text)}


def measure(
    pages: Sequence[Page],
    document: Document,
    *,
    cleaned: Cleaned,
    filtered: Filtered,
    characters: Mapping[str, int],
) -> Quality:
    """Return what is known of a file before it is cut: `pages` as read, the rest made of them."""
    metadata = document.metadata
    recognised = [page for page in pages if page.metadata.get("ocr") == "true"]
    confidences = [_number(page.metadata.get("ocr_confidence", "")) for page in recognised]
    hidden = [_number(page.metadata.get("hidden_characters", "")) for page in pages]
    instructions = Counter(
        str(item[0]) for item in json.loads(metadata.get(INSTRUCTIONS_KEY, "[]"))
    )
    return Quality(
        language=document.language,
        n_pages=len(document.pages),
        pages_without_text=tuple(s.number for s in document.pages if s.start == s.end),
        n_running_lines=cleaned.n_running_lines,
        garbled_share=round(measure_garbled(document.text), 4),
        characters=dict(characters),
        flagged={k: n for k, n in filtered.findings.items() if k not in filtered.masked},
        masked=dict(filtered.masked),
        instructions=dict(sorted(instructions.items())),
        n_hidden_characters=int(sum(hidden)),
        n_ocr_pages=len(recognised),
        ocr_confidence=round(sum(confidences) / len(recognised), 3) if recognised else None,
        encoding=metadata.get("encoding", ""),
        is_encoding_guessed=metadata.get("encoding_uncertain") == "true",
    )


def with_notes(document: Document, quality: Quality) -> Document:
    """Return the document with what is to be remembered of its quality, as texts, among its facts.

    Facts of the first page alone go. Counts by kind are JSON objects.
    """
    kept = {key: text for key, text in document.metadata.items() if key not in _OF_PAGES}
    found: dict[str, Any] = {
        "characters": quality.characters,
        "pages_without_text": list(quality.pages_without_text),
        "running_lines": quality.n_running_lines,
        "garbled_share": quality.garbled_share,
        "hidden_characters": quality.n_hidden_characters,
        "ocr_pages": quality.n_ocr_pages,
        "ocr_confidence": quality.ocr_confidence,
        "masked": quality.masked,
    }
    notes = {key: json.dumps(value, sort_keys=True) for key, value in found.items() if value}
    return replace(document, metadata=kept | notes)


def _number(text: str) -> float:
    """Return a number that a reader noted, 0.0 for anything else."""
    try:
        return float(text)
    except ValueError:
        return 0.0
