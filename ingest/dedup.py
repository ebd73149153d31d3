"""Policy: what counts as a duplicate.

Equal cleaned texts are one document under several sources. Texts whose SimHash differs in few bits
are candidates, and a comparison of the texts themselves decides: near-duplicates say the same, and
revisions nearly the same but with other numbers, dates, negations or names.
"""

from __future__ import annotations

from functools import cached_property

from ingest.revisions import compare
from ingest.simhash import FingerprintIndex
from ragapp.collection import Collection
from ragapp.errors import NotFoundError
from ragapp.stored import Near
from ragapp.types import Document

MAX_CANDIDATES = 32  # whose texts are compared: a folder of thousands alike stays linear


class NearDuplicates:
    """The fingerprints of a collection's documents, kept up to date during a run."""

    def __init__(self, collection: Collection, *, bits: int) -> None:
        self._collection = collection
        self._bits = bits

    @cached_property
    def _index(self) -> FingerprintIndex:
        """All stored fingerprints, loaded when the first new document comes."""
        index = FingerprintIndex(bits=self._bits)
        for document_id, fingerprint in self._collection.fingerprints():
            index.add(document_id, fingerprint)
        return index

    def near(self, document: Document) -> list[Near]:
        """Return the stored near-duplicates and revisions of `document`, and remember it.

        Near-duplicates come first, then the highest Jaccard, ties by id. Of all within `bits`, the
        nearest 32 are compared.
        """
        if document.fingerprint is None:
            return []
        candidates = self._index.near(document.fingerprint)
        self._index.add(document.id, document.fingerprint)
        found: list[Near] = []
        n_compared = 0
        for distance, other_id in candidates:
            other = self._stored(other_id) if other_id != document.id else None
            if other is None:
                continue
            found += _confirmed(document, other, distance)
            n_compared += 1
            if n_compared == MAX_CANDIDATES:
                break
        return sorted(found, key=lambda item: (item.kind, -item.jaccard, item.document_id))

    def _stored(self, document_id: str) -> Document | None:
        """Return a document, None (and forget it) where it was removed since."""
        try:
            return self._collection.document(document_id)
        except NotFoundError:
            self._index.remove(document_id)
            return None


def _confirmed(document: Document, other: Document, distance: int) -> list[Near]:
    """Return what the texts themselves say of a candidate: one `Near`, or none."""
    comparison = compare(document.text, other.text)
    if comparison.kind == "different":
        return []
    return [Near(other.id, distance, comparison.jaccard, comparison.kind)]
