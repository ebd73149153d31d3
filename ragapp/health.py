"""What `ragapp doctor` looks at: versions, devices, models, and the state of the collection."""

from __future__ import annotations

import platform
import shlex
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ragapp.chunkstore.database import DATABASE_NAME
from ragapp.chunkstore.migration import old_copies
from ragapp.collection import Collection, CollectionStats
from ragapp.embedders.device import describe_device
from ragapp.errors import ModelError
from ragapp.generation.locating import find_model
from ragapp.protocols import Embedder, LanguageModel
from ragapp.settings import Settings
from ragapp.trust import describe_calibration
from ragapp.unread import unread_languages

_PACKAGES = (
    "ragapp",
    "torch",
    "transformers",
    "sentence-transformers",
    "faiss-cpu",
    "langchain",
    "streamlit",
    "pypdf",
)


@dataclass(frozen=True, slots=True)
class Health:
    """Facts by name, in order, what is wrong, and what works but could be better."""

    facts: Mapping[str, str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain JSON values."""
        return {
            "facts": dict(self.facts),
            "problems": list(self.problems),
            "warnings": list(self.warnings),
        }


def examine(
    *,
    settings: Settings,
    collection: Collection,
    embedder: Embedder,
    language_model: LanguageModel,
    is_deep: bool,
) -> Health:
    """Look at the machine, the models and the collection; `is_deep` reads every stored row."""
    stats = collection.stats()
    languages = ", ".join(f"{name} {count}" for name, count in stats.chunks_by_language.items())
    refusals, *stale = describe_calibration(collection, settings, embedder)
    facts = {
        "python": f"{platform.python_version()} on {sys.platform}",
        **{name: _version(name) for name in _PACKAGES},
        "device": describe_device(),
        "sqlite": f"{sqlite3.sqlite_version}, journal mode {stats.journal_mode}",
        "collection": str(collection.directory),
        "documents": f"{stats.n_documents} from {stats.n_sources} sources",
        "chunks": f"{stats.n_chunks} ({languages or 'none'})",
        "passages": f"{stats.n_passages}, equal chunks counted once",
        "index": f"generation {stats.generation}, {stats.n_unindexed} passages newer than it",
        "embedder": f"{embedder.identity.name}, {embedder.identity.dim} dimensions, "
        f"reads {embedder.max_tokens} tokens",
        "refusals": refusals,
        "engine": f"{language_model.name} {settings.model}".strip(),
    }
    if is_deep:
        check = collection.deep_check()
        problems = list(check.problems)
        facts["checked"] = ", ".join(f"{n} {name}" for name, n in check.counts.items())
    else:
        problems = collection.index_problems()
    if settings.engine_name == "transformers":
        problems += _missing_model(settings.model)
    if settings.engine_name == "openai":
        problems += _unusable_server(language_model)
    facts |= _rare_facts(settings, collection, stats)
    warnings = [unread.warning for unread in unread_languages(collection, embedder)]
    return Health(facts, tuple(problems), (*warnings, *filter(None, stale)))


def _rare_facts(
    settings: Settings, collection: Collection, stats: CollectionStats
) -> dict[str, str]:
    """Return the facts that only some settings and collections have."""
    entailment = {"entailment": settings.entailment} if settings.entailment else {}
    n_failed = stats.n_failed_sources
    failed = {"failed sources": str(n_failed)} if n_failed else {}
    return entailment | _old_copies(collection) | failed


def _old_copies(collection: Collection) -> dict[str, str]:
    """Return a fact for each copy of the database from before a migration: its size, its end."""
    copies = old_copies(collection.directory / DATABASE_NAME)
    notes = [
        f"{copy.stat().st_size / 1e6:.1f} MB, the collection before it was brought to a newer"
        f" version; once doctor --deep finds no problem: rm {shlex.quote(str(copy))}"
        for copy in copies
    ]
    return {f"copy {copy.name}": note for copy, note in zip(copies, notes, strict=True)}


def _missing_model(name: str) -> list[str]:
    try:
        find_model(name)
    except ModelError as error:
        return [f"{error.message}; {error.hint}"]
    return []


def _unusable_server(language_model: LanguageModel) -> list[str]:
    try:
        language_model.context_tokens  # noqa: B018  the server is asked for it
    except ModelError as error:
        return [f"{error.message}; {error.hint}"]
    return []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
