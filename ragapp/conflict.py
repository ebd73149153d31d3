"""Two documents that state the same otherwise, as an answer tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Difference = Literal["number", "date", "negation"]
DateOrigin = Literal["", "declared", "stated", "file"]


@dataclass(frozen=True, slots=True)
class DocumentDate:
    """A document's day (YYYY-MM-DD, or YYYY-MM; "" where none is known), and who says so.

    It is "declared" in its metadata, "stated" near the head of its text, or its file's last change.
    """

    day: str = ""
    origin: DateOrigin = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a document states, word for word: `quote` is ``document.text[start:end]``."""

    quote: str
    document_id: str
    source: str
    title: str
    page: int | None
    start: int
    end: int
    date: DocumentDate = DocumentDate()
    collection: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as plain JSON values, its date as "date" and "date_from"."""
        return asdict(self) | {"date": self.date.day, "date_from": self.date.origin}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Stated:
        """Return the statement that `to_dict` gave; what this version does not know is left out."""
        known = {name.name: values[name.name] for name in fields(cls) if name.name in values}
        return cls(**{**known, "date": DocumentDate(values["date"], values["date_from"])})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cited sentence (of the citations under `marker`) and one that contradicts it.

    `differs` says in what, with the values of both sides where they are numbers or dates.
    """

    marker: int
    cited: Stated
    other: Stated
    differs: tuple[Difference, ...]
    values: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def to_dict(self) -> dict[str, Any]:
        """Return the conflict as plain JSON values, under the names that the README documents."""
        return {
            "marker": self.marker,
            "differs": list(self.differs),
            "values": [list(values) for values in self.values],
            "statements": [self.cited.to_dict(), self.other.to_dict()],
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Conflict:
        """Return the conflict that `to_dict` gave."""
        cited, other = map(Stated.of, values["statements"])
        left, right = map(tuple, values["values"])
        return cls(values["marker"], cited, other, tuple(values["differs"]), (left, right))
