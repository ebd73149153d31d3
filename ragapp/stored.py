"""What is known of stored documents and passages, without their texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ragapp.types import listed


@dataclass(frozen=True, slots=True)
class Near:
    """A stored document that is nearly another one.

    `distance` counts the differing bits of the fingerprints, `jaccard` is the shared part of the
    shingles, 0 to 1. A "revision" must not stand for the other document, a "near" one may.
    """

    document_id: str
    distance: int
    jaccard: float
    kind: Literal["near", "revision"]


@dataclass(frozen=True, slots=True)
class NearPassage:
    """A stored passage that is nearly another one, as `Near` is for documents."""

    passage_id: int
    distance: int
    jaccard: float
    kind: Literal["near", "revision"]


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A stored document as a list shows it, without its text.

    `sources` are the paths under which the text was ingested, the first one first.
    `near_duplicates` and `revisions` are document ids: texts that say the same in nearly the same
    words, and texts nearly alike that state other facts.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    format: str
    language: str
    n_pages: int
    n_chunks: int
    n_characters: int
    added_at: str
    near_duplicates: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the document's facts as plain JSON values."""
        return listed(asdict(self))
