"""Policy: what counts as a duplicate.

Equal cleaned texts are one document under several sources. Texts whose SimHash differs in few
bits are near-duplicates: both are stored, each linked to the other.
"""

from __future__ import annotations

from ingest.simhash import FingerprintIndex
from ragapp.collection import Collection
from ragapp.types import Document


class NearDuplicates:
    """The fingerprints of a collection's documents, kept up to date during a run."""

    def __init__(self, collection: Collection, *, bits: int) -> None:
        self._index = FingerprintIndex(bits=bits)
        self._known: set[str] = set()
        for document_id, fingerprint in collection.fingerprints():
            self._add(document_id, fingerprint)

    def near(self, document: Document) -> list[tuple[int, str]]:
        """Return (distance in bits, document id) of the near-duplicates, and remember `document`.

        Documents removed since may be among them; the caller checks.
        """
        if document.fingerprint is None:
            return []
        found = self._index.near(document.fingerprint)
        self._add(document.id, document.fingerprint)
        return [(distance, other) for distance, other in found if other != document.id]

    def _add(self, document_id: str, fingerprint: int) -> None:
        if document_id not in self._known:
            self._known.add(document_id)
            self._index.add(document_id, fingerprint)
