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
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        return cls(index)

    def search(self, query: Vectors, k: int, *, excluded: Ids) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows, best first, ties by id."""
        parameters = None
        if len(excluded):
            selector = faiss.IDSelectorNot(faiss.IDSelectorBatch(excluded))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, ids = self._index.search(query[np.newaxis, :], k, params=parameters)  # (1, k)
        found = ids[0] >= 0  # FAISS pads with -1 where fewer than k are left
        kept_ids, kept_scores = ids[0][found], scores[0][found]
        order = np.lexsort((kept_ids, -kept_scores))
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
