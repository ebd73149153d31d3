"""The library's documents as rows, and which of them a filter keeps."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Protocol

from ui import labels
from ui.labels import Say, language_name
from ui.uploads import shown_source


class Listed(Protocol):
    """What a row shows of a document that `Rag.documents` lists."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def sources(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def format(self) -> str: ...  # noqa: D102
    @property
    def language(self) -> str: ...  # noqa: D102
    @property
    def n_pages(self) -> int: ...  # noqa: D102
    @property
    def n_chunks(self) -> int: ...  # noqa: D102
    @property
    def n_characters(self) -> int: ...  # noqa: D102
    @property
    def added_at(self) -> str: ...  # noqa: D102
    @property
    def near_duplicates(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def revisions(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Row:
    """A document of the list, its sources and near-duplicates named as a person knows them."""

    id: str
    title: str
    sources: tuple[str, ...]
    format: str
    language: str
    n_pages: int
    n_chunks: int
    n_characters: int
    added_at: str
    near_duplicates: tuple[str, ...]
    revisions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Title and file name: what tells two revisions under one title apart."""
        return f"{self.title} · {PurePath(self.sources[0]).name}" if self.sources else self.title

    def cells(self, say: Say) -> dict[str, str | int | None]:
        """Return the row's cells by their column titles."""
        return {
            say(labels.COLUMN_TITLE): self.title,
            say(labels.COLUMN_FORMAT): self.format,
            say(labels.COLUMN_LANGUAGE): language_name(self.language, say),
            say(labels.COLUMN_PAGES): self.n_pages or None,
            say(labels.COLUMN_CHUNKS): self.n_chunks,
            say(labels.COLUMN_CHARACTERS): self.n_characters,
            say(labels.COLUMN_ADDED): self.added_at,
            say(labels.COLUMN_SOURCES): ", ".join(self.sources),
            say(labels.COLUMN_NEAR): ", ".join(self.near_duplicates),
            say(labels.COLUMN_REVISIONS): ", ".join(self.revisions),
        }


def rows_of(documents: Sequence[Listed], *, collection: Path) -> list[Row]:
    """Return the documents as rows, in their order."""
    titles = {document.id: document.title for document in documents}
    return [
        Row(
            id=document.id,
            title=document.title,
            sources=tuple(shown_source(source, collection) for source in document.sources),
            format=document.format,
            language=document.language,
            n_pages=document.n_pages,
            n_chunks=document.n_chunks,
            n_characters=document.n_characters,
            added_at=local_time(document.added_at),
            near_duplicates=tuple(titles.get(near, near) for near in document.near_duplicates),
            revisions=tuple(titles.get(other, other) for other in document.revisions),
        )
        for document in documents
    ]


def matching(rows: Iterable[Row], typed: str) -> list[Row]:
    """Return the rows whose title and sources hold every word that was typed."""
    words = _folded(typed).split()
    return [row for row in rows if all(word in _searched(row) for word in words)]


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names by id, those that several ids share with the id behind them.

    Streamlit's choosers know an option by its name alone.

    >>> told_apart({"a1": "Rules", "b2": "Rules", "c3": "Log"})
    {'a1': 'Rules (a1)', 'b2': 'Rules (b2)', 'c3': 'Log'}
    """
    counts = Counter(names.values())
    return {id_: f"{name} ({id_})" if counts[name] > 1 else name for id_, name in names.items()}


def local_time(stamp: str) -> str:
    """Return a UTC time stamp as local date and time, to the minute."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")


def _searched(row: Row) -> str:
    return _folded(" ".join((row.title, *row.sources)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
