"""Full-text search over the analyzer's terms, by SQLite FTS5's BM25.

User text never reaches the query parser: each term is quoted, and terms come from the analyzer.
FTS5 scores every passage that holds any of the terms. Where these are many, only passages that hold
a rare term, or two common ones, are searched for, and the best of them scored by all terms.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ragapp.analysis import informative_terms

_K1, _B = 1.2, 0.75
_LEAST_IDF = 1e-6  # FTS5's, of a term that stands in more than half of the passages
_SCORED_WHOLE = 5_000  # postings of a question that FTS5 scores in a few milliseconds
_MORE = 20  # candidates than are wanted, for the common terms to choose from
_COMMON = 100  # passages from which on a term's count is worth remembering
_AVERAGES_ID, _STRUCTURE_ID = 1, 10  # records of FTS5's own table that change with every change


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many passages there are, how many terms in them, how many passages hold each term."""

    n_passages: int
    n_terms: int
    frequencies: Mapping[str, int]

    @classmethod
    def pooled(cls, parts: Sequence[Statistics]) -> Statistics:
        """Return the statistics of several collections as of one."""
        terms = dict.fromkeys(term for part in parts for term in part.frequencies)
        return cls(
            sum(part.n_passages for part in parts),
            sum(part.n_terms for part in parts),
            {term: sum(part.frequencies.get(term, 0) for part in parts) for term in terms},
        )

    def rarity(self) -> dict[str, float]:
        """Return each term's inverse passage frequency, > 0; the rarer, the higher."""
        return {
            term: math.log(1.0 + (self.n_passages - n + 0.5) / (n + 0.5))
            for term, n in self.frequencies.items()
        }


def search_terms(
    connection: sqlite3.Connection,
    terms: Sequence[str],
    k: int,
    *,
    allowed: str | None = None,
    pooled: Statistics | None = None,
    scored_whole: int = _SCORED_WHOLE,
) -> list[tuple[int, float]]:
    """Return (passage id, BM25 score > 0) of the best `k` passages that hold any of `terms`.

    Best first; equal scores are ordered by id. `allowed` is a JSON list of the passages that may
    come back, None for all; it leaves the scores as they are. Source: Robertson and Zaragoza 2009,
    with FTS5's k1 = 1.2 and b = 0.75.

    Of terms that stand in more than `scored_whole` passages together, the common ones alone make no
    candidate. Scores are those of all terms either way; by the `pooled` statistics of several
    collections where these are given, so that scores of one can be compared with another's.
    """
    own = statistics(connection, terms)
    present = {term: n for term, n in own.frequencies.items() if n}
    if allowed is None and sum(present.values()) > scored_whole:
        found = _match(connection, _narrow(present, scored_whole), k + _MORE, None)
        if len(found) >= k:
            return _scored(connection, found, pooled or own)[:k]
    query = _any_of(list(present))
    if pooled is None:
        return _match(connection, query, k, allowed)
    return _scored(connection, _match(connection, query, k + _MORE, allowed), pooled)[:k]


def statistics(connection: sqlite3.Connection, terms: Sequence[str]) -> Statistics:
    """Return what BM25 needs to know of the collection to rank by `terms`."""
    return Statistics(*_averages(connection), passage_frequencies(connection, terms))


def count_postings(connection: sqlite3.Connection) -> int:
    """Return how many passages have postings: all that are stored, told without counting rows."""
    return _averages(connection)[0]


def passage_frequencies(connection: sqlite3.Connection, terms: Sequence[str]) -> dict[str, int]:
    """Return in how many passages each term stands; 0 for a term that stands nowhere.

    FTS5 reads all of a term's postings to count them: the counts of common terms are remembered by
    the connection until the postings change.
    """
    wanted = list(dict.fromkeys(terms))
    if not wanted:
        return {}
    _forget_if_changed(connection)
    known = dict(
        connection.execute(
            "SELECT term, n FROM temp.counted WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted),),
        )
    )
    frequencies = {}
    for term in wanted:
        frequencies[term] = known.get(term) or _counted(connection, term)
    common = [(t, n) for t, n in frequencies.items() if n >= _COMMON and t not in known]
    connection.executemany("INSERT OR REPLACE INTO temp.counted VALUES (?, ?)", common)
    return frequencies


