"""The seams of ragapp: what embedder, index, reranker, entailment and language model must do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ragapp.types import Completion, GenerationOptions, Message

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

READABLE_COVERAGE = 0.9  # of a text's tokens known: from there on an embedder is taken to read it


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What makes vectors comparable: two embedders with equal fingerprints give equal vectors.

    The fingerprint covers name, weights, pooling, normalisation, prefixes and window.
    """

    name: str
    fingerprint: str
    dim: int


class Embedder(Protocol):
    """Text -> unit vectors. Reading `identity` and `max_tokens` must not load the weights."""

    @property
    def identity(self) -> EmbedderIdentity:
        """Name, fingerprint and dimension."""

    @property
    def max_tokens(self) -> int:
        """Tokens of text that the model reads, special tokens not counted; the rest is lost."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special tokens not counted, untruncated."""

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point offsets of each token of `text`, in order."""

    def coverage(self, text: str) -> float:
        """Return in [0, 1] the share of the text's tokens that the model knows."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dim) float32 rows of unit norm, in the order of `texts`."""

    def embed_query(self, text: str) -> Vectors:
        """Return a (dim,) float32 vector of unit norm."""


class VectorSource(Protocol):
    """Vectors with ids that need not fit into memory; every iteration begins anew."""

    @property
    def n_vectors(self) -> int:
        """How many vectors an iteration gives."""

    @property
    def dim(self) -> int:
        """The vectors' dimension."""

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield batches, (b,) ids and (b, dim) rows of unit norm, by ascending id, each id once."""


class VectorIndex(Protocol):
    """An immutable set of vectors with ids, searched by inner product. Safe for parallel search."""

    @property
    def n_vectors(self) -> int:
        """How many vectors it holds."""

    @property
    def dim(self) -> int:
        """The vectors' dimension."""

    @property
    def score_error(self) -> float:
        """How far a score may be from the inner product of unit vectors; 0 but for rounding."""

    @classmethod
    def build(cls, source: VectorSource) -> Self:
        """Index all vectors of `source`."""

    def search(
        self, query: Vectors, k: int, *, excluded: Ids, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """Return ids and inner products of the best `k` rows for a (dim,) query, best first.

        Rows whose id is in `excluded` are never returned, nor those whose id is not in `allowed`
        where that is given; fewer than `k` come back where fewer are left. Equal scores are ordered
        by id.
        """

    def save(self, path: Path) -> None:
        """Write the index to one new file at `path`."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises CollectionDamagedError when it cannot be read."""


class Reranker(Protocol):
    """Question and passage, read together -> how well the one answers the other."""

    @property
    def name(self) -> str:
        """The model's name or folder."""

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """Return (n,) float32 scores in [0, 1], in the order of `passages`."""


class Entailment(Protocol):
    """Two texts, read together -> whether the one follows from the other, or cannot be true."""

    @property
    def name(self) -> str:
        """The model's name or folder."""

    def score(self, premises: Sequence[str], claims: Sequence[str]) -> Vectors:
        """Return (n, 2) float32 probabilities: the premise entails its claim, contradicts it."""


class LanguageModel(Protocol):
    """Messages -> text, in pieces. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The engine's name as answers show it."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together that the model can hold."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of the model each text has, special tokens not counted."""

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Return the exact text that the model reads for them, "" where that is not known."""

    def stream(
        self, messages: Sequence[Message], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the output in pieces; the last carries finish_reason and usage.

        Stops within one token once `cancelled` is set. Raises ContextTooSmallError when the prompt
        does not fit, ModelNotFoundError when the model is not on this machine.
        """
