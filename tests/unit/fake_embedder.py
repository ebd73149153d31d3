"""A deterministic embedder without a model: word pieces of four letters, hashed vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from ragapp.protocols import EmbedderIdentity, Vectors

PIECE_CHARACTERS = 4

_TOKEN = re.compile(
    rf"[\u3400-\u9fff]|[^\W\u3400-\u9fff]{{1,{PIECE_CHARACTERS}}}|[^\w\s]|_", re.UNICODE
)


class FakeEmbedder:
    """Counts pieces of at most four letters, single Chinese characters and marks as tokens.

    A text's vector is the sum of its tokens' hashed vectors, so texts that share words are near.
    """

    def __init__(self, *, max_tokens: int = 254, dim: int = 16, name: str = "fake") -> None:
        self._max_tokens = max_tokens
        self._identity = EmbedderIdentity(name, f"{name}-{dim}-{max_tokens}", dim)
        self.n_count_calls = 0
        self.n_embedded = 0

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.n_count_calls += 1
        return [len(_TOKEN.findall(text)) for text in texts]

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _TOKEN.finditer(text)]

    def coverage(self, text: str) -> float:
        return 1.0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.n_embedded += len(texts)
        rows = [self.embed_query(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self._identity.dim), dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        total = np.ones(self._identity.dim, dtype=np.float64) * 1e-3
        for token in _TOKEN.findall(text.casefold()):
            total += _hashed(token, self._identity.dim)
        return (total / np.linalg.norm(total)).astype(np.float32)


def _hashed(token: str, dim: int) -> np.ndarray:
    digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    seed = int.from_bytes(digest, "little")
    return np.random.default_rng(seed).standard_normal(dim)
