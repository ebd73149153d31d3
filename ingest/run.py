"""What every file of an ingestion run needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.dedup import NearDuplicates
from ingest.extras import has_ocr
from ingest.policies import Policies
from ingest.readers.sandbox import Sandbox
from ragapp.collection import Collection
from ragapp.protocols import Embedder
from ragapp.rag import Rag
from ragapp.settings import Settings

_RECIPE_VERSION = 3


@dataclass(frozen=True, slots=True)
class Run:
    """The live objects and sizes of a run.

    `recipe` names what an outcome depends on beside the file itself; `passwords` are no part of it,
    and are shown nowhere. Scans and images are recognised `with_ocr`. `near_duplicates` is None
    where none are looked for; with `is_skipping_near` they are attached to what they repeat and not
    stored.
    """

    collection: Collection
    embedder: Embedder
    near_duplicates: NearDuplicates | None
    near_duplicate_bits: int
    is_skipping_near: bool
    policies: Policies
    sandbox: Sandbox
    chunk_tokens: int
    overlap_tokens: int
    recipe: str
    with_ocr: bool
    passwords: tuple[str, ...] = field(default=(), repr=False)


def begin(rag: Rag, sandbox: Sandbox, passwords: Sequence[str] = ()) -> Run:
    """Return the run for the settings of `rag`. Raises UsageError for a bad word list."""
    settings = rag.settings
    policy, bits = settings.near_duplicates, settings.near_duplicate_bits
    policies = _policies(settings)
    return Run(
        collection=rag.collection,
        embedder=rag.embedder,
        near_duplicates=None if policy == "keep" else NearDuplicates(rag.collection, bits=bits),
        near_duplicate_bits=bits,
        is_skipping_near=policy == "skip",
        policies=policies,
        sandbox=sandbox,
        chunk_tokens=settings.chunk_tokens,
        overlap_tokens=settings.overlap_tokens,
        recipe=recipe_of(rag),
        with_ocr=_is_recognising(settings),
        passwords=tuple(passwords),
    )


def recipe_of(rag: Rag) -> str:
    """Return what chunks depend on beside their text. Raises UsageError for a bad word list."""
    settings = rag.settings
    ocr = ":ocr" if _is_recognising(settings) else ""
    return (
        f"{_RECIPE_VERSION}:{settings.chunk_tokens}:{settings.overlap_tokens}"
        f":{rag.embedder.identity.fingerprint}:{_policies(settings).recipe}{ocr}"
    )


def _is_recognising(settings: Settings) -> bool:
    return settings.ocr == "auto" and has_ocr()


def _policies(settings: Settings) -> Policies:
    languages = (part.strip() for part in settings.policy_languages.split(","))
    return Policies(
        personal_data=settings.policy_personal_data,
        secrets=settings.policy_secrets,
        word_list=settings.policy_word_list,
        word_list_file=settings.policy_word_list_file,
        languages=tuple(part for part in languages if part),
        junk=settings.policy_junk,
    )
