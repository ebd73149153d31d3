"""Rows of documents and the links between near-duplicates."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from ragapp.chunkstore import passages
from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.signed import signed, unsigned
from ragapp.errors import CollectionDamagedError
from ragapp.places import PageSpan
from ragapp.stored import DocumentInfo, Near
from ragapp.types import Document, Heading


class _Row(NamedTuple):
    """The columns of a document's row that its hash covers."""

    id: str
    title: str
    format: str
    language: str
    text: str
    pages: str
    headings: str
    metadata: str

    def sha256(self) -> bytes:
        """Return the hash that detects a damaged row."""
        return sha256("\0".join(str(value) for value in self).encode()).digest()


_INFO = """
    SELECT d.id, d.title, d.format, d.language, d.pages, d.n_chunks, d.n_characters, d.added_at,
        (SELECT json_group_array(path) FROM
            (SELECT path FROM sources WHERE document_id = d.id ORDER BY seq)),
        (SELECT json_group_array(json_array(other, kind)) FROM (
            SELECT other_id AS other, kind FROM near_duplicates WHERE document_id = d.id
            UNION SELECT document_id, kind FROM near_duplicates WHERE other_id = d.id
            ORDER BY other))
    FROM documents d
"""


def insert_document(
    connection: sqlite3.Connection, document: Document, *, n_chunks: int, added_at: str
) -> int:
    """Store a document's row and return its sequence number. `added_at` is ISO 8601."""
    columns = _Row(
        id=document.id,
        title=document.title,
        format=document.format,
        language=document.language,
        text=document.text,
        pages=json.dumps([(span.number, span.start, span.end) for span in document.pages]),
        headings=json.dumps([(h.level, h.start, h.end) for h in document.headings]),
        metadata=json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
    )
    fingerprint = None if document.fingerprint is None else signed(document.fingerprint)
    cursor = connection.execute(
        f"INSERT INTO documents ({', '.join(_Row._fields)}, fingerprint, n_characters, n_chunks,"
        " added_at, sha256) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (*columns, fingerprint, len(document.text), n_chunks, added_at, columns.sha256()),
    )
    reach("document.inserted")
    return int(cursor.lastrowid or 0)


def get_document(connection: sqlite3.Connection, document_id: str) -> Document | None:
    """Return the stored document, None if there is none of that id."""
    row = connection.execute(
        f"SELECT {', '.join(_Row._fields)}, fingerprint,"
        " (SELECT path FROM sources WHERE document_id = documents.id ORDER BY seq LIMIT 1)"
        " FROM documents WHERE id = ?",
        (document_id,),
    ).fetchone()
    if row is None:
        return None
    columns, fingerprint, source = _Row(*row[:8]), row[8], row[9]
    return Document(
        id=columns.id,
        source=source or "",
        title=columns.title,
        text=columns.text,
        format=columns.format,
        language=columns.language,
        pages=page_spans(columns.pages),
        headings=tuple(
            Heading(level, start, end, columns.text[start:end])
            for level, start, end in _stored_list(columns.headings, n_columns=3)
        ),
        metadata=stored_metadata(columns.metadata),
        fingerprint=None if fingerprint is None else unsigned(fingerprint),
    )


def text_between(
    connection: sqlite3.Connection, document_id: str, start: int, end: int
) -> str | None:
    """Return ``[start, end)`` of a document's text, None where it is not stored."""
    row = connection.execute(
        "SELECT substr(text, ?, ?) FROM documents WHERE id = ?",
        (start + 1, end - start, document_id),
    ).fetchone()
    return None if row is None else str(row[0])


