"""Rows of chunks: their text, their place in the document, and look-up by id."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ragapp.analysis import terms_of
from ragapp.chunkstore.documents import page_spans, stored_metadata
from ragapp.chunkstore.failpoints import reach
from ragapp.types import INSTRUCTIONS_KEY, Chunk, PageSpan

_SELECT = """
    SELECT c.id, d.id, c.ordinal, c.start, c.end, c.text, c.page, c.heading, c.language,
        d.title, d.pages, d.metadata,
        (SELECT json_group_array(path) FROM
            (SELECT path FROM sources WHERE document_id = d.id ORDER BY seq))
    FROM chunks c JOIN documents d ON d.seq = c.document_seq
"""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with what its document knows. `sources` are the paths that hold it, first first."""

    row_id: int
    chunk: Chunk
    title: str
    sources: tuple[str, ...]
    page_spans: tuple[PageSpan, ...]
    has_instructions: bool = False


def insert_chunks(
    connection: sqlite3.Connection, document_seq: int, title: str, chunks: Sequence[Chunk]
) -> list[int]:
    """Store a document's chunks with their postings and return their row ids, in order.

    The title counts as part of every chunk for full-text search.
    """
    row_ids = []
    for chunk in chunks:
        cursor = connection.execute(
            "INSERT INTO chunks (document_seq, ordinal, start, end, page, heading, language, text,"
            " embedded_sha256, sha256) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                document_seq,
                chunk.ordinal,
                chunk.start,
                chunk.end,
                chunk.page,
                chunk.heading,
                chunk.language,
                chunk.text,
                embedded_sha256(chunk),
                row_sha256(chunk),
            ),
        )
        row_ids.append(int(cursor.lastrowid or 0))
    reach("chunks.inserted")
    connection.executemany(
        "INSERT INTO postings (rowid, terms) VALUES (?, ?)",
        [
            (row_id, " ".join(terms_of(f"{title}\n{chunk.embedded_text}")))
            for row_id, chunk in zip(row_ids, chunks, strict=True)
        ],
    )
    reach("postings.inserted")
    return row_ids


def get_chunks(connection: sqlite3.Connection, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
    """Return the chunks of `row_ids` that are still stored, by row id."""
    rows = connection.execute(
        _SELECT + " WHERE c.id IN (SELECT value FROM json_each(?))", (json.dumps(list(row_ids)),)
    )
    return {int(row[0]): _stored(row) for row in rows}


def chunks_of_document(connection: sqlite3.Connection, document_id: str) -> list[StoredChunk]:
    """Return a document's chunks in order."""
    rows = connection.execute(_SELECT + " WHERE d.id = ? ORDER BY c.ordinal", (document_id,))
    return [_stored(row) for row in rows]


def count_chunks(connection: sqlite3.Connection) -> int:
    """Return how many chunks are stored."""
    return int(connection.execute("SELECT count(*) FROM chunks").fetchone()[0])


def count_by_language(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of chunks of each language, the most frequent first."""
    rows = connection.execute(
        "SELECT language, count(*) FROM chunks GROUP BY language ORDER BY 2 DESC, 1"
    )
    return {str(row[0]): int(row[1]) for row in rows}


def damaged_chunks(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the ids of chunks whose row no longer matches its SHA-256."""
    rows = connection.execute(
        "SELECT d.id, c.ordinal, c.start, c.end, c.text, c.page, c.heading, c.language, c.sha256"
        " FROM chunks c JOIN documents d ON d.seq = c.document_seq"
    )
    for row in rows:
        chunk = Chunk(*row[:8])
        if row_sha256(chunk) != row[8]:
            yield chunk.id


def embedded_sha256(chunk: Chunk) -> bytes:
    """Return the hash under which the chunk's vector can be reused."""
    return sha256(chunk.embedded_text.encode()).digest()


def row_sha256(chunk: Chunk) -> bytes:
    """Return the hash that detects a damaged row: of the text, its place and its heading."""
    place = f"{chunk.document_id}\0{chunk.ordinal}\0{chunk.start}\0{chunk.end}\0{chunk.page}"
    return sha256(f"{place}\0{chunk.heading}\0{chunk.text}".encode()).digest()


def _stored(row: Sequence[str]) -> StoredChunk:
    return StoredChunk(
        row_id=int(row[0]),
        chunk=Chunk(
            document_id=row[1],
            ordinal=int(row[2]),
            start=int(row[3]),
            end=int(row[4]),
            text=row[5],
            page=None if row[6] is None else int(row[6]),
            heading=row[7],
            language=row[8],
        ),
        title=row[9],
        sources=tuple(json.loads(row[12])),
        page_spans=page_spans(row[10]),
        has_instructions=INSTRUCTIONS_KEY in stored_metadata(row[11]),
    )
