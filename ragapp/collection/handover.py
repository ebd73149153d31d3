"""What a source holds, and what becomes of a document that no source holds any more."""

from __future__ import annotations

import sqlite3

from ragapp.chunkstore import documents, sources
from ragapp.chunkstore.sources import Source


def hand_over(connection: sqlite3.Connection, source: Source) -> None:
    """Store `source`; the document that it held before goes when no other source holds it."""
    before = sources.get_source(connection, source.path)
    sources.put_source(connection, source)
    if before is not None and before.document_id != source.document_id:
        release(connection, before.document_id)


def release(connection: sqlite3.Connection, document_id: str | None) -> None:
    """Delete a document that no source holds."""
    if document_id is not None and not sources.sources_of_document(connection, document_id):
        documents.delete_document(connection, document_id)
