"""Vectors of a test as an index takes them: in batches by ascending id."""

from collections.abc import Iterator

import numpy as np

from ragapp.protocols import Ids, Vectors


class Held:
    """A VectorSource over arrays in any order of ids."""

    def __init__(self, ids: Ids, rows: Vectors, *, batch: int = 1000) -> None:
        order = np.argsort(ids)
        self._ids, self._rows, self._batch = np.asarray(ids)[order], rows[order], batch

    @property
    def n_vectors(self) -> int:
        return len(self._ids)

    @property
    def dim(self) -> int:
        return int(self._rows.shape[1])

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        for start in range(0, len(self._ids), self._batch):
            end = start + self._batch
            yield self._ids[start:end], self._rows[start:end]
