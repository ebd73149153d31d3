"""What every file of an ingestion run needs."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.dedup import NearDuplicates
from ingest.readers.sandbox import Sandbox
from ragapp.collection import Collection
from ragapp.protocols import Embedder
from ragapp.rag import Rag

_RECIPE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Run:
    """The live objects and sizes of a run.

    `recipe` names what an outcome depends on beside the file itself.
    """

    collection: Collection
    embedder: Embedder
    near_duplicates: NearDuplicates
    sandbox: Sandbox
    chunk_tokens: int
    overlap_tokens: int
    recipe: str


def begin(rag: Rag, sandbox: Sandbox) -> Run:
    """Return the run for the settings of `rag`."""
    settings = rag.settings
    recipe = (
        f"{_RECIPE_VERSION}:{settings.chunk_tokens}:{settings.overlap_tokens}"
        f":{rag.embedder.identity.fingerprint}"
    )
    return Run(
        collection=rag.collection,
        embedder=rag.embedder,
        near_duplicates=NearDuplicates(rag.collection, bits=settings.near_duplicate_bits),
        sandbox=sandbox,
        chunk_tokens=settings.chunk_tokens,
        overlap_tokens=settings.overlap_tokens,
        recipe=recipe,
    )
