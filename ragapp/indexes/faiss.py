"""Exact inner-product search by FAISS, the default index.

Differs from `numpy_flat` in speed and file format only: both are exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from ragapp.errors import CollectionDamagedError
from ragapp.protocols import Ids, Vectors


class FaissIndex:
    """A flat FAISS index with ids, never changed after `build`; parallel searches are safe."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @property
    def n_vectors(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """The vectors' dimension."""
        return int(self._index.d)

    @classmethod
    def build(cls, ids: Ids, vectors: Vectors) -> Self:
        """Index (n, dim) float32 rows under (n,) int64 ids, each id once."""
        order = np.argsort(ids)
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(np.ascontiguousarray(vectors[order], dtype=np.float32), ids[order])
        return cls(index)

    def search(self, query: Vectors, k: int, *, excluded: Ids) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows, best first, ties by id."""
        if not self.n_vectors or k < 1:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        parameters = None
        if len(excluded):
            selector = faiss.IDSelectorNot(faiss.IDSelectorBatch(excluded))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        n_wanted = min(k, self.n_vectors)
        n_asked = min(k + 1, self.n_vectors)
        while True:
            scores, ids = self._index.search(query[np.newaxis, :], n_asked, params=parameters)
            found = ids[0] >= 0  # FAISS pads with -1 where fewer are left
            kept_ids, kept_scores = ids[0][found], scores[0][found]
            # FAISS picks any of several equal scores at its cut: ask until the cut is below them
            if len(kept_ids) < n_asked or n_asked == self.n_vectors:
                break
            if kept_scores[-1] < kept_scores[n_wanted - 1]:
                break
            n_asked = min(2 * n_asked, self.n_vectors)
        order = np.lexsort((kept_ids, -kept_scores))[:k]
        return kept_ids[order], kept_scores[order]

    def save(self, path: Path) -> None:
        """Write the index to one new file at `path`."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises CollectionDamagedError when it cannot be read.

        FAISS loads most damaged flat files without a word: check the file's hash first.
        """
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise CollectionDamagedError(f"{path} is not a readable FAISS index") from error
        return cls(index)
