"""A classifier trained on natural-language inference as Entailment of one text by another.

Unlike the reranker beside it, it must say by its labels which of its scores is which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragapp.errors import ModelError
from ragapp.protocols import Vectors
from ragapp.rerankers.pair_classifier import PairClassifier, Part

_ENTAILMENT = frozenset({"entailment", "entail", "entails", "蕴含", "蕴涵", "蘊含", "蘊涵"})
_CONTRADICTION = frozenset({"contradiction", "contradict", "contradicts", "矛盾"})
_TRAINED = "MoritzLaurer/mDeBERTa-v3-base-mnli-xnli"
_PART = Part(
    setting="entailment",
    kind="a classifier trained on natural-language inference",
    head="classes",
    untrained="judge at random",
    trained=_TRAINED,
    advice=f"use a model trained on natural-language inference, such as {_TRAINED}",
)


class CrossEncoderEntailment:
    """An Entailment over a sequence-classification model. Safe to use from several threads.

    `name` and errors are as for `PairClassifier`; ModelError also where the model's labels
    (`id2label` of its configuration) name no entailment or no contradiction.
    """

    def __init__(self, name: str, *, device: str = "auto") -> None:
        self.name = name
        self._classifier = PairClassifier(name, _PART, device=device)
        labels = _labels(self._classifier.config)
        self._n_labels = len(labels)
        self._columns = [
            _column(name, labels, _ENTAILMENT, "entailment"),
            _column(name, labels, _CONTRADICTION, "contradiction"),
        ]

    def score(self, premises: Sequence[str], claims: Sequence[str]) -> Vectors:
        """Return (n, 2) float32: how likely each premise entails and contradicts its claim.

        A pair that is longer than the model's window is cut. Raises ModelError for a model that
        cannot be loaded or whose classes were never trained.
        """
        pairs = list(zip(premises, claims, strict=True))
        found: Vectors = self._classifier.probabilities(pairs, n_labels=self._n_labels)
        return found[:, self._columns]


def _labels(config: Mapping[str, Any]) -> dict[int, str]:
    """Return the labels by place, case folded; {} where the configuration names none."""
    named = config.get("id2label")
    if not isinstance(named, dict) or sorted(named) != sorted(str(n) for n in range(len(named))):
        return {}
    return {int(place): str(label).strip().casefold() for place, label in named.items()}


def _column(name: str, labels: Mapping[int, str], known: frozenset[str], wanted: str) -> int:
    found = [place for place, label in labels.items() if label in known]
    if len(found) != 1:
        told = ", ".join(repr(label) for label in labels.values()) or "none"
        raise ModelError(
            f"entailment {name!r} has no label for {wanted} (its labels: {told})",
            hint=_PART.advice,
        )
    return found[0]
