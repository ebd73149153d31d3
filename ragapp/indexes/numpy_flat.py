"""Exact inner-product search in NumPy: the oracle against which other indexes are tested."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from ragapp.errors import CollectionDamagedError
from ragapp.protocols import Ids, Vectors, VectorSource

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error)


class NumpyFlatIndex:
    """All vectors as one matrix, scored by one product."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self._ids = ids
        self._vectors = vectors

    @property
    def n_vectors(self) -> int:
        """How many vectors it holds."""
        return len(self._ids)

    @property
    def dim(self) -> int:
        """The vectors' dimension."""
        return int(self._vectors.shape[1])

    @property
    def score_error(self) -> float:
        """Scores are inner products."""
        return 0.0

    @classmethod
    def build(cls, source: VectorSource) -> Self:
        """Index all vectors of `source`."""
        ids, vectors = np.zeros(0, np.int64), np.zeros((0, source.dim), np.float32)
        batches = list(source)
        return cls(
            np.concatenate([ids, *(batch for batch, _ in batches)]),
            np.concatenate([vectors, *(rows for _, rows in batches)]),
        )

    def search(
        self, query: Vectors, k: int, *, excluded: Ids, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows, best first, ties by id."""
        scores = self._vectors @ query  # (n,)
        kept = ~np.isin(self._ids, excluded)
        if allowed is not None:
            kept &= np.isin(self._ids, allowed)
        ids, scores = self._ids[kept], scores[kept]
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def save(self, path: Path) -> None:
        """Write the index to one new file at `path`."""
        with path.open("wb") as file:
            np.savez(file, ids=self._ids, vectors=self._vectors)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises CollectionDamagedError when it cannot be read."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return cls(arrays["ids"], arrays["vectors"])
        except _UNREADABLE as error:
            raise CollectionDamagedError(f"{path} is not a readable NumPy index") from error
