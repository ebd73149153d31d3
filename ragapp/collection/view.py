"""What a search sees: one index generation, and exactly the vectors that are newer.

A view is immutable; a change of the collection makes a new one, swapped in by one reference, so
that a running search never sees half of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragapp.protocols import Ids, VectorIndex, Vectors


@dataclass(frozen=True, slots=True)
class View:
    """A generation (None before the first) plus the (n, dim) vectors of newer passages.

    All vectors are of one embedder.

    `removed` are passage ids that the generation still holds but the collection no longer does.
    """

    embedder_row: int
    generation: int
    index: VectorIndex | None
    last_indexed: int
    delta_ids: Ids
    delta_vectors: Vectors
    removed: Ids

    @property
    def newest(self) -> int:
        """The highest passage id that the view has seen."""
        return int(self.delta_ids[-1]) if len(self.delta_ids) else self.last_indexed

    @property
    def is_whole(self) -> bool:
        """Tell whether the file of the generation in force could be read."""
        return self.index is not None or not self.generation


def search(
    view: View, query: Vectors, k: int, *, allowed: Ids | None = None
) -> list[tuple[int, float]]:
    """Return (passage id, cosine) of the best `k` passages for a (dim,) unit query, best first.

    Where `allowed` passages are named, of those alone, exactly.
    """
    ids, scores = _search_delta(view, query, k, allowed)
    if view.index is not None and view.index.n_vectors:
        indexed_ids, indexed_scores = view.index.search(
            query, k, excluded=view.removed, allowed=allowed
        )
        ids = np.concatenate([ids, indexed_ids])
        scores = np.concatenate([scores, indexed_scores])
    order = np.lexsort((ids, -scores))[:k]
    return [(int(ids[i]), float(scores[i])) for i in order]


def _search_delta(view: View, query: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
    if not len(view.delta_ids):
        return view.delta_ids, np.zeros(0, dtype=np.float32)
    scores = view.delta_vectors @ query  # (n_delta,)
    kept = ~np.isin(view.delta_ids, view.removed)
    if allowed is not None:
        kept &= np.isin(view.delta_ids, allowed)
    ids, scores = view.delta_ids[kept], scores[kept]
    best = np.lexsort((ids, -scores))[:k]
    return ids[best], scores[best]
