"""The day of a document: declared, stated near the head of its text, or its file's."""

from __future__ import annotations

import re
import sqlite3
from datetime import date

from ragapp.conflict import DocumentDate
from ragapp.facts import dates, normal

_HEAD_CHARACTERS = 400
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def date_of(connection: sqlite3.Connection, document_id: str, source: str) -> DocumentDate:
    """Return the day of a document, that of its file `source` where it tells none itself."""
    row = connection.execute(
        "SELECT (SELECT value FROM json_each(d.metadata) WHERE key = 'date'),"
        " substr(d.text, 1, ?), (SELECT mtime_ns FROM sources WHERE path = ?)"
        " FROM documents d WHERE d.id = ?",
        (_HEAD_CHARACTERS, source, document_id),
    ).fetchone()
    if row is None:
        return DocumentDate()
    declared, head, mtime_ns = row
    if declared is not None and (found := _ISO.match(str(declared))):
        return DocumentDate(found[0], "declared")
    if stated := _stated(str(head)):
        return DocumentDate(stated, "stated")
    if mtime_ns is not None and mtime_ns >= 0:
        return DocumentDate(date.fromtimestamp(mtime_ns / 1e9).isoformat(), "file")
    return DocumentDate()


def _stated(head: str) -> str:
    """Return the first date of a text, "" where it has none.

    >>> _stated("Revision C, 17 February 2025. It supersedes that of 6 March 2023.")
    '2025-02-17'
    """
    for line in normal(head).splitlines():
        found = [day.split("-") for day in dates(line)[1]]
        if found:
            year, month, day = min(found, key=lambda parts: line.find(parts[0]))
            return f"{year}-{month:0>2}" + (f"-{day:0>2}" if day != "0" else "")
    return ""
