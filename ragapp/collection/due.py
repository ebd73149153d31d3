"""Whether so much has changed since the last index generation that a new one pays."""

from __future__ import annotations

from ragapp.chunkstore import Database, generations, vectors

_DUE_SHARE = 0.05
_DUE_PASSAGES = 50_000  # searched exactly in 5 ms; a build of a million vectors takes a minute


def is_due(database: Database) -> bool:
    """Tell, from counts alone, whether searching what is not indexed costs more than a build."""
    with database.reading() as connection:
        generation = generations.newest_generation(connection)
        last = generation.last_passage_id if generation else -1
        n_changed = vectors.count_after(connection, last)
        n_changed += len(generations.removed_passages(connection))
    n_indexed = generation.n_vectors if generation else 0
    return n_changed > min(_DUE_SHARE * n_indexed, _DUE_PASSAGES)