def _counted(connection: sqlite3.Connection, term: str) -> int:
    row = connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (term,)).fetchone()
    return 0 if row is None else int(row[0])


def _forget_if_changed(connection: sqlite3.Connection) -> None:
    """Make room for remembered counts, and empty it where the postings have changed."""
    _counted(connection, "")  # makes FTS5 write what it holds back: the records below tell all
    state = b"".join(
        bytes(row[0])
        for row in connection.execute(
            "SELECT block FROM postings_data WHERE id IN (?, ?) ORDER BY id",
            (_AVERAGES_ID, _STRUCTURE_ID),
        )
    )
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS counted_state (state BLOB)")
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS counted (term TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID"
    )
    if connection.execute("SELECT state FROM temp.counted_state").fetchall() != [(state,)]:
        connection.execute("DELETE FROM temp.counted")
        connection.execute("DELETE FROM temp.counted_state")
        connection.execute("INSERT INTO temp.counted_state VALUES (?)", (state,))


def _narrow(present: Mapping[str, int], limit: int) -> str:
    """Return a query for the rarest terms, of `limit` postings together, or two of the others.

    One of the two is the rarest of the others. Of Chinese the bigrams count: their characters stand
    wherever they do.
    """
    terms = sorted(informative_terms(present), key=lambda term: present[term])
    reached = list(accumulate(present[term] for term in terms))
    n_rare = sum(n <= limit for n in reached)
    rare, common = terms[:n_rare], terms[n_rare:]
    if len(common) > 1:
        both = f"({_any_of(common[:1])} AND ({_any_of(common[1:])}))"
        return f"{_any_of(rare)} OR {both}" if rare else both
    return _any_of(rare or common)


def _any_of(terms: Sequence[str]) -> str:
    return " OR ".join(f'"{term.replace(chr(34), chr(34) * 2)}"' for term in terms)


def _match(
    connection: sqlite3.Connection, query: str, k: int, allowed: str | None
) -> list[tuple[int, float]]:
    if not query:
        return []
    # the plus sign keeps SQLite from running the match anew for each allowed row
    among = "" if allowed is None else " AND +rowid IN (SELECT value FROM json_each(?))"
    rows = connection.execute(
        f"SELECT rowid, -bm25(postings) FROM postings WHERE postings MATCH ?{among}"
        " ORDER BY 2 DESC, 1 LIMIT ?",
        (query, k) if allowed is None else (query, allowed, k),
    )
    return [(int(row[0]), max(float(row[1]), 0.0)) for row in rows]


def _scored(
    connection: sqlite3.Connection, found: Sequence[tuple[int, float]], known: Statistics
) -> list[tuple[int, float]]:
    """Return the passages found with their BM25 scores by all `known` terms, best first.

    FTS5 can score only what it matches: this is its formula over the same numbers.
    """
    mean_length = known.n_terms / max(known.n_passages, 1)
    idf = {
        term: max(math.log((known.n_passages - n + 0.5) / (n + 0.5)), _LEAST_IDF)
        for term, n in known.frequencies.items()
        if n
    }
    rows = connection.execute(
        "SELECT rowid, terms FROM postings WHERE rowid IN (SELECT value FROM json_each(?))",
        (json.dumps([passage_id for passage_id, _ in found]),),
    )
    scored = []
    for passage_id, text in rows:
        words = text.split(" ")
        counts = Counter(filter(idf.__contains__, words))
        norm = _K1 * (1 - _B + _B * len(words) / mean_length)
        score = sum(idf[term] * n * (_K1 + 1) / (n + norm) for term, n in counts.items())
        scored.append((int(passage_id), score))
    return sorted(scored, key=lambda item: (-item[1], item[0]))


def _averages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many passages have postings, and how many terms they have together.

    Read from FTS5's averages record, two varints: SQLite has no function that tells them.
    """
    _counted(connection, "")  # makes FTS5 write what it holds back
    row = connection.execute(
        "SELECT block FROM postings_data WHERE id = ?", (_AVERAGES_ID,)
    ).fetchone()
    numbers, value = [], 0
    for byte in bytes(row[0]) if row else b"":
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    n_passages, n_terms = numbers or (0, 0)
    return n_passages, n_terms