def damaged_documents(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the ids of documents whose row no longer matches its SHA-256."""
    for row in connection.execute(f"SELECT {', '.join(_Row._fields)}, sha256 FROM documents"):
        columns = _Row(*row[:8])
        if columns.sha256() != row[8]:
            yield columns.id


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


def count_by_format(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of documents of each format, the most frequent first."""
    rows = connection.execute(
        "SELECT format, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return {str(name): int(count) for name, count in rows}


def delete_document(connection: sqlite3.Connection, document_id: str) -> list[int]:
    """Delete a document with its chunks; return the ids of the passages that went with them.

    What other documents hold too stays, with its vectors and postings.
    """
    row = connection.execute(
        "SELECT seq, title FROM documents WHERE id = ?", (document_id,)
    ).fetchone()
    if row is None:
        return []
    seq, title = int(row[0]), str(row[1])
    held = connection.execute("SELECT passage_id FROM chunks WHERE document_seq = ?", (seq,))
    passage_ids = [int(found[0]) for found in held]
    connection.execute("DELETE FROM chunks WHERE document_seq = ?", (seq,))
    reach("document.chunks_deleted")
    connection.execute("DELETE FROM documents WHERE seq = ?", (seq,))
    reach("document.deleted")
    return passages.release(connection, passage_ids, title=title)


def fingerprints(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return (document id, unsigned 64-bit SimHash) of all documents that have one."""
    rows = connection.execute(
        "SELECT id, fingerprint FROM documents WHERE fingerprint IS NOT NULL ORDER BY seq"
    )
    return [(str(row[0]), unsigned(int(row[1]))) for row in rows]


def link_near_duplicates(
    connection: sqlite3.Connection, document_id: str, near: Iterable[Near]
) -> None:
    """Store which documents a document is near."""
    connection.executemany(
        "INSERT OR REPLACE INTO near_duplicates"
        " (document_id, other_id, distance, jaccard, kind) VALUES (?,?,?,?,?)",
        [
            (document_id, other.document_id, other.distance, other.jaccard, other.kind)
            for other in near
        ],
    )


def page_spans(text: str) -> tuple[PageSpan, ...]:
    """Return the page spans that a row's JSON holds."""
    return tuple(PageSpan(*place) for place in _stored_list(text, n_columns=3))


def revision_sources(connection: sqlite3.Connection, document_id: str) -> tuple[str, ...]:
    """Return the first source of each document that states other facts in nearly the same words."""
    rows = connection.execute(
        "SELECT (SELECT path FROM sources WHERE document_id = linked.id ORDER BY seq LIMIT 1) path"
        " FROM (SELECT other_id AS id FROM near_duplicates WHERE document_id = ?1"
        " AND kind = 'revision' UNION SELECT document_id FROM near_duplicates WHERE other_id = ?1"
        " AND kind = 'revision') linked ORDER BY path",
        (document_id,),
    )
    return tuple(str(path) for (path,) in rows if path is not None)


def _info(row: Sequence[str]) -> DocumentInfo:
    linked = json.loads(row[9])
    return DocumentInfo(
        id=row[0],
        title=row[1],
        sources=tuple(json.loads(row[8])),
        format=row[2],
        language=row[3],
        n_pages=len(page_spans(row[4])),
        n_chunks=int(row[5]),
        n_characters=int(row[6]),
        added_at=row[7],
        near_duplicates=tuple(other for other, kind in linked if kind == "near"),
        revisions=tuple(other for other, kind in linked if kind == "revision"),
    )


def _stored_list(text: str, *, n_columns: int) -> list[tuple[int, ...]]:
    """Return the rows of integers that a column's JSON holds. Raises CollectionDamagedError."""
    try:
        rows = [tuple(int(value) for value in row) for row in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise _damaged(text) from error
    if any(len(row) != n_columns for row in rows):
        raise _damaged(text)
    return rows


def stored_metadata(text: str) -> dict[str, str]:
    """Return the metadata that a row's JSON holds. Raises CollectionDamagedError."""
    try:
        return {str(key): str(value) for key, value in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise _damaged(text) from error


def _damaged(text: str) -> CollectionDamagedError:
    return CollectionDamagedError(
        f"a stored document is damaged: {text[:40]!r} is not what was written",
        hint="see ragapp doctor --deep; restore a backup, or ingest into a new collection",
    )
