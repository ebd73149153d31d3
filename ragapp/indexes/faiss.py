"""Inner-product search by FAISS, the default index: exact up to a size, then of the nearest lists.

From `EXACT_BELOW` vectors on they are kept in 16 bits a value, parted into lists around centroids,
and a search reads the lists nearest to the query: of the ten best rows one or two in a hundred are
missed (`docs/index.md`). A search among allowed ids reads all lists. Differs from `numpy_flat` in
that, in speed and in the file format. Files of lists in 32 bits a value, as once written, load too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from ragapp.errors import CollectionDamagedError
from ragapp.protocols import Ids, Vectors, VectorSource

Rows = NDArray[np.bool_]


EXACT_BELOW = 20_000  # vectors that are searched in about 2 ms on one core
_N_PROBED = 128  # lists that a search reads
_TRAINED_PER_LIST = 64  # vectors that the centroids are found from
_ROOM = 1.1
_ROUNDS = 10
_SEED = 1
_HALF_ERROR = 2.0**-11


class FaissIndex:
    """A FAISS index with ids, never changed after `build`; parallel searches are safe."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._rows = faiss.downcast_index(index.index)
        self._ids = faiss.vector_to_array(index.id_map)  # in order, as are the rows

    @property
    def n_vectors(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """The vectors' dimension."""
        return int(self._index.d)

    @property
    def score_error(self) -> float:
        """Half a unit in the last place of 16-bit values, by the Cauchy-Schwarz inequality."""
        return _HALF_ERROR if isinstance(self._rows, faiss.IndexIVFScalarQuantizer) else 0.0

    @classmethod
    def build(cls, source: VectorSource) -> Self:
        """Index all vectors of `source`, read twice where they are many, a batch at a time."""
        is_small = source.n_vectors < EXACT_BELOW
        rows = faiss.IndexFlatIP(source.dim) if is_small else _trained_lists(source)
        index = faiss.IndexIDMap(rows)
        for ids, vectors in source:
            index.add_with_ids(np.ascontiguousarray(vectors), ids)
        return cls(index)

    def search(
        self, query: Vectors, k: int, *, excluded: Ids, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows, best first, ties by id."""
        kept, n_left = None, self.n_vectors
        if len(excluded) or allowed is not None:
            kept = kept_rows(self._ids, excluded, allowed)
            n_left = int(np.count_nonzero(kept))
        if not n_left or k < 1:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        rows, scores = self._best(query, k, kept, n_left, is_exact=allowed is not None)
        if len(rows) < min(k, n_left):  # the nearest lists hold too few
            rows, scores = self._best(query, k, kept, n_left, is_exact=True)
        order = np.lexsort((rows, -scores))[:k]
        return self._ids[rows[order]], scores[order]

    def _best(
        self, query: Vectors, k: int, kept: Rows | None, n_left: int, *, is_exact: bool
    ) -> tuple[Ids, Vectors]:
        """Return at least the best `k` of the `n_left` rows that are `kept`, in any order."""
        parameters = self._parameters(kept, is_exact=is_exact)
        n_wanted, n_asked = min(k, n_left), min(k + 1, n_left)
        while True:
            scores, rows = self._rows.search(query[np.newaxis, :], n_asked, params=parameters)
            n_found = int(np.count_nonzero(rows[0] >= 0))  # FAISS pads with -1 where fewer are
            # FAISS picks any of several equal scores at its cut: ask until the cut is below them
            if n_asked == n_left or n_found < n_asked or scores[0][-1] < scores[0][n_wanted - 1]:
                return rows[0][:n_found], scores[0][:n_found]
            n_asked = min(2 * n_asked, n_left)

    def _parameters(self, kept: Rows | None, *, is_exact: bool) -> Any:
        chosen: dict[str, Any] = {}
        if kept is not None:
            bits = np.packbits(kept, bitorder="little")
            chosen["sel"] = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
        if not isinstance(self._rows, faiss.IndexIVF):
            return faiss.SearchParameters(**chosen)
        n_lists = int(self._rows.nlist)
        chosen["nprobe"] = n_lists if is_exact else min(_N_PROBED, n_lists)
        return faiss.SearchParametersIVF(**chosen)

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


def _trained_lists(source: VectorSource) -> Any:
    """Return an empty index of twice the square root of n lists, its centroids found by k-means.

    They are found from rows at equal distances: the same rows give the same file.
    """
    n, dim = source.n_vectors, source.dim
    n_lists = int(2 * n**0.5)
    step = max(n // (_TRAINED_PER_LIST * n_lists), 1)
    rows = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim),
        dim,
        n_lists,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # values are rounded, not their differences from the centroid
    )
    rows.cp.niter, rows.cp.seed = _ROUNDS, _SEED
    sample = _every(step, source)
    rows.train(sample)
    _reserve(rows, sample, step)
    return rows


def _every(step: int, source: VectorSource) -> Vectors:
    """Return each `step`-th of all rows."""
    parts, place = [], 0
    for _, vectors in source:
        parts.append(vectors[-place % step :: step].copy())
        place += len(vectors)
    return np.concatenate(parts)


def _reserve(rows: Any, sample: Vectors, step: int) -> None:
    """Make room in each list for what the sample foretells: a list that grows doubles its room."""
    lists = rows.quantizer.search(sample, 1)[1][:, 0]
    for i, count in enumerate(np.bincount(lists, minlength=rows.nlist)):
        rows.invlists.resize(i, int(_ROOM * step * count))
        rows.invlists.resize(i, 0)


def kept_rows(ids: Ids, excluded: Ids, allowed: Ids | None) -> Rows:
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
