"""A cross-encoder as Reranker: question and passage read together, one score for the pair.

A checkpoint whose score head was never trained would rank at random, and say nothing of it:
transformers fills missing weights with random ones. It is refused here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
_TRAINED = "BAAI/bge-reranker-v2-m3"
_ADVICE = f"use a model that was trained to rank, such as {_TRAINED}"


class CrossEncoderReranker:
    """A Reranker over a sequence-classification model. Safe to use from several threads.

    `name` is a folder, or the name of a model in the hub's cache; the network is never asked.
    Raises ModelNotFoundError when it is not on this machine, and ModelError when it is of a kind
    that has no score head. Weights load at the first question.
    """

    def __init__(self, name: str, *, device: str = "auto") -> None:
        self.name = name
        self._device = device
        self._folder = _locate(name)
        self._lock = Lock()
        self._model: Any = None
        _check_architecture(name, self._folder)

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        """Return in (n,) float32, 0 to 1, how well each passage answers the question.

        A pair that is longer than the model's window is cut. Raises ModelError for a model that
        cannot be loaded or has no trained score head.
        """
        if not passages:
            return np.zeros(0, dtype=np.float32)
        from torch.nn import Sigmoid

        with self._lock:
            if self._model is None:
                self._model = self._loaded()
            scores = self._model.predict(
                [(question, passage) for passage in passages],
                activation_fn=Sigmoid(),
                show_progress_bar=False,
            )
        return np.asarray(scores, dtype=np.float32)

    def _loaded(self) -> Any:
        from sentence_transformers import CrossEncoder

        device = resolve_device(self._device)
        try:
            with quiet_loading():
                model = CrossEncoder(str(self._folder), device=device, local_files_only=True)
            stored = _stored_names(self._folder)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"reranker {self.name!r} cannot be loaded: {error}",
                hint="download or save the model again",
            ) from error
        self._check_head(model, stored)
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
                f"reranker {self.name!r} has no trained score head: {made_up[0]!r} is not among "
                "its weights, so that it would rank at random",
                hint=_ADVICE,
            )
        if model.num_labels != 1:
            raise ModelError(
                f"reranker {self.name!r} gives {model.num_labels} scores a pair, expected 1",
                hint=_ADVICE,
            )


def _locate(name: str) -> Path:
    path = Path(name).expanduser()
    folder = path if path.is_dir() else cached_snapshot(name, "config.json")
    if folder is None:
        raise ModelNotFoundError(
            f"reranker {name!r} is not on this machine",
            hint="set reranker to the folder of a cross-encoder, or leave it empty",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"reranker {name!r} has no safetensors weights; other files can run code",
            hint="save the model again as safetensors",
        )
    return folder


def _check_architecture(name: str, folder: Path) -> None:
    """Raise ModelError for a model that was not saved as a classifier, naming what it is."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architecture = str((config.get("architectures") or ["unnamed"])[0])
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"reranker {name!r} has no readable config.json", hint="download the model again"
        ) from error
    if architecture.endswith(_TASK):
        return
    hint = _ADVICE
    if architecture.endswith("ForCausalLM"):
        hint = f"use a {_TASK[3:]} version of it (often named -seq-cls), or {_TRAINED}"
    raise ModelError(
        f"reranker {name!r} is a {architecture}, which has no trained score head", hint=hint
    )


def _stored_names(folder: Path) -> set[str]:
    names: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            names.update(weights.keys())
    return names
