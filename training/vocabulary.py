"""The embedded embedder's word pieces and the Chinese characters that they lack.

A new character begins with a vector that tells in what company it stands: the leading singular
vectors of the positive pointwise mutual information of characters beside each other. Source: Levy
and Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_WINDOW = 4
_FIRST, _LAST = "\u3000", "\u9fff"  # Chinese punctuation and characters


def is_chinese(character: str) -> bool:
    """Tell whether a character is a Chinese one, or a mark that stands between such."""
    return _FIRST <= character <= _LAST or "\uff00" <= character <= "\uffef"


def frequent_characters(texts: Iterable[str], *, at_most: int) -> list[str]:
    """Return the most frequent Chinese characters, the most frequent first, ties by code point."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(filter(is_chinese, text))
    return sorted(counts, key=lambda c: (-counts[c], c))[:at_most]


def extend_tokenizer(source: Path, target: Path, characters: Sequence[str]) -> int:
    """Write `source`'s tokenizer.json with the characters that it lacks; return how many."""
    values = json.loads(source.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = values["model"]["vocab"]
    new = [c for c in characters if c not in vocabulary]
    vocabulary |= {c: len(vocabulary) + place for place, c in enumerate(new)}
    target.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    return len(new)


def character_vectors(texts: Iterable[str], characters: Sequence[str], *, dim: int) -> Floats:
    """Return (n, dim) float32 vectors of the characters, each component of mean 0 and deviation 1.

    Deterministic: the texts decide, and a fixed seed.
    """
    counts = _neighbours(texts, characters)
    total = counts.sum()
    alone = counts.sum(axis=1, keepdims=True) + 1.0
    smoothed = alone.T**0.75 / (alone**0.75).sum() * total
    information = np.log(np.maximum(counts * total / (alone * smoothed), 1.0))
    torch.manual_seed(0)
    u, s, _ = torch.svd_lowrank(torch.from_numpy(information.astype(np.float32)), q=dim, niter=4)
    rows: Floats = (u * s.sqrt()).numpy()
    scaled: Floats = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6)
    return scaled


def _neighbours(texts: Iterable[str], characters: Sequence[str]) -> NDArray[np.float64]:
    """Return how often each character stands within a few places of each other one."""
    place = {character: i for i, character in enumerate(characters)}
    n = len(characters)
    counts = np.zeros(n * n, dtype=np.float64)
    break_ = [-1] * _WINDOW
    ids = np.array([i for text in texts for i in (*(place.get(c, -1) for c in text), *break_)])
    for gap in range(1, _WINDOW + 1):
        left, right = ids[:-gap], ids[gap:]
        both = (left >= 0) & (right >= 0)
        counts += np.bincount(left[both] * n + right[both], minlength=n * n)
    square = counts.reshape(n, n)
    return square + square.T
