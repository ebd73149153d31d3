"""The dense half of a collection: vectors in SQLite, an index generation built from them, a view.

The index is a cache: whatever happens to its file, every vector is searched exactly from SQLite
until the next generation is built.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from threading import RLock

import numpy as np

from ragapp.chunkstore import Database, generations, passages, vectors
from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.generations import Generation
from ragapp.collection import checking, due, generation_files
from ragapp.collection.generation_files import UnwritableIndexError
from ragapp.collection.view import View
from ragapp.errors import CollectionDamagedError, EmbedderMismatchError, UsageError
from ragapp.protocols import Embedder, EmbedderIdentity, Ids, VectorIndex, Vectors
from ragapp.registry import INDEXES, resolve
from ragapp.types import Chunk

_log = logging.getLogger(__name__)
_REEMBED_BATCH = 256
_EMBEDDER_KEY = "embedder_id"


class DenseSearch:
    """Vectors of one embedder, the index generation in force, and the view that searches use."""

    def __init__(self, directory: Path, database: Database, index_name: str) -> None:
        self._directory = directory
        self._database = database
        self._index_name = index_name
        self._lock = RLock()
        self._view: View | None = None
        self._expected = ""
        self._seen_version = -1
        self._is_stale = True

    def embedder(self) -> EmbedderIdentity | None:
        """Return the identity of the embedder whose vectors are in force, None before the first."""
        with self._database.reading() as connection:
            row = _embedder_row(connection)
            return None if row is None else vectors.get_embedder(connection, row)

    def expect(self, fingerprint: str) -> None:
        """Refuse from now on to read or write vectors of any other embedder."""
        self._expected = fingerprint

    def adopt(self, identity: EmbedderIdentity) -> None:
        """Make `identity` the embedder whose vectors are in force."""
        with self._database.writing() as connection:
            _set_embedder_row(connection, vectors.register_embedder(connection, identity))
            generations.drop_generations(connection)
        self.changed()

    def insert(
        self, connection: sqlite3.Connection, passage_ids: Sequence[int], embeddings: Vectors
    ) -> None:
        """Store (n, dim) float32 `embeddings` of passages, inside the caller's transaction."""
        row, identity = self._required_embedder(connection)
        if embeddings.shape != (len(passage_ids), identity.dim):
            raise ValueError(f"embeddings have shape {embeddings.shape}, not (n, {identity.dim})")
        vectors.insert_vectors(connection, passage_ids, row, embeddings)

    def reusable(self, pieces: Sequence[Chunk]) -> dict[int, Vectors]:
        """Return vectors already made from equal passages, by place in `pieces`."""
        keys = [passages.key_of(piece.heading, piece.text) for piece in pieces]
        with self._database.reading() as connection:
            row = _embedder_row(connection)
            if row is None:
                return {}
            found = vectors.reusable_vectors(connection, row, keys)
        return {i: found[key] for i, key in enumerate(keys) if key in found}

    def cosines(self, query: Vectors, row_ids: Sequence[int]) -> dict[int, float]:
        """Return the exact cosine of each passage of `row_ids` that has a vector."""
        ids, rows = self.vectors(row_ids)
        scores = rows @ query if len(ids) else ids
        return {int(i): float(s) for i, s in zip(ids, scores, strict=True)}

    def vectors(self, row_ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """Return ids (n,) and vectors (n, dim) of those of `row_ids` that have one, by id."""
        with self._database.reading() as connection:
            row = _embedder_row(connection)
            if row is None:
                return np.zeros(0, dtype=np.int64), np.zeros((0, 1), dtype=np.float32)
            identity = self._checked(vectors.get_embedder(connection, row))
            return vectors.vectors_of(connection, row, identity.dim, row_ids)

    # --- the view

    def changed(self) -> None:
        """Note that this process has written: the next search looks again."""
        with self._lock:
            self._is_stale = True

    def current_view(self) -> View:
        """Return a view of all that is committed, by this process or another."""
        with self._lock:
            version = self._database.data_version()
            if self._view is None or self._is_stale or version != self._seen_version:
                self._view = self._refreshed()
                self._seen_version = version
                self._is_stale = False
            return self._view

    def _refreshed(self) -> View:
        with self._database.reading() as connection:
            generation = generations.newest_generation(connection)
            row = _embedder_row(connection)
            if row is None:
                return _empty_view(0, dim=1)
            identity = self._checked(vectors.get_embedder(connection, row))
            base = self._base_view(generation, row, identity.dim)
            ids, rows = vectors.vectors_after(
                connection, row, identity.dim, last_passage_id=base.newest
            )
            removed = np.asarray(generations.removed_passages(connection), dtype=np.int64)
        return View(
            embedder_row=row,
            generation=base.generation,
            index=base.index,
            last_indexed=base.last_indexed,
            delta_ids=np.concatenate([base.delta_ids, ids]),
            delta_vectors=np.concatenate([base.delta_vectors, rows]),
            removed=removed,
        )

    def _base_view(self, generation: Generation | None, row: int, dim: int) -> View:
        """Return the view to extend: the present one while its generation is in force."""
        number = generation.number if generation else 0
        seen = self._view
        if seen and (seen.generation, seen.embedder_row) == (number, row):
            return seen
        if generation is None:
            return _empty_view(row, dim=dim)
        try:
            index = generation_files.read_index(self._directory, generation)
        except CollectionDamagedError as error:
            _log.warning("%s; searching the vectors in the database instead", error)
            generation_files.quarantine(self._directory, generation)
            return _empty_view(row, dim=dim, generation=number)
        last = generation.last_passage_id
        return _empty_view(row, dim=dim, generation=number, index=index, last=last)

    def _required_embedder(self, connection: sqlite3.Connection) -> tuple[int, EmbedderIdentity]:
        row = _embedder_row(connection)
        assert row is not None, "use_embedder comes before add"
        return row, self._checked(vectors.get_embedder(connection, row))

    def _checked(self, identity: EmbedderIdentity) -> EmbedderIdentity:
        if self._expected and identity.fingerprint != self._expected:
            raise EmbedderMismatchError(
                f"this collection was embedded anew with {identity.name!r} by another process",
                hint=f"set embedder = {identity.name!r} and open it again, or run: ragapp reindex",
            )
        return identity

    # --- building

    def build_if_due(self) -> None:
        """Build a new generation where so much has changed that searching from SQLite costs."""
        if not due.is_due(self._database) and self.current_view().is_whole:
            return
        with self._lock:
            self._view = None  # its vectors are not held beside those of the build
        try:
            self.build()
        except UnwritableIndexError as error:
            _log.warning("%s; searching the vectors in the database until the next run", error)

    def build(self) -> None:
        """Build a generation of all vectors in force, and make it the one in force.

        Raises UnwritableIndexError.
        """
        generation = self.put_new_generation()
        if generation is not None:
            generation_files.delete_others(self._directory, generation)
            reach("build.others_deleted")
            self.changed()
            _log.info("generation %d holds %d vectors", generation.number, generation.n_vectors)

    def put_new_generation(self) -> Generation | None:
        """Build a generation and put it in force, the files of others left; None without any."""
        with self._database.reading() as connection:
            row = _embedder_row(connection)
            if row is None:
                return None
            number = generations.next_number(connection)
            newest = generations.newest_passage_id(connection)
        reach("build.read")
        name = f"g{number:06d}.{self._index_name}"
        written = generation_files.write_index(
            self._directory, name, lambda: self._built(row, newest)
        )
        generation = Generation(
            number=number,
            file=name,
            index_name=self._index_name,
            embedder_id=row,
            dim=written.dim,
            n_vectors=written.n_vectors,
            last_passage_id=newest,
            size=written.size,
            sha256=written.sha256,
        )
        reach("build.written")
        with self._database.writing() as connection:
            generations.put_generation(connection, generation)
        reach("build.in_force")
        return generation

    def _built(self, row: int, newest: int) -> VectorIndex:
        index_type = resolve(INDEXES, self._index_name, setting="index")
        with self._database.reading() as connection:
            dim = vectors.get_embedder(connection, row).dim
            source = vectors.StoredVectors(connection, row, dim, newest)
            index: VectorIndex = index_type.build(source)
        return index

    def rebuild(self, embedder: Embedder) -> int:
        """Embed what `embedder` has not embedded, switch to it, build; return the count."""
        with self._database.writing() as connection:
            row = vectors.register_embedder(connection, embedder.identity)
            missing = list(vectors.passages_without_vector(connection, row))
        remaining = iter(missing)
        while batch := list(islice(remaining, _REEMBED_BATCH)):
            texts = [f"{heading}\n{text}" if heading else text for _, heading, text in batch]
            _check_window(texts, embedder)
            embedded = embedder.embed_documents(texts)
            with self._database.writing() as connection:
                vectors.insert_vectors(connection, [item[0] for item in batch], row, embedded)
            reach("reindex.batch")
        with self._database.writing() as connection:
            _set_embedder_row(connection, row)
            vectors.delete_other_vectors(connection, row)
            generations.drop_generations(connection)
        reach("reindex.switched")
        self.expect(embedder.identity.fingerprint)
        self.changed()
        self.build()
        return len(missing)

    def problems(self, *, is_deep: bool = False) -> list[str]:
        """Return what is wrong with the index file, [] if it is as written.

        With `is_deep` its ids and values are compared with those of the database too.
        """
        with self._database.reading() as connection:
            generation = generations.newest_generation(connection)
            if generation is None:
                return []
            try:
                index = generation_files.read_index(self._directory, generation)
            except CollectionDamagedError as error:
                return [error.message]
            if not is_deep:
                return []
            return checking.index_differences(connection, generation, index)


def _empty_view(
    row: int, *, dim: int, generation: int = 0, index: VectorIndex | None = None, last: int = -1
) -> View:
    no_ids = np.zeros(0, dtype=np.int64)
    no_vectors = np.zeros((0, dim), dtype=np.float32)
    return View(row, generation, index, last, no_ids, no_vectors, no_ids)


def _embedder_row(connection: sqlite3.Connection) -> int | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_EMBEDDER_KEY,)).fetchone()
    return None if row is None else int(row[0])


def _set_embedder_row(connection: sqlite3.Connection, row: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_EMBEDDER_KEY, str(row))
    )
    reach("embedder.switched")


def _check_window(texts: Sequence[str], embedder: Embedder) -> None:
    longest = max(embedder.count_tokens(texts))
    if longest > embedder.max_tokens:
        raise UsageError(
            f"a chunk has {longest} tokens, {embedder.identity.name!r} reads {embedder.max_tokens}",
            hint="ingest the documents into a new collection with this embedder",
        )
