"""Near-duplicates among passages: a pass over those that no run has compared yet.

It comes after the documents are stored, in transactions of its own: what a killed run has not
compared, the next one does. What says the same is linked; a search then shows one for all. Texts
nearly alike that state other facts are linked as revisions, and both are shown.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.revisions import compare
from ingest.simhash import FingerprintIndex, fingerprint
from ragapp.collection import Collection
from ragapp.stored import NearPassage

BATCH_PASSAGES = 256
MAX_CANDIDATES = 8  # whose texts are compared: a thousand rows of one form stay linear

_Comparison = tuple[int | None, list[NearPassage]]


def compare_passages(
    collection: Collection, *, bits: int, should_stop: Callable[[], bool] | None = None
) -> int:
    """Compare the new passages with all others, durably, and return how many they were.

    `bits` is the Hamming distance of fingerprints within which texts are compared.
    """
    batch = collection.uncompared_passages(BATCH_PASSAGES)
    if not batch:
        return 0
    index = FingerprintIndex(bits=bits)
    for passage_id, value in collection.passage_fingerprints():
        index.add(str(passage_id), value)
    n_compared = 0
    while batch and not (should_stop and should_stop()):
        collection.put_comparisons(
            {
                passage_id: _compared(collection, index, passage_id, text)
                for passage_id, text in batch
            }
        )
        n_compared += len(batch)
        batch = collection.uncompared_passages(BATCH_PASSAGES)
    return n_compared


def _compared(
    collection: Collection, index: FingerprintIndex, passage_id: int, text: str
) -> _Comparison:
    value = fingerprint(text)
    if value is None:
        return None, []
    candidates = index.near(value)[:MAX_CANDIDATES]
    index.add(str(passage_id), value)
    near = []
    for distance, name in candidates:
        other = collection.passage_text(int(name))
        comparison = compare(text, other) if other is not None else None
        if comparison is not None and comparison.kind != "different":
            near.append(NearPassage(int(name), distance, comparison.jaccard, comparison.kind))
    return value, near
