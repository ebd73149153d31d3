"""Rows of chunks: the places in documents where passages stand, and their look-up by passage."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from ragapp.chunkstore import passages
from ragapp.chunkstore.documents import page_spans, stored_metadata
from ragapp.chunkstore.failpoints import reach
from ragapp.places import PageSpan, Place
from ragapp.types import INSTRUCTIONS_KEY, Chunk

MAX_PLACES = 20  # at which a passage is shown to stand, beside the first

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # as the filter `date` reads it
_SELECT = """
    SELECT p.id, d.id, c.ordinal, c.start, c.end, p.text, c.page, p.heading, c.language,
        d.title, d.pages, d.metadata,
        (SELECT json_group_array(path) FROM
            (SELECT path FROM sources WHERE document_id = d.id ORDER BY seq))
    FROM chunks c JOIN documents d ON d.seq = c.document_seq JOIN passages p ON p.id = c.passage_id
"""
_FIRST_OF_PASSAGES = """
    JOIN (
        SELECT document_seq, ordinal,
            row_number() OVER (
                PARTITION BY passage_id
                ORDER BY document_seq || ':' || ordinal NOT IN (SELECT value FROM json_each(?)),
                    document_seq, ordinal
            ) AS place
        FROM chunks WHERE passage_id IN (SELECT value FROM json_each(?))
    ) f ON f.document_seq = c.document_seq AND f.ordinal = c.ordinal
    WHERE f.place <= ? ORDER BY p.id, f.place
"""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with what its document knows, and where else its passage stands.

    `row_id` is the passage's. `sources` are the paths that hold the chunk's document, the first
    ingested first; `places` are those of other documents (at most 20), in the same order.
    `collection` names the chunk's where several are searched, else "". `date` is the one that its
    document declares, as YYYY-MM-DD, "" for none.
    """

    row_id: int
    chunk: Chunk
    title: str
    sources: tuple[str, ...]
    page_spans: tuple[PageSpan, ...]
    has_instructions: bool = False
    places: tuple[Place, ...] = ()
    collection: str = ""
    date: str = ""


def insert_chunks(
    connection: sqlite3.Connection, document_seq: int, chunks: Sequence[Chunk]
) -> list[int]:
    """Store a document's chunks with their passages and postings; return the passages' ids.

    The ids are in the order of the chunks; equal chunks have one passage. The document's title
    counts as part of every passage for full-text search.
    """
    passage_ids, new = passages.hold(connection, chunks)
    connection.executemany(
        "INSERT INTO chunks (document_seq, ordinal, passage_id, start, end, page, language, sha256)"
        " VALUES (?,?,?,?,?,?,?,?)",
        [
            (
                document_seq,
                chunk.ordinal,
                passage_id,
                chunk.start,
                chunk.end,
                chunk.page,
                chunk.language,
                row_sha256(chunk),
            )
            for passage_id, chunk in zip(passage_ids, chunks, strict=True)
        ],
    )
    reach("chunks.inserted")
    passages.put_postings(connection, passage_ids, document_seq=document_seq, new=new)
    return passage_ids


def get_chunks(
    connection: sqlite3.Connection,
    passage_ids: Sequence[int],
    *,
    first: Mapping[int, tuple[int, int, str]] | None = None,
) -> dict[int, StoredChunk]:
    """Return for each of the passages still stored the first chunk that holds it, by passage.

    `first` names by passage another chunk to begin with, by its document's sequence number and its
    ordinal, and the source to name first.
    """
    first = first or {}
    to_begin_with = json.dumps([f"{seq}:{ordinal}" for seq, ordinal, _ in first.values()])
    rows = connection.execute(
        _SELECT + _FIRST_OF_PASSAGES, (to_begin_with, json.dumps(list(passage_ids)), MAX_PLACES + 1)
    )
    found = {int(row_id): _with_places(held) for row_id, held in groupby(rows, lambda row: row[0])}
    for passage_id in first.keys() & found.keys():
        found[passage_id] = _with_source_first(found[passage_id], first[passage_id][2])
    return found


def chunks_of_document(connection: sqlite3.Connection, document_id: str) -> list[StoredChunk]:
    """Return a document's chunks in order, without the other places of their passages."""
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


def sampled_texts(connection: sqlite3.Connection, languages: Sequence[str], n: int) -> list[str]:
    """Return the texts of up to `n` chunks of these languages, spread evenly over all of them."""
    values = (json.dumps(list(languages)),)
    among = "FROM chunks WHERE language IN (SELECT value FROM json_each(?))"
    total = int(connection.execute(f"SELECT count(*) {among}", values).fetchone()[0])
    rows = connection.execute(
        "SELECT p.text FROM (SELECT passage_id, row_number() OVER"
        f" (ORDER BY document_seq, ordinal) - 1 AS place {among}) c"
        " JOIN passages p ON p.id = c.passage_id WHERE place % ? = 0 ORDER BY place LIMIT ?",
        (*values, max(total // n, 1), n),
    )
    return [str(row[0]) for row in rows]


def damaged_chunks(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the ids of chunks whose row or passage no longer matches its SHA-256."""
    rows = connection.execute(
        "SELECT d.id, c.ordinal, c.start, c.end, p.text, c.page, p.heading, c.language, c.sha256"
        " FROM chunks c JOIN documents d ON d.seq = c.document_seq"
        " JOIN passages p ON p.id = c.passage_id ORDER BY d.seq, c.ordinal"
    )
    for row in rows:
        chunk = Chunk(*row[:8])
        if row_sha256(chunk) != row[8]:
            yield chunk.id


def row_sha256(chunk: Chunk) -> bytes:
    """Return the hash that detects a damaged row: of the text, its place and its heading."""
    place = f"{chunk.document_id}\0{chunk.ordinal}\0{chunk.start}\0{chunk.end}\0{chunk.page}"
    return sha256(f"{place}\0{chunk.heading}\0{chunk.text}".encode()).digest()


def _with_places(rows: Iterable[Sequence[str]]) -> StoredChunk:
    first, *others = map(_stored, rows)
    return StoredChunk(
        row_id=first.row_id,
        chunk=first.chunk,
        title=first.title,
        sources=first.sources,
        page_spans=first.page_spans,
        has_instructions=first.has_instructions,
        date=first.date,
        places=tuple(place for other in others for place in places_of(other))[:MAX_PLACES],
    )


def _with_source_first(stored: StoredChunk, source: str) -> StoredChunk:
    others = tuple(path for path in stored.sources if path != source)
    return replace(stored, sources=(source, *others) if source else others)


def places_of(stored: StoredChunk) -> list[Place]:
    """Return where a chunk stands, once for each source that holds its document."""
    chunk, spans = stored.chunk, stored.page_spans
    where = (chunk.document_id, chunk.page, chunk.start, chunk.end)
    return [
        Place(source, *where, page_spans=spans, collection=stored.collection)
        for source in stored.sources
    ]


def _stored(row: Sequence[str]) -> StoredChunk:
    metadata = stored_metadata(row[11])
    date = _ISO_DATE.match(metadata.get("date", ""))
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
        has_instructions=INSTRUCTIONS_KEY in metadata,
        date=date.group() if date else "",
    )
