"""A sequence-classification checkpoint that reads two texts together: found, checked, loaded once.

A checkpoint whose head was never trained would judge at random, and say nothing of it: transformers
fills missing weights with random ones. It is refused here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ragapp.embedders.device import resolve_device
from ragapp.embedders.quiet import quiet_loading
from ragapp.errors import ModelError, ModelNotFoundError
from ragapp.hub_cache import cached_snapshot
from ragapp.protocols import Vectors

_TASK = "ForSequenceClassification"


@dataclass(frozen=True, slots=True)
class Part:
    """What a model is wanted for, in the words of its errors.

    `setting` names it, `kind` is what a fitting model is, `head` what it needs above the encoder,
    `untrained` what it would do without, `trained` one that fits, and `advice` what to do.
    """

    setting: str
    kind: str
    head: str
    untrained: str
    trained: str
    advice: str


class PairClassifier:
    """A classifier over pairs of texts. Safe to use from several threads.

    `name` is a folder, or the name of a model in the hub's cache; the network is never asked.
    Raises ModelNotFoundError when it is not on this machine, and ModelError when it is of a kind
    that has no such head. Weights load with the first pairs.
    """

    def __init__(self, name: str, part: Part, *, device: str) -> None:
        self._called = f"{part.setting} {name!r}"
        self._part = part
        self._device = device
        self._folder = _locate(name, part)
        self._lock = Lock()
        self._model: Any = None
        self.config = _read_config(self._called, self._folder)
        self._check_architecture()

    def probabilities(self, pairs: Sequence[tuple[str, str]], *, n_labels: int) -> Vectors:
        """Return (n, n_labels) float32, in the order of `pairs`; longer pairs are cut.

        The sigmoid of a single logit, the softmax of several.

        Raises ModelError for a model that cannot be loaded, whose head was never trained, or that
        has another number of labels.
        """
        if not pairs:
            return np.zeros((0, n_labels), dtype=np.float32)
        from torch.nn import Sigmoid, Softmax

        with self._lock:
            if self._model is None:
                self._model = self._loaded(n_labels)
            found = self._model.predict(
                list(pairs),
                activation_fn=Sigmoid() if n_labels == 1 else Softmax(dim=-1),
                show_progress_bar=False,
            )
        return np.asarray(found, dtype=np.float32).reshape(len(pairs), n_labels)

    def _loaded(self, n_labels: int) -> Any:
        from sentence_transformers import CrossEncoder

        device = resolve_device(self._device)
        try:
            with quiet_loading():
                model = CrossEncoder(str(self._folder), device=device, local_files_only=True)
            stored = _stored_names(self._folder)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{self._called} cannot be loaded: {error}",
                hint="download or save the model again",
            ) from error
        self._check_head(model, stored)
        if model.num_labels != n_labels:
            raise ModelError(
                f"{self._called} gives {model.num_labels} scores a pair, expected {n_labels}",
                hint=self._part.advice,
            )
        return model

    def _check_head(self, model: Any, stored: set[str]) -> None:
        """Raise ModelError where a weight above the encoder is not stored, but made up."""
        prefix = f"{model.model.base_model_prefix}."
        made_up = sorted(
            name
            for name in model.model.state_dict()
            if (".pooler." in name or not name.startswith(prefix)) and name not in stored
        )
        if made_up:
            raise ModelError(
                f"{self._called} has no trained {self._part.head}: {made_up[0]!r} is not among "
                f"its weights, so that it would {self._part.untrained}",
                hint=self._part.advice,
            )

    def _check_architecture(self) -> None:
        """Raise ModelError for a model that was not saved as a classifier, naming what it is."""
        architecture = str((self.config.get("architectures") or ["unnamed"])[0])
        if architecture.endswith(_TASK):
            return
        hint = self._part.advice
        if architecture.endswith("ForCausalLM"):
            hint = (
                f"use a {_TASK[3:]} version of it (often named -seq-cls), or {self._part.trained}"
            )
        raise ModelError(
            f"{self._called} is a {architecture}, which has no trained {self._part.head}", hint=hint
        )


def _locate(name: str, part: Part) -> Path:
    path = Path(name).expanduser()
    folder = path if path.is_dir() else cached_snapshot(name, "config.json")
    if folder is None:
        raise ModelNotFoundError(
            f"{part.setting} {name!r} is not on this machine",
            hint=f"set {part.setting} to the folder of {part.kind}, or leave it empty",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{part.setting} {name!r} has no safetensors weights; other files can run code",
            hint="save the model again as safetensors",
        )
    return folder


def _read_config(called: str, folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(called) from error
    if not isinstance(config, dict) or not isinstance(config.get("architectures") or [], list):
        raise _unreadable(called)
    return config


def _unreadable(called: str) -> ModelError:
    return ModelError(f"{called} has no readable config.json", hint="download the model again")


def _stored_names(folder: Path) -> set[str]:
    names: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            names.update(weights.keys())
    return names
