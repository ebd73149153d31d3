"""Documents cut into chunks, as ingestion would hand them to a collection."""

from __future__ import annotations

from hashlib import sha256

from fake_embedder import FakeEmbedder

from ragapp.collection import Collection, Source
from ragapp.places import PageSpan
from ragapp.types import Chunk, Document, Heading


class OtherFakeEmbedder(FakeEmbedder):
    """Gives vectors of the same dimension that have nothing to do with those of the fake."""

    def __init__(self, **values):
        super().__init__(**{"name": "other", **values})

    def embed_query(self, text):
        return super().embed_query(text)[::-1].copy()


def make_document(text, *, source="a.txt", title="Title", pages=(), headings=(), **values):
    """Return a document whose id is derived from its text alone."""
    return Document(
        id=sha256(text.encode()).hexdigest()[:16],
        source=source,
        title=title,
        text=text,
        format="txt",
        pages=tuple(PageSpan(*page) for page in pages),
        headings=tuple(Heading(level, a, b, text[a:b]) for level, a, b in headings),
        **values,
    )


def make_chunks(document, *, heading=""):
    """Return a chunk for each line of the document, with its page."""
    chunks, start = [], 0
    for line in document.text.splitlines(keepends=True):
        end = start + len(line.rstrip("\n"))
        page = next((p.number for p in document.pages if p.start <= start < p.end), None)
        if end > start:
            text = document.text[start:end]
            chunks.append(Chunk(document.id, len(chunks), start, end, text, page, heading, "en"))
        start += len(line)
    return chunks


def make_source(path, document_id=None, *, failure="", reason=""):
    return Source(path, document_id, b"\x01" * 32, 3, 4, "recipe", failure, reason)


def opened(directory, embedder=None, **options) -> Collection:
    """Return the collection in `directory`, its vectors made by the fake embedder."""
    collection = Collection.open(directory, **options)
    collection.use_embedder((embedder or FakeEmbedder()).identity)
    return collection


def add(collection, text, *, path="a.txt", embedder=None, **values):
    """Store a text whose lines are its chunks; return the document."""
    document = make_document(text, source=path, **values)
    chunks = make_chunks(document)
    vectors = (embedder or FakeEmbedder()).embed_documents([c.embedded_text for c in chunks])
    collection.add(document, chunks, vectors, source=make_source(path, document.id))
    return document
