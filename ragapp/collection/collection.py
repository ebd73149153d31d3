"""`Collection`: open, add, remove, search, reindex."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ragapp.chunkstore import Database, chunks, documents, passages, sources
from ragapp.chunkstore.chunks import StoredChunk
from ragapp.chunkstore.database import DATABASE_NAME, DiskFullError
from ragapp.chunkstore.sources import Source
from ragapp.collection import backup, changes, checking, dense, space
from ragapp.collection.backup import BackupReport
from ragapp.collection.checking import DeepCheck
from ragapp.collection.conversations import Conversations
from ragapp.collection.lock import WriterLock
from ragapp.collection.ratings import Ratings
from ragapp.collection.selection import Selection
from ragapp.collection.stats import CollectionStats, collection_stats
from ragapp.errors import CollectionError, EmbedderMismatchError, NotFoundError
from ragapp.filters import Filter
from ragapp.protocols import Embedder, EmbedderIdentity, Vectors
from ragapp.stored import DocumentInfo, Near, NearPassage
from ragapp.types import Chunk, Document

_Result = TypeVar("_Result")


class Collection:
    """Documents with their chunks, vectors and postings in one folder.

    Reads are safe from any thread and while another process writes. Writes happen inside
    `writing()`, one writer at a time.
    """

    def __init__(self, directory: Path, database: Database, index_name: str) -> None:
        self.directory = directory
        self._database = database
        self.conversations = Conversations(database)
        self.ratings = Ratings(database)
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
                    f"the collection {self.directory} was embedded with {stored.name!r}, "
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
    def writing(self, *, is_growing: bool = True) -> Iterator[None]:
        """Hold the writer's lock; at the end the index is brought up to date where it pays.

        A session that only removes is not `is_growing`, and may start on a full disk. Raises
        CollectionLockedError, naming the other writer, and CollectionError on a full disk.
        """
        with self._writer.held():
            if is_growing:
                space.require(self.directory)
            try:
                yield
            finally:
                if not isinstance(sys.exception(), KeyboardInterrupt):  # else stop at once
                    self._dense.build_if_due()

    def add(
        self,
        document: Document,
        pieces: Sequence[Chunk],
        embeddings: Vectors,
        *,
        source: Source,
        near: Sequence[Near] = (),
    ) -> None:
        """Store a document under `source` in one transaction, replacing what the source held.

        A document that is already stored is stored anew with these chunks.

        `embeddings` are (n, dim) float32 unit rows, one for each of `pieces`; `near` are stored
        documents to link it with. The document is durable on return.
        """

        def store(connection: sqlite3.Connection) -> None:
            passage_ids = changes.store_document(connection, document, pieces, near=near)
            self._dense.insert(connection, passage_ids, embeddings)
            changes.hand_over(connection, source)

        self._change(store)

    def attach(self, source: Source) -> None:
        """Store that `source` holds a document that is already stored (or failed), durably."""
        self._change(lambda connection: changes.hand_over(connection, source))

    def remove_source(self, path: str) -> bool:
        """Forget a source; its document goes with the last source. Tell whether it was known."""
        return self._change(lambda connection: changes.forget_source(connection, path))

    def remove(self, document_id: str) -> tuple[str, ...]:
        """Remove a document and forget its sources; return their paths.

        Raises NotFoundError for an unknown id.
        """
        return self._change(lambda connection: changes.forget_document(connection, document_id))

    def put_comparisons(
        self, compared: Mapping[int, tuple[int | None, Sequence[NearPassage]]]
    ) -> None:
        """Store by passage its SimHash (None if too short) and which others it is near."""

        def store(connection: sqlite3.Connection) -> None:
            for passage_id, (fingerprint, near) in compared.items():
                passages.put_comparison(connection, passage_id, fingerprint, near)

        self._change(store)

    def reindex(self, embedder: Embedder) -> int:
        """Embed what `embedder` has not embedded, then build the index anew; return that count.

        The old vectors serve until the new ones are whole; an interrupted run goes on where it was.
        """
        with self._writer.held():
            return self._dense.rebuild(embedder)

    def _change(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `work` in one transaction; on a full disk once more, in the ballast's room."""
        with self._writer.held():
            try:
                with self._database.writing() as connection:
                    result = work(connection)
            except DiskFullError:
                if not space.release(self.directory):
                    raise
                with self._database.writing() as connection:
                    result = work(connection)
        self._dense.changed()
        return result

    # --- reading

    def selection(self, where: Filter | None = None, *, is_checked: bool = True) -> Selection:
        """Return the collection as a filter lets it be seen; errors as of `Selection.of`."""
        return Selection.of(self._database, self._dense, where, is_checked=is_checked)

    def search_dense(self, query: Vectors, k: int) -> list[tuple[int, float]]:
        """Return (passage id, cosine) of the `k` nearest passages to a (dim,) unit query."""
        return self.selection().search_dense(query, k)

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each of the passages `row_ids` with a (dim,) unit query."""
        return self._dense.cosines(query, row_ids)

    def search_lexical(self, terms: Sequence[str], k: int) -> list[tuple[int, float]]:
        """Return (passage id, BM25 score) of the best `k` passages for the analyzer's terms."""
        return self.selection().search_lexical(terms, k)

    def term_weights(self, terms: Sequence[str]) -> dict[str, float]:
        """Return each term's inverse passage frequency, > 0; the rarer, the higher."""
        return self.selection().term_weights(terms)

    def chunks(self, row_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return, by passage, the first chunk of each of `row_ids` that is still stored."""
        with self._database.reading() as connection:
            return chunks.get_chunks(connection, row_ids)

    def near_passages(self, row_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return for each of the passages `row_ids` those that say the same in other words."""
        with self._database.reading() as connection:
            return passages.near_passages(connection, row_ids)

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

    def passage_fingerprints(self) -> list[tuple[int, int]]:
        """Return (passage id, SimHash) of all passages that were compared and have one."""
        with self._database.reading() as connection:
            return passages.passage_fingerprints(connection)

    def uncompared_passages(self, n: int) -> list[tuple[int, str]]:
        """Return (passage id, text) of the oldest `n` passages not compared with others yet."""
        with self._database.reading() as connection:
            return passages.uncompared_passages(connection, n)

    def passage_text(self, passage_id: int) -> str | None:
        """Return a passage's text, None where it is gone."""
        with self._database.reading() as connection:
            return passages.passage_text(connection, passage_id)

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

    def sampled_texts(self, languages: Sequence[str], n: int) -> list[str]:
        """Return the texts of up to `n` chunks of these languages, spread over all of them."""
        with self._database.reading() as connection:
            return chunks.sampled_texts(connection, languages, n)

    def stats(self) -> CollectionStats:
        """Return the collection's counts."""
        return collection_stats(self._database)

    def problems(self) -> list[str]:
        """Return what a deep check finds wrong: database, rows, index file; [] if sound."""
        return list(self.deep_check().problems)

    def deep_check(self) -> DeepCheck:
        """Read every row and the whole index; return what is wrong, and the counts."""
        return checking.deep_check(self._database, self._dense.problems(is_deep=True))

    def index_problems(self) -> list[str]:
        """Return what is wrong with the index file in force, [] if it is as it was written."""
        return self._dense.problems()

    def back_up(self, path: Path, *, is_forced: bool) -> BackupReport:
        """Write the collection as one checked file; arguments and errors as `backup.back_up`."""
        return backup.back_up(self._database, path, is_forced=is_forced)

    restore = staticmethod(backup.restore)


def holds_collection(directory: Path) -> bool:
    """Tell whether there is a collection in a folder."""
    return (directory / DATABASE_NAME).is_file()
