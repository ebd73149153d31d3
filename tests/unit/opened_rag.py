"""A collection with the fake embedder, and files to put into it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from fake_embedder import FakeEmbedder

from ingest import IngestReport
from ragapp import Rag, Settings
from ragapp.collection import Collection
from ragapp.language_models.extractive import ExtractiveModel


def open_fake_rag(folder: Path, **overrides) -> Rag:
    embedder = FakeEmbedder()
    settings = Settings(collection=folder, **overrides)
    collection = Collection.open(folder)
    collection.use_embedder(embedder.identity)
    return Rag(
        settings=settings,
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
    )


def invented(seed: int, *, n_words: int = 60) -> str:
    """Return a sentence of invented words, in no way like that of another seed."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghiklmnoprstuvw", k=6)) for _ in range(n_words)]
    return " ".join(words).capitalize() + "."


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def outcomes(report: IngestReport) -> dict[str, str]:
    return {outcome.path: outcome.outcome for outcome in report.outcomes}


def sources(rag: Rag) -> set[str]:
    """Return the sources that hold a document."""
    return {source for info in rag.documents() for source in info.sources}
