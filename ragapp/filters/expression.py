"""The tree of a filter, and the names with which Python code builds one.

Language("zh") & ~Source("drafts/*") & Date(since="2025-01-01")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ragapp.errors import UsageError
from ragapp.filters.days import days_of

Operator = Literal["=", "!=", "~", "<", "<=", ">", ">=", "in"]

MAX_DEPTH = 32
MAX_COMPARISONS = 100  # values of `in` counted, so that SQLite has parameters enough
MAX_WILDCARDS = 10  # in one pattern: matching takes time exponential in them
METADATA = "meta."
_MAX_VALUE = 1000

_TEXT: tuple[Operator, ...] = ("=", "!=", "~", "in")
_ORDERED: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=", "in")
_ANY: tuple[Operator, ...] = ("=", "!=", "~", "<", "<=", ">", ">=", "in")
COLUMNS: dict[str, tuple[Operator, ...]] = {
    "source": _TEXT,
    "document": _TEXT,
    "lang": _TEXT,
    "format": _TEXT,
    "title": _TEXT,
    "heading": _TEXT,
    "page": _ORDERED,
    "date": _ORDERED,
}
ALIASES = {
    "language": "lang",
    "type": "format",
    "id": "document",
    "document_id": "document",
    "path": "source",
}


class Filter:
    """A condition on a chunk and the source under which it stands; join them by `&`, `|`, `~`."""

    __slots__ = ()

    def __and__(self, other: Filter) -> Filter:
        """Return the filter that both must let pass."""
        return And(self, other)

    def __or__(self, other: Filter) -> Filter:
        """Return the filter that either may let pass."""
        return Or(self, other)

    def __invert__(self) -> Filter:
        """Return the filter that lets pass what this one does not."""
        return Not(self)


@dataclass(frozen=True, slots=True)
class Comparison(Filter):
    """A column compared with a value, or by "in" with several; `str()` writes it as text.

    `column` is one of COLUMNS, "meta.NAME", or a plain NAME of metadata, which must exist in a
    document of the collection, so that a mistyped column is told.
    """

    column: str
    operator: Operator
    values: tuple[str, ...]

    def __str__(self) -> str:
        values = ", ".join(_quoted(value) for value in self.values)
        return f"{_named(self.column)} {self.operator} " + (
            f"({values})" if self.operator == "in" else values
        )


@dataclass(frozen=True, slots=True)
class And(Filter):
    """Both."""

    left: Filter
    right: Filter

    def __str__(self) -> str:
        return f"({self.left} and {self.right})"


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """One or the other, or both."""

    left: Filter
    right: Filter

    def __str__(self) -> str:
        return f"({self.left} or {self.right})"


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """What the inner one does not let pass."""

    inner: Filter

    def __str__(self) -> str:
        return f"not {self.inner}"


def Source(*patterns: str) -> Filter:  # noqa: N802 (built like a value)
    """Let pass sources that match a pattern (`*`, `?`, `[a-z]`) as a whole or at their end."""
    return _any_of("source", "~", patterns)


def DocumentId(*ids: str) -> Filter:  # noqa: N802
    """Let pass the documents of these ids."""
    return Comparison("document", "in", ids)


def Language(*codes: str) -> Filter:  # noqa: N802
    """Let pass chunks in one of these languages; "zh" stands for "zh-Hans" and "zh-Hant" too."""
    return _one_of("lang", codes)


def Format(*names: str) -> Filter:  # noqa: N802
    """Let pass documents of these formats, such as "pdf" or "markdown" ("md" will do)."""
    return _one_of("format", names)


def Title(*patterns: str) -> Filter:  # noqa: N802
    """Let pass documents whose title matches one of the patterns."""
    return _any_of("title", "~", patterns)


def HeadingPath(*headings: str) -> Filter:  # noqa: N802
    """Let pass chunks below one of these headings: "Setup", or a path "Guide > Setup"."""
    return _one_of("heading", headings)


def PageNumber(*numbers: int) -> Filter:  # noqa: N802
    """Let pass chunks that begin on one of these pages."""
    return _one_of("page", tuple(map(str, numbers)))


def Date(*, since: date | str | None = None, until: date | str | None = None) -> Filter:  # noqa: N802
    """Let pass documents dated from `since` to `until`, both included."""
    bounds: list[tuple[Operator, date | str]] = []
    if since is not None:
        bounds.append((">=", since))
    if until is not None:
        bounds.append(("<=", until))
    parts = [Comparison("date", operator, (str(day)[:10],)) for operator, day in bounds]
    if not parts:
        raise UsageError("a filter by date needs a bound", hint="give since, until or both")
    return parts[0] if len(parts) == 1 else And(parts[0], parts[1])


def Metadata(name: str, *values: str) -> Filter:  # noqa: N802
    """Let pass documents whose metadata field `name` has one of the values."""
    return _one_of(METADATA + name, values)


def comparisons(where: Filter) -> Iterator[Comparison]:
    """Yield the comparisons of a tree, from left to right."""
    pending = [where]
    while pending:
        node = pending.pop()
        if isinstance(node, Comparison):
            yield node
        else:
            pending += reversed(_children(node))


def checked_filter(where: Filter) -> Filter:
    """Return the filter if it can be evaluated.

    Raises UsageError naming the column and what was expected, or the limit that was passed.
    """
    if _depth(where) > MAX_DEPTH:
        raise UsageError(f"the filter is nested more than {MAX_DEPTH} deep", hint="shorten it")
    n_values = 0
    for comparison in comparisons(where):
        n_values += len(comparison.values)
        if n_values > MAX_COMPARISONS:
            raise UsageError(
                f"the filter has more than {MAX_COMPARISONS} values", hint="use a pattern: ~"
            )
        _check(comparison)
    return where


def _check(comparison: Comparison) -> None:
    column, operator, values = comparison.column, comparison.operator, comparison.values
    expected = COLUMNS.get(column, _ANY)
    if operator not in expected:
        raise UsageError(
            f"{column} cannot be compared by {operator!r}", hint=f"expected {' '.join(expected)}"
        )
    if not values:
        raise UsageError(f"{column} is compared with nothing", hint="expected a value")
    for value in values:
        if len(value) > _MAX_VALUE:
            raise UsageError(f"{column} has a value of more than {_MAX_VALUE} characters")
        if column == "page" and not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise UsageError(f"page {value!r} is no page", hint="expected a whole number")
        if column == "date":
            days_of(value)
        if operator == "~" and sum(value.count(c) for c in "*?[") > MAX_WILDCARDS:
            raise UsageError(f"{column} has a pattern of more than {MAX_WILDCARDS} wildcards")


def _depth(where: Filter) -> int:
    deepest, pending = 0, [(where, 1)]
    while pending:
        node, depth = pending.pop()
        deepest = max(deepest, depth)
        if deepest <= MAX_DEPTH:
            pending += [(child, depth + 1) for child in _children(node)]
    return deepest


def _children(node: Filter) -> list[Filter]:
    if isinstance(node, And | Or):
        return [node.left, node.right]
    return [node.inner] if isinstance(node, Not) else []


def _one_of(column: str, values: tuple[str, ...]) -> Filter:
    return Comparison(column, "=" if len(values) == 1 else "in", values)


def _any_of(column: str, operator: Operator, values: tuple[str, ...]) -> Filter:
    first, *others = values or ("",)
    found: Filter = Comparison(column, operator, (first,))
    for value in others:
        found = Or(found, Comparison(column, operator, (value,)))
    return found


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _named(column: str) -> str:
    if column in COLUMNS:
        return column
    if column.startswith(METADATA):
        return METADATA + _quoted(column.removeprefix(METADATA))
    return _quoted(column)
