"""Find a model's files on this machine, without network and without importing torch."""

from __future__ import annotations

import re
from pathlib import Path

from ragapp.errors import ModelNotFoundError

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_SETTING = "RAGAPP_MODEL=/path/to/model"


def find_model(model: str) -> Path:
    """Return the folder that holds `model`: a local directory, or a hub name that was downloaded.

    Raises ModelNotFoundError where there is neither, or where the folder lacks its configuration or
    its weights as safetensors.
    """
    directory = Path(model).expanduser()
    folder = directory if model and directory.is_dir() else _cached_snapshot(model)
    if folder is None:
        raise ModelNotFoundError(
            f"the model {model!r} is not on this machine", hint=_hint_for_missing(model)
        )
    if not (folder / "config.json").is_file():
        raise ModelNotFoundError(
            f"{str(folder)!r} holds no config.json, so it is not a model",
            hint=f"set {_SETTING} to a folder with config.json, tokenizer.json and *.safetensors",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelNotFoundError(
            f"{str(folder)!r} holds no *.safetensors, and weights of other formats are not loaded",
            hint=f"set {_SETTING} to a folder whose weights were saved as safetensors",
        )
    return folder


def _hint_for_missing(model: str) -> str:
    advice = f"set {_SETTING} to the folder of a model"
    if _HUB_NAME.fullmatch(model):
        return f"{advice}, or download this one first: hf download {model}"
    return advice


def _cached_snapshot(model: str) -> Path | None:
    """Return the hub cache's folder of `model`: revision main, else the one downloaded last."""
    if not _HUB_NAME.fullmatch(model):
        return None
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(model, "config.json")
    except HFValidationError:
        return None
    if isinstance(config, str):
        return Path(config).parent
    repository = Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"
    configs = sorted(repository.glob("snapshots/*/config.json"), key=_modified_then_name)
    return configs[-1].parent if configs else None


def _modified_then_name(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.parent.name
