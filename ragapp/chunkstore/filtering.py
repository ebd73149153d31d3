"""Filters as SQL: the passages that they let pass, and where those stand.

A filter is applied to each chunk under each source of its document. Values travel as parameters
alone; every comparison is true or false, never unknown, so that `not` is its complement.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

from ragapp.errors import UsageError
from ragapp.filters import COLUMNS, And, Comparison, Filter, Not, Or
from ragapp.filters.days import days_of
from ragapp.filters.expression import METADATA, comparisons

Sql = tuple[str, list[str | int | float]]

# The documents are walked first: what they and their sources fail, costs no look at their chunks.
_FROM = """
    FROM documents d LEFT JOIN sources s ON s.document_id = d.id
    CROSS JOIN chunks c ON c.document_seq = d.seq
"""
_FORMATS = {"md": "markdown", "txt": "text", "htm": "html", "doc": "docx"}
_ISO_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"
_DECLARED = f"""(SELECT substr(value, 1, 10) FROM json_each(d.metadata)
    WHERE key = 'date' AND value GLOB '{_ISO_DATE}')"""
_HEADING = "(SELECT heading FROM passages WHERE id = c.passage_id)"
_IS_NUMBER = "value GLOB '*[0-9]*' AND value NOT GLOB '*[^0-9.-]*'"


def allowed_passages(
    connection: sqlite3.Connection, where: Filter, *, is_checked: bool = True
) -> list[int]:
    """Return the ids of the passages that stand in a chunk which the filter lets pass, in order.

    Raises UsageError for a plain name that is neither a column nor metadata of any document, if
    that `is_checked`; else no document has such metadata.
    """
    if is_checked:
        _check_names(connection, where)
    condition, values = _sql(where)
    rows = connection.execute(
        f"SELECT DISTINCT c.passage_id {_FROM} WHERE {condition} ORDER BY 1", values
    )
    return [int(row[0]) for row in rows]


def allowed_places(
    connection: sqlite3.Connection, where: Filter, passage_ids: Sequence[int]
) -> dict[int, tuple[int, int, str]]:
    """Return for each passage where it first stands allowed: document, place in it, source.

    The document is named by its sequence number, the place by the chunk's ordinal. Passages that
    the filter does not let pass are left out.
    """
    condition, values = _sql(where)
    rows = connection.execute(
        "SELECT c.passage_id, d.seq, c.ordinal, coalesce(s.path, '')"
        " FROM chunks c CROSS JOIN documents d ON d.seq = c.document_seq"
        " LEFT JOIN sources s ON s.document_id = d.id"
        " WHERE c.passage_id IN (SELECT value FROM json_each(?))"
        f" AND {condition} ORDER BY d.seq DESC, c.ordinal DESC, s.seq DESC",
        [json.dumps(list(passage_ids)), *values],
    )
    return {int(row[0]): (int(row[1]), int(row[2]), str(row[3])) for row in rows}


def _check_names(connection: sqlite3.Connection, where: Filter) -> None:
    for comparison in comparisons(where):
        name = comparison.column
        if name in COLUMNS or name.startswith(METADATA):
            continue
        row = connection.execute(
            "SELECT 1 FROM documents d, json_each(d.metadata) WHERE key = ?"
            " UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM documents) LIMIT 1",
            (name,),
        ).fetchone()
        if row is None:
            raise UsageError(
                f"{name!r} is neither a column nor metadata of any document here",
                hint=f"columns: {', '.join(COLUMNS)}; metadata that may be absent: meta.NAME",
            )


def _sql(where: Filter) -> Sql:
    if isinstance(where, And | Or):
        (left, left_values), (right, right_values) = _sql(where.left), _sql(where.right)
        word = "AND" if isinstance(where, And) else "OR"
        return f"({left} {word} {right})", [*left_values, *right_values]
    if isinstance(where, Not):
        inner, values = _sql(where.inner)
        return f"NOT {inner}", values
    if isinstance(where, Comparison):
        return _comparison(where)
    raise TypeError(f"{where!r} is not a filter")


def _comparison(comparison: Comparison) -> Sql:
    """Return the condition of one column: "!=" is "not =", "in" is "=" with any of the values."""
    if comparison.operator == "!=":
        condition, values = _comparison(Comparison(comparison.column, "=", comparison.values))
        return f"NOT {condition}", values
    operator = "=" if comparison.operator == "in" else comparison.operator
    parts = [_leaf(comparison.column, operator, value) for value in comparison.values]
    condition = " OR ".join(f"ifnull({part}, 0)" for part, _ in parts)
    return f"({condition})", [value for _, values in parts for value in values]


def _leaf(column: str, operator: str, value: str) -> Sql:
    if column == "date":
        return _date(operator, value)
    if column == "page":
        return f"c.page {operator} ?", [int(value)]
    if column not in COLUMNS:
        return _metadata(column.removeprefix(METADATA), operator, value)
    if operator == "~":
        return _glob(column, value)
    return _equal(column, value)


def _equal(column: str, value: str) -> Sql:
    if column == "source":
        return "(s.path = ? OR substr(s.path, -length(?)) = ?)", [value, f"/{value}", f"/{value}"]
    if column == "lang":
        prefix = f"{value.lower()}-"
        return (
            "(lower(c.language) = ? OR substr(lower(c.language), 1, length(?)) = ?)",
            [value.lower(), prefix, prefix],
        )
    if column == "heading":
        return f"instr(' > ' || {_HEADING} || ' > ', ?) > 0", [f" > {value} > "]
    if column == "format":
        name = value.lower().removeprefix(".")
        return "d.format = ?", [_FORMATS.get(name, name)]
    return f"{_TEXTS[column]} = ?", [value]


_TEXTS = {
    "source": "s.path",
    "document": "d.id",
    "lang": "c.language",
    "format": "d.format",
    "title": "d.title",
    "heading": _HEADING,
}


def _glob(column: str, pattern: str) -> Sql:
    """Match a pattern without regard to the case of A to Z; a source in its last parts, too."""
    text = f"lower({_TEXTS[column]})"
    folded = _folded_pattern(pattern)
    if column == "source":
        return f"({text} GLOB ? OR {text} GLOB ?)", [folded, f"*/{folded}"]
    return f"{text} GLOB ?", [folded]


def _folded_pattern(pattern: str) -> str:
    ascii_lower = "".join(c.lower() if c.isascii() else c for c in pattern)
    return ascii_lower.replace("[!", "[^")


def _metadata(name: str, operator: str, value: str) -> Sql:
    """Compare as numbers where both are, else as text by code points."""
    condition: str
    values: list[str | int | float]
    number = _number(value)
    if operator == "~":
        condition, values = "lower(value) GLOB ?", [_folded_pattern(value)]
    elif operator == "=":
        condition, values = "value = ?", [value]
    elif number is not None:
        condition, values = f"{_IS_NUMBER} AND CAST(value AS REAL) {operator} ?", [number]
    else:
        condition, values = f"value {operator} ?", [value]
    return (
        f"EXISTS (SELECT 1 FROM json_each(d.metadata) WHERE key = ? AND {condition})",
        [name, *values],
    )


def _number(value: str) -> float | None:
    try:
        return float(value) if value and not set(value) - set("0123456789.-") else None
    except ValueError:
        return None


def _date(operator: str, value: str) -> Sql:
    """Compare with a stretch of days: of the date that a document declares, else of its file.

    Days are those of the local clock, as a folder shows them.
    """
    first, after = days_of(value)
    if operator == "=":
        (one, one_values), (other, other_values) = _since(first), _since(after)
        return f"({one} AND NOT {other})", [*one_values, *other_values]
    if operator in (">", "<="):
        condition, values = _since(after)
    else:
        condition, values = _since(first)
    # a document without any date is neither since nor before a day
    return (f"NOT {condition}" if operator.startswith("<") else condition), values


def _since(day: date) -> Sql:
    """Return the condition that a document is of `day` or later; NULL where it has no date."""
    midnight = int(datetime(day.year, day.month, day.day).timestamp()) * 10**9
    return (
        f"coalesce({_DECLARED} >= ?, CASE WHEN s.mtime_ns >= 0 THEN s.mtime_ns >= ? END)",
        [day.isoformat(), midnight],
    )
