"""Exact inner-product search by FAISS, the default index.

Differs from `numpy_flat` in speed and file format only: both are exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from ragapp.errors import CollectionDamagedError
from ragapp.protocols import Ids, Vectors


class FaissIndex:
    """A flat FAISS index with ids, never changed after `build`; parallel searches are safe."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._rows = faiss.downcast_index(index.index)
        self._ids = faiss.vector_to_array(index.id_map)  # in order

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
        if np.any(ids[1:] < ids[:-1]):  # in order, no copy is made
            order = np.argsort(ids)
            ids, vectors = ids[order], vectors[order]
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        return cls(index)

    def search(
        self, query: Vectors, k: int, *, excluded: Ids, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows, best first, ties by id."""
        parameters = None
        n_left = self.n_vectors
        if len(excluded) or allowed is not None:
            kept = kept_rows(self._ids, excluded, allowed)
            n_left = int(np.count_nonzero(kept))
            bits = np.packbits(kept, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        if not n_left or k < 1:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        n_wanted, n_asked = min(k, n_left), min(k + 1, n_left)
        while True:
            scores, rows = self._rows.search(query[np.newaxis, :], n_asked, params=parameters)
            # FAISS picks any of several equal scores at its cut: ask until the cut is below them
            if n_asked == n_left or scores[0][-1] < scores[0][n_wanted - 1]:
                break
            n_asked = min(2 * n_asked, n_left)
        order = np.lexsort((rows[0], -scores[0]))[:k]
        return self._ids[rows[0][order]], scores[0][order]

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


def kept_rows(ids: Ids, excluded: Ids, allowed: Ids | None) -> NDArray[np.bool_]:
    """Tell which of the (n,) ascending `ids` are among `allowed` (None: all), not `excluded`."""
    kept = np.full(len(ids), allowed is None)
    if allowed is not None:
        kept[_rows_of(ids, allowed)] = True
    kept[_rows_of(ids, excluded)] = False
    return kept


def _rows_of(ids: Ids, wanted: Ids) -> NDArray[np.intp]:
    """Return the rows at which those of `wanted` stand that are in the ascending `ids`."""
    wanted = wanted[wanted <= ids[-1]] if len(ids) else wanted[:0]
    rows: NDArray[np.intp] = np.searchsorted(ids, wanted)
    found: NDArray[np.intp] = rows[ids[rows] == wanted]
    return found
