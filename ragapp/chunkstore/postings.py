"""Full-text search over the analyzer's terms, by SQLite FTS5's BM25.

User text never reaches the query parser: each term is quoted, and terms come from the analyzer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def search_terms(
    connection: sqlite3.Connection, terms: Sequence[str], k: int
) -> list[tuple[int, float]]:
    """Return (passage id, BM25 score > 0) of the best `k` passages that hold any of `terms`.

    Best first; equal scores are ordered by id. Source: Robertson and Zaragoza 2009, with FTS5's
    k1 = 1.2 and b = 0.75.
    """
    if not terms:
        return []
    query = " OR ".join(f'"{term.replace(chr(34), chr(34) * 2)}"' for term in terms)
    rows = connection.execute(
        "SELECT rowid, -bm25(postings) FROM postings WHERE postings MATCH ?"
        " ORDER BY 2 DESC, 1 LIMIT ?",
        (query, k),
    )
    return [(int(row[0]), max(float(row[1]), 0.0)) for row in rows]


def passage_frequencies(connection: sqlite3.Connection, terms: Sequence[str]) -> dict[str, int]:
    """Return in how many passages each term stands; 0 for a term that stands nowhere."""
    frequencies = dict.fromkeys(terms, 0)
    for term in frequencies:
        row = connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (term,)).fetchone()
        if row is not None:
            frequencies[term] = int(row[0])
    return frequencies
