"""Rows of passages: texts that stand in one chunk or in many, stored and searched once.

A passage lives as long as a chunk holds it. Its id never changes, whichever document goes, so the
index keeps its vector in place.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256

from ragapp.analysis import terms_of
from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.signed import signed, unsigned
from ragapp.stored import NearPassage
from ragapp.types import Chunk

MAX_TITLES = 8  # of the documents that hold a passage, that count as part of it in full text


def key_of(heading: str, text: str) -> bytes:
    """Return the hash under which a passage is found: of its heading path and its text."""
    return sha256(f"{heading}\0{text}".encode()).digest()


def hold(connection: sqlite3.Connection, pieces: Sequence[Chunk]) -> tuple[list[int], set[int]]:
    """Return the ids of the passages of `pieces`, in order, and which of them are stored anew."""
    ids: list[int] = []
    new: set[int] = set()
    for piece in pieces:
        key = key_of(piece.heading, piece.text)
        row = connection.execute("SELECT id FROM passages WHERE key = ?", (key,)).fetchone()
        if row is None:
            cursor = connection.execute(
                "INSERT INTO passages (key, heading, text) VALUES (?, ?, ?)",
                (key, piece.heading, piece.text),
            )
            row = (int(cursor.lastrowid or 0),)
            new.add(row[0])
        ids.append(int(row[0]))
    reach("passages.held")
    return ids, new


def release(connection: sqlite3.Connection, ids: Iterable[int], *, title: str) -> list[int]:
    """Delete those of the passages that no chunk holds any more; return their ids.

    The other ones lose `title`, of the document that held them, unless another one has it too.
    """
    unheld = []
    for passage_id in sorted(set(ids)):
        titles = _titles(connection, passage_id)
        if not titles:
            unheld.append(passage_id)
        elif title not in titles or len(titles) == MAX_TITLES:
            _put_posting(connection, passage_id, titles)
    rows = [(passage_id,) for passage_id in unheld]
    connection.executemany("DELETE FROM postings WHERE rowid = ?", rows)
    reach("passages.postings_deleted")
    connection.executemany("INSERT INTO removed_passages (passage_id) VALUES (?)", rows)
    reach("passages.noted_as_removed")
    connection.executemany("DELETE FROM passages WHERE id = ?", rows)
    reach("passages.deleted")
    return unheld


def put_postings(
    connection: sqlite3.Connection, ids: Iterable[int], *, document_seq: int, new: set[int]
) -> None:
    """Store the full-text terms of a document's passages: of titles, heading path and text.

    Those that were stored before gain the document's title, where it is none of theirs.
    """
    for passage_id in sorted(set(ids)):
        if passage_id in new or not _has_title_of(connection, passage_id, document_seq):
            _put_posting(connection, passage_id, _titles(connection, passage_id))
    reach("postings.inserted")


def renew_postings(connection: sqlite3.Connection) -> None:
    """Store the full-text terms of all passages anew."""
    rows = connection.execute("SELECT id FROM passages ORDER BY id").fetchall()
    for (passage_id,) in rows:
        _put_posting(connection, passage_id, _titles(connection, passage_id))


def count_passages(connection: sqlite3.Connection) -> int:
    """Return how many passages are stored."""
    return int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])


def passage_text(connection: sqlite3.Connection, passage_id: int) -> str | None:
    """Return a passage's text, None where it is gone."""
    row = connection.execute("SELECT text FROM passages WHERE id = ?", (passage_id,)).fetchone()
    return None if row is None else str(row[0])


def keys_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the key of each of the passages `ids` that is stored."""
    rows = connection.execute(
        "SELECT id, key FROM passages WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {int(row[0]): bytes(row[1]) for row in rows}


def ids_of_keys(connection: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, int]:
    """Return the id of the passage of each of the keys that is stored."""
    found = {}
    for key in keys:
        row = connection.execute("SELECT id FROM passages WHERE key = ?", (key,)).fetchone()
        if row is not None:
            found[key] = int(row[0])
    return found


# --- near-duplicates among them


def passage_fingerprints(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return (id, unsigned 64-bit SimHash) of all passages that were compared and have one."""
    rows = connection.execute(
        "SELECT id, fingerprint FROM passages WHERE fingerprint IS NOT NULL ORDER BY id"
    )
    return [(int(row[0]), unsigned(int(row[1]))) for row in rows]


def uncompared_passages(connection: sqlite3.Connection, n: int) -> list[tuple[int, str]]:
    """Return (id, text) of the oldest `n` passages that were not compared with the others yet."""
    rows = connection.execute(
        "SELECT id, text FROM passages WHERE is_compared = 0 ORDER BY id LIMIT ?", (n,)
    )
    return [(int(row[0]), str(row[1])) for row in rows]


def put_comparison(
    connection: sqlite3.Connection,
    passage_id: int,
    fingerprint: int | None,
    near: Iterable[NearPassage],
) -> None:
    """Store a passage's SimHash and which passages it is near: it is compared from now on."""
    connection.execute(
        "UPDATE passages SET fingerprint = ?, is_compared = 1 WHERE id = ?",
        (None if fingerprint is None else signed(fingerprint), passage_id),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO near_passages (passage_id, other_id, distance, jaccard, kind)"
        " VALUES (?,?,?,?,?)",
        [(passage_id, o.passage_id, o.distance, o.jaccard, o.kind) for o in near],
    )
    reach("passages.compared")


def near_passages(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return for each passage of `ids` the ids of those that say the same, in order."""
    rows = connection.execute(
        "SELECT passage_id, other_id FROM near_passages"
        " WHERE kind = 'near' AND passage_id IN (SELECT value FROM json_each(?1))"
        " UNION SELECT other_id, passage_id FROM near_passages"
        " WHERE kind = 'near' AND other_id IN (SELECT value FROM json_each(?1)) ORDER BY 1, 2",
        (json.dumps(list(ids)),),
    )
    near: dict[int, list[int]] = {passage_id: [] for passage_id in ids}
    for passage_id, other_id in rows:
        near[int(passage_id)].append(int(other_id))
    return near


def _titles(connection: sqlite3.Connection, passage_id: int) -> list[str]:
    """Return the titles of the first documents that hold a passage; [] where none does."""
    rows = connection.execute(
        "SELECT d.title FROM documents d WHERE d.seq IN"
        " (SELECT DISTINCT document_seq FROM chunks WHERE passage_id = ? ORDER BY 1 LIMIT ?)"
        " ORDER BY d.seq",
        (passage_id, MAX_TITLES),
    )
    return list(dict.fromkeys(str(row[0]) for row in rows))


def _has_title_of(connection: sqlite3.Connection, passage_id: int, document_seq: int) -> bool:
    """Tell whether another document of the same title holds the passage."""
    row = connection.execute(
        "SELECT 1 FROM chunks c JOIN documents d ON d.seq = c.document_seq WHERE c.passage_id = ?1"
        " AND d.seq != ?2 AND d.title = (SELECT title FROM documents WHERE seq = ?2) LIMIT 1",
        (passage_id, document_seq),
    ).fetchone()
    return row is not None


def _put_posting(connection: sqlite3.Connection, passage_id: int, titles: Sequence[str]) -> None:
    heading, text = connection.execute(
        "SELECT heading, text FROM passages WHERE id = ?", (passage_id,)
    ).fetchone()
    terms = " ".join(terms_of("\n".join([*titles, heading, text])))
    connection.execute(
        "INSERT OR REPLACE INTO postings (rowid, terms) VALUES (?, ?)", (passage_id, terms)
    )
