"""The changes that a collection can undergo, each inside the caller's one transaction.

A document lives as long as a source holds it: a change of sources may take a document with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from ragapp.chunkstore import chunks, documents, sources
from ragapp.chunkstore.sources import Source
from ragapp.errors import NotFoundError
from ragapp.stored import Near
from ragapp.types import Chunk, Document


def store_document(
    connection: sqlite3.Connection,
    document: Document,
    pieces: Sequence[Chunk],
    *,
    near: Sequence[Near],
) -> list[int]:
    """Store a document anew with its chunks; return the ids of the
    chunks' passages, in order.
    """
    if documents.document_seq(connection, document.id) is not None:
        documents.delete_document(connection, document.id)  # cut anew, same text
    added_at = datetime.now(UTC).isoformat(timespec="seconds")
    seq = documents.insert_document(connection, document, n_chunks=len(pieces), added_at=added_at)
    passage_ids = chunks.insert_chunks(connection, seq, pieces)
    documents.link_near_duplicates(connection, document.id, near)
    return passage_ids


def hand_over(connection: sqlite3.Connection, source: Source) -> None:
    """Store `source`; the document that it held before goes when no other source holds it."""
    before = sources.get_source(connection, source.path)
    sources.put_source(connection, source)
    if before is not None and before.document_id != source.document_id:
        _release(connection, before.document_id)


def forget_source(connection: sqlite3.Connection, path: str) -> bool:
    """Forget a source; its document goes with the last source. Tell whether it was known."""
    known = sources.get_source(connection, path)
    if known is None:
        return False
    sources.delete_source(connection, path)
    _release(connection, known.document_id)
    return True


def forget_document(connection: sqlite3.Connection, document_id: str) -> tuple[str, ...]:
    """Delete a document and forget its sources; return their paths. Raises NotFoundError."""
    if documents.document_seq(connection, document_id) is None:
        raise NotFoundError(
            f"no document has the id {document_id!r}", hint="list them: ragapp docs list"
        )
    paths = sources.sources_of_document(connection, document_id)
    for path in paths:
        sources.delete_source(connection, path)
    documents.delete_document(connection, document_id)
    return tuple(paths)


def _release(connection: sqlite3.Connection, document_id: str | None) -> None:
    """Delete a document that no source holds."""
    if document_id is not None and not sources.sources_of_document(connection, document_id):
        documents.delete_document(connection, document_id)
