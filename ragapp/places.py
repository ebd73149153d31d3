"""Where text stands: the spans of pages, and the places of a passage in other documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Where page `number` (1-based, as a viewer counts) stands in the document's text."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where else a passage stands: at ``[start, end)`` of a document, named by its `source`.

    `page` is the page on which it begins. `is_exact` is False where it says the same in nearly the
    same words; `collection` names the document's where several are searched, else "".
    """

    source: str
    document_id: str
    page: int | None
    start: int
    end: int
    is_exact: bool = True
    page_spans: tuple[PageSpan, ...] = ()
    collection: str = ""

    def part(self, start: int, end: int) -> Place:
        """Return the place of ``[start, end)`` of the passage; all of it where it isn't exact."""
        if not self.is_exact:
            return self
        begin = self.start + start
        page = page_at(self.page_spans, begin, self.page)
        return replace(self, page=page, start=begin, end=self.start + end)

    def to_dict(self) -> dict[str, Any]:
        """Return the place as plain JSON values."""
        names = ("source", "document_id", "page", "start", "end", "is_exact", "collection")
        return {name: getattr(self, name) for name in names}


def page_at(spans: Sequence[PageSpan], offset: int, fallback: int | None) -> int | None:
    """Return the page whose span holds the offset, `fallback` where none does."""
    return next((s.number for s in spans if s.start <= offset < s.end), fallback)
