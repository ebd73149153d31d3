"""Hits over a made document, for the parts that read hits and never the collection."""

from __future__ import annotations

from ragapp.places import PageSpan
from ragapp.types import Hit


def make_hit(text, *, rank=1, document="d1", before="", page=None, pages=(), **values):
    """Return a hit whose text stands after `before` in its document."""
    return Hit(
        **{
            "rank": rank,
            "score": 1.0 / rank,
            "document_id": document,
            "source": f"{document}.txt",
            "title": f"Title {document}",
            "page": page,
            "heading": "",
            "chunk_id": f"{document}-{rank:04d}",
            "start": len(before),
            "end": len(before) + len(text),
            "text": text,
            "page_spans": tuple(PageSpan(*span) for span in pages),
        }
        | values
    )
