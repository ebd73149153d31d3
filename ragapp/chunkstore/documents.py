"""Rows of documents and the links between near-duplicates."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from ragapp.types import Document, DocumentInfo, Heading, PageSpan

_SIGN = 1 << 63
_INFO = """
    SELECT d.id, d.title, d.format, d.language, d.pages, d.n_chunks, d.n_characters, d.added_at,
        (SELECT json_group_array(path) FROM
            (SELECT path FROM sources WHERE document_id = d.id ORDER BY seq)),
        (SELECT json_group_array(other) FROM (
            SELECT other_id AS other FROM near_duplicates WHERE document_id = d.id
            UNION SELECT document_id FROM near_duplicates WHERE other_id = d.id ORDER BY other))
    FROM documents d
"""


def insert_document(
    connection: sqlite3.Connection, document: Document, *, n_chunks: int, added_at: str
) -> int:
    """Store a document's row and return its sequence number. `added_at` is ISO 8601."""
    cursor = connection.execute(
        "INSERT INTO documents (id, title, format, language, text, pages, headings, metadata,"
        " fingerprint, n_characters, n_chunks, added_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            document.id,
            document.title,
            document.format,
            document.language,
            document.text,
            json.dumps([(span.number, span.start, span.end) for span in document.pages]),
            json.dumps([(h.level, h.start, h.end) for h in document.headings]),
            json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
            None if document.fingerprint is None else _signed(document.fingerprint),
            len(document.text),
            n_chunks,
            added_at,
        ),
    )
    return int(cursor.lastrowid or 0)


def get_document(connection: sqlite3.Connection, document_id: str) -> Document | None:
    """Return the stored document, None if there is none of that id."""
    row = connection.execute(
        "SELECT id, title, format, language, text, pages, headings, metadata, fingerprint,"
        " (SELECT path FROM sources WHERE document_id = documents.id ORDER BY seq LIMIT 1)"
        " FROM documents WHERE id = ?",
        (document_id,),
    ).fetchone()
    if row is None:
        return None
    text = row[4]
    return Document(
        id=row[0],
        source=row[9] or "",
        title=row[1],
        text=text,
        format=row[2],
        language=row[3],
        pages=page_spans(row[5]),
        headings=tuple(
            Heading(lv, start, end, text[start:end]) for lv, start, end in json.loads(row[6])
        ),
        metadata=json.loads(row[7]),
        fingerprint=None if row[8] is None else row[8] % (1 << 64),
    )


def document_seq(connection: sqlite3.Connection, document_id: str) -> int | None:
    """Return the sequence number of a document, None if it is not stored."""
    row = connection.execute("SELECT seq FROM documents WHERE id = ?", (document_id,)).fetchone()
    return None if row is None else int(row[0])


def list_documents(connection: sqlite3.Connection) -> list[DocumentInfo]:
    """Return all documents in the order in which they were added."""
    return [_info(row) for row in connection.execute(_INFO + " ORDER BY d.seq")]


def document_info(connection: sqlite3.Connection, document_id: str) -> DocumentInfo | None:
    """Return the facts of one document, None if it is not stored."""
    row = connection.execute(_INFO + " WHERE d.id = ?", (document_id,)).fetchone()
    return None if row is None else _info(row)


def count_documents(connection: sqlite3.Connection) -> int:
    """Return how many documents are stored."""
    return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])


def delete_document(connection: sqlite3.Connection, document_id: str) -> list[int]:
    """Delete a document with its chunks, vectors and postings; return the ids of its chunks."""
    rows = connection.execute(
        "SELECT c.id FROM chunks c JOIN documents d ON d.seq = c.document_seq WHERE d.id = ?",
        (document_id,),
    ).fetchall()
    chunk_ids = [(int(row[0]),) for row in rows]
    connection.executemany("DELETE FROM postings WHERE rowid = ?", chunk_ids)
    connection.executemany("INSERT INTO removed_chunks (chunk_id) VALUES (?)", chunk_ids)
    connection.executemany("DELETE FROM chunks WHERE id = ?", chunk_ids)
    connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
    return [chunk_id for (chunk_id,) in chunk_ids]


def fingerprints(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return (document id, unsigned 64-bit SimHash) of all documents that have one."""
    rows = connection.execute(
        "SELECT id, fingerprint FROM documents WHERE fingerprint IS NOT NULL ORDER BY seq"
    )
    return [(str(row[0]), int(row[1]) % (1 << 64)) for row in rows]


def link_near_duplicates(
    connection: sqlite3.Connection, document_id: str, near: Iterable[tuple[int, str]]
) -> None:
    """Store that a document is near each (Hamming distance in bits, other document id)."""
    connection.executemany(
        "INSERT OR REPLACE INTO near_duplicates (document_id, other_id, distance) VALUES (?,?,?)",
        [(document_id, other_id, distance) for distance, other_id in near],
    )


def page_spans(text: str) -> tuple[PageSpan, ...]:
    """Return the page spans that a row's JSON holds."""
    return tuple(PageSpan(number, start, end) for number, start, end in json.loads(text))


def _info(row: Sequence[str]) -> DocumentInfo:
    return DocumentInfo(
        id=row[0],
        title=row[1],
        sources=tuple(json.loads(row[8])),
        format=row[2],
        language=row[3],
        n_pages=len(json.loads(row[4])),
        n_chunks=int(row[5]),
        n_characters=int(row[6]),
        added_at=row[7],
        near_duplicates=tuple(json.loads(row[9])),
    )


def _signed(fingerprint: int) -> int:
    """Return the unsigned 64-bit value as SQLite's signed integer."""
    return fingerprint - (1 << 64) if fingerprint >= _SIGN else fingerprint
