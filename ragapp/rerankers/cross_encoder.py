"""A cross-encoder as Reranker: question and passage read together, one score for the pair."""

from __future__ import annotations

from collections.abc import Sequence

from ragapp.protocols import Vectors
from ragapp.rerankers.pair_classifier import PairClassifier, Part

_TRAINED = "BAAI/bge-reranker-v2-m3"
_PART = Part(
    setting="reranker",
    kind="a cross-encoder",
    head="score head",
    untrained="rank at random",
    trained=_TRAINED,
    advice=f"use a model that was trained to rank, such as {_TRAINED}",
)


class CrossEncoderReranker:
    """A Reranker over a sequence-classification model. Safe to use from several threads.

    `name` and errors are as for `PairClassifier`.
    """

    def __init__(self, name: str, *, device: str = "auto") -> None:
        self.name = name
        self._classifier = PairClassifier(name, _PART, device=device)

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """Return in (n,) float32, 0 to 1, how well each passage answers the question.

        A pair that is longer than the model's window is cut. Raises ModelError for a model that
        cannot be loaded or has no trained score head.
        """
        pairs = [(question, passage) for passage in passages]
        scores: Vectors = self._classifier.probabilities(pairs, n_labels=1)[:, 0]
        return scores
