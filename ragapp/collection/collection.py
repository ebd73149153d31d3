"""`Collection`: open, add, remove, search, reindex."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ragapp.chunkstore import Database, chunks, documents, generations, postings, sources, vectors
from ragapp.chunkstore.chunks import StoredChunk
from ragapp.chunkstore.sources import Source
from ragapp.collection import dense, handover, view
from ragapp.collection.lock import WriterLock
from ragapp.errors import CollectionError, EmbedderMismatchError, NotFoundError
from ragapp.protocols import Embedder, EmbedderIdentity, Vectors
from ragapp.types import Chunk, Document, DocumentInfo

DATABASE_NAME = "ragapp.sqlite3"


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """Counts of a collection. `n_unindexed` chunks are newer than the index generation."""

    n_documents: int
    n_chunks: int
    n_sources: int
    n_failed_sources: int
    chunks_by_language: Mapping[str, int]
    generation: int
    n_unindexed: int
    journal_mode: str


class Collection:
    """Documents with their chunks, vectors and postings in one folder.

    Reads are safe from any thread and while another process writes. Writes happen inside
    `writing()`, one writer at a time.
    """

    def __init__(self, directory: Path, database: Database, index_name: str) -> None:
        self.directory = directory
        self._database = database
        self._writer = WriterLock(directory)
        self._dense = dense.DenseSearch(directory, database, index_name)

    @classmethod
    def open(cls, directory: Path, *, index_name: str = "faiss") -> Collection:
        """Open the collection in `directory`, making it if there is none.

        Raises CollectionDamagedError, SchemaTooNewError, or CollectionError when the folder cannot
        be made.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CollectionError(
                f"the collection folder {directory} cannot be made: {error.strerror}",
                hint="name another one with --collection or RAGAPP_COLLECTION",
            ) from error
        return cls(directory, Database(directory / DATABASE_NAME), index_name)

    def close(self) -> None:
        """Close the database. The collection cannot be used afterwards."""
        self._database.close()

    # --- which embedder

    def use_embedder(self, identity: EmbedderIdentity) -> None:
        """Check that the stored vectors come from this embedder; an empty collection adopts it.

        Raises EmbedderMismatchError, with the command that embeds anew, when they do not.
        """
        stored = self._dense.embedder()
        if stored is not None and stored.fingerprint != identity.fingerprint:
            if self.stats().n_chunks:
                raise EmbedderMismatchError(
                    f"this collection was embedded with {stored.name!r}, "
                    f"the configured embedder is {identity.name!r}",
                    hint=f"set embedder = {stored.name!r}, or run: ragapp reindex",
                )
            stored = None
        if stored is None:
            with self._writer.held():
                self._dense.adopt(identity)
        self._dense.expect(identity.fingerprint)

    # --- writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; at the end the index is brought up to date where it pays.

        Raises CollectionLockedError, naming the holder, when another writer is at work.
        """
        with self._writer.held():
            try:
                yield
            finally:
                self._dense.build_if_due()

    def add(
        self,
        document: Document,
        pieces: Sequence[Chunk],
        embeddings: Vectors,
        *,
        source: Source,
        near: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Store a document under `source` in one transaction, replacing what the source held.

        A document that is already stored is stored anew with these chunks.

        `embeddings` are (n, dim) float32 unit rows, one for each of `pieces`; `near` are (distance
        in bits, document id) of its near-duplicates. The document is durable on return.
        """
        with self._writer.held(), self._database.writing() as connection:
            if documents.document_seq(connection, document.id) is not None:
                documents.delete_document(connection, document.id)  # cut anew, same text
            added_at = datetime.now(UTC).isoformat(timespec="seconds")
            seq = documents.insert_document(
                connection, document, n_chunks=len(pieces), added_at=added_at
            )
            chunk_ids = chunks.insert_chunks(connection, seq, document.title, pieces)
            self._dense.insert(connection, chunk_ids, embeddings)
            documents.link_near_duplicates(connection, document.id, near)
            handover.hand_over(connection, source)
        self._dense.changed()

    def attach(self, source: Source) -> None:
        """Store that `source` holds a document that is already stored (or failed), durably."""
        with self._writer.held(), self._database.writing() as connection:
            handover.hand_over(connection, source)
        self._dense.changed()

    def remove_source(self, path: str) -> bool:
        """Forget a source; its document goes with the last source. Tell whether it was known."""
        with self._writer.held(), self._database.writing() as connection:
            known = sources.get_source(connection, path)
            if known is None:
                return False
            sources.delete_source(connection, path)
            handover.release(connection, known.document_id)
        self._dense.changed()
        return True

    def remove(self, document_id: str) -> tuple[str, ...]:
        """Remove a document and forget its sources; return their paths.

        Raises NotFoundError for an unknown id.
        """
        with self._writer.held(), self._database.writing() as connection:
            if documents.document_seq(connection, document_id) is None:
                raise NotFoundError(
                    f"no document has the id {document_id!r}", hint="list them: ragapp docs list"
                )
            paths = sources.sources_of_document(connection, document_id)
            for path in paths:
                sources.delete_source(connection, path)
            documents.delete_document(connection, document_id)
        self._dense.changed()
        return tuple(paths)

    def reindex(self, embedder: Embedder) -> int:
        """Embed what `embedder` has not embedded, then build the index anew; return that count.

        The old vectors serve until the new ones are whole; an interrupted run goes on where it was.
        """
        with self._writer.held():
            return self._dense.rebuild(embedder)

    # --- reading

    def search_dense(self, query: Vectors, k: int) -> list[tuple[int, float]]:
        """Return (chunk row id, cosine) of the `k` nearest chunks to a (dim,) unit query."""
        return view.search(self._dense.current_view(), query, k)

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each of the chunks `row_ids` with a (dim,) unit query."""
        return self._dense.cosines(query, row_ids)

    def search_lexical(self, terms: Sequence[str], k: int) -> list[tuple[int, float]]:
        """Return (chunk row id, BM25 score) of the best `k` chunks for the analyzer's terms."""
        with self._database.reading() as connection:
            return postings.search_terms(connection, terms, k)

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse chunk frequency, > 0; the rarer, the higher."""
        with self._database.reading() as connection:
            n_chunks = chunks.count_chunks(connection)
            frequencies = postings.chunk_frequencies(connection, terms)
        return {
            term: math.log(1.0 + (n_chunks - df + 0.5) / (df + 0.5))
            for term, df in frequencies.items()
        }

    def chunks(self, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return the chunks of `row_ids` that are still stored, by row id."""
        with self._database.reading() as connection:
            return chunks.get_chunks(connection, row_ids)

    def documents(self) -> list[DocumentInfo]:
        """Return all documents without their texts, in the order in which they were added."""
        with self._database.reading() as connection:
            return documents.list_documents(connection)

    def document(self, document_id: str) -> Document:
        """Return a document with its text. Raises NotFoundError for an unknown id."""
        with self._database.reading() as connection:
            found = documents.get_document(connection, document_id)
        if found is None:
            raise NotFoundError(
                f"no document has the id {document_id!r}", hint="list them: ragapp docs list"
            )
        return found

    def holders(self, document_id: str) -> list[str]:
        """Return the sources that hold a document, the first first; [] if it is not stored."""
        with self._database.reading() as connection:
            return sources.sources_of_document(connection, document_id)

    def document_chunks(self, document_id: str) -> list[StoredChunk]:
        """Return a document's chunks in order."""
        with self._database.reading() as connection:
            return chunks.chunks_of_document(connection, document_id)

    def fingerprints(self) -> list[tuple[str, int]]:
        """Return (document id, SimHash) of all documents that have one."""
        with self._database.reading() as connection:
            return documents.fingerprints(connection)

    def reusable_vectors(self, pieces: Sequence[Chunk]) -> dict[int, Vectors]:
        """Return vectors that need not be embedded again, by place in `pieces`."""
        return self._dense.reusable(pieces)

    def source(self, path: str) -> Source | None:
        """Return what is known of the source at `path`, None if it was never ingested."""
        with self._database.reading() as connection:
            return sources.get_source(connection, path)

    def sources(self) -> list[Source]:
        """Return all sources, by path, failed ones included."""
        with self._database.reading() as connection:
            return sources.list_sources(connection)

    def stats(self) -> CollectionStats:
        """Return the collection's counts."""
        with self._database.reading() as connection:
            known = sources.list_sources(connection)
            generation = generations.newest_generation(connection)
            return CollectionStats(
                n_documents=documents.count_documents(connection),
                n_chunks=chunks.count_chunks(connection),
                n_sources=len(known),
                n_failed_sources=sum(1 for source in known if source.failure),
                chunks_by_language=chunks.count_by_language(connection),
                generation=generation.number if generation else 0,
                n_unindexed=vectors.count_after(
                    connection, generation.last_chunk_id if generation else 0
                ),
                journal_mode=self._database.journal_mode(),
            )

    def problems(self) -> list[str]:
        """Return what a deep check finds wrong: database, rows, index file; [] if sound."""
        found = self._database.integrity_problems()
        with self._database.reading() as connection:
            found += [
                *(f"chunk {i} does not match its hash" for i in chunks.damaged_chunks(connection)),
                *(
                    f"document {i} does not match its hash"
                    for i in documents.damaged_documents(connection)
                ),
                *(
                    f"the vector of chunk row {i} does not match its hash"
                    for i in vectors.damaged_vectors(connection)
                ),
            ]
        return found + self.index_problems()

    def index_problems(self) -> list[str]:
        """Return what is wrong with the index file in force, [] if it is as it was written."""
        return self._dense.problems()
