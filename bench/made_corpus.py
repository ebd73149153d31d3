"""Passages, vectors and questions for the speed benchmarks, as many as wanted.

The texts are those of ../shared/train, English and Chinese; further ones are made of the halves of
two of one language. The vectors are the built-in embedder's of some of the texts; further ones are
mixtures of two of them (0.75 : 0.25, so that neighbourhoods stay) with noise of a tenth of a
vector's length. All is seeded.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder
from ragapp.protocols import Vectors

TRAIN = Path(__file__).parent.parent.parent / "shared" / "train"
LANGUAGES = ("en", "zh")
N_CHARACTERS = {"en": 800, "zh": 400}  # of a passage, about what a chunk of the default size has
N_EMBEDDED = 4000  # texts a language
N_QUESTIONS = 500  # a language


def texts(n: int) -> Iterator[str]:
    """Yield `n` passages of both languages in random order."""
    random_source = random.Random(0)
    base = {language: _rows(f"{language}_contexts", "text") for language in LANGUAGES}
    real = [t[: N_CHARACTERS[language]] for language in LANGUAGES for t in base[language]]
    random_source.shuffle(real)
    yield from real[:n]
    for _ in range(n - len(real)):
        language = random_source.choices(LANGUAGES, (2, 1))[0]
        half = N_CHARACTERS[language] // 2
        first, second = random_source.choices(base[language], k=2)
        yield f"{first[:half]} {second[-half:]}"


def questions(n: int) -> list[str]:
    """Return `n` questions of both languages in turn."""
    by_language = []
    for language in LANGUAGES:
        rows = _rows(f"{language}_qa", "question")
        random.Random(1).shuffle(rows)
        by_language.append(rows)
    return [by_language[i % len(LANGUAGES)][i // len(LANGUAGES)] for i in range(n)]


def embeddings(folder: Path) -> tuple[Vectors, Vectors]:
    """Return unit vectors of real texts and of real questions, kept in `folder` once made."""
    file = folder / "embedded.npz"
    if not file.is_file():
        embedder = SentenceTransformersEmbedder("all-MiniLM-L6-v2", device="cpu")
        chosen = []
        for language in LANGUAGES:
            rows = _rows(f"{language}_contexts", "text")
            random.Random(2).shuffle(rows)
            chosen += [row[: N_CHARACTERS[language] // 2] for row in rows[:N_EMBEDDED]]
        documents = embedder.embed_documents(chosen)
        asked = [embedder.embed_query(text) for text in questions(2 * N_QUESTIONS)]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(file, documents=documents, questions=np.stack(asked))
    with np.load(file) as stored:
        return stored["documents"], stored["questions"]


def enlarged(real: Vectors, n: int) -> Vectors:
    """Return (n, dim) float32 unit rows: `real` ones, then mixtures of two of them with noise."""
    rng = np.random.default_rng(3)
    dim = real.shape[1]
    rows = np.empty((n, dim), dtype=np.float32)
    rows[: len(real)] = real[:n]
    for start in range(len(real), n, 50_000):
        count = min(50_000, n - start)
        first, second = rng.integers(0, len(real), (2, count))
        noise = rng.standard_normal((count, dim), dtype=np.float32) * np.float32(0.1 / dim**0.5)
        mixed = 0.75 * real[first] + 0.25 * real[second] + noise
        rows[start : start + count] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return rows


def _rows(name: str, key: str) -> list[Any]:
    with gzip.open(TRAIN / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)[key] for line in file]
