"""Find a model's files on this machine, without network and without importing torch."""

from __future__ import annotations

import re
from pathlib import Path

from ragapp.errors import ModelNotFoundError

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_REVISION = re.compile(r"[\w.-]*")
ADAPTER_CONFIG = "adapter_config.json"
_SETTING = "RAGAPP_MODEL=/path/to/model"


def find_model(model: str) -> Path:
    """Return the folder that holds `model`: a local directory, or a hub name that was downloaded,
    with or without `@revision`.

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


def find_adapter(adapter: str, *, adapters: Path | None) -> Path:
    """Return the folder of a LoRA adapter: that of this name in `adapters`, else the path itself.

    Raises ModelNotFoundError where there is none.
    """
    folders = ([adapters.expanduser() / adapter] if adapters else []) + [Path(adapter).expanduser()]
    for folder in folders:
        if (folder / ADAPTER_CONFIG).is_file():
            return folder.resolve()
    if adapters is None:
        hint = "name a folder with adapter_config.json, or set adapters to the folder of several"
    else:
        hint = f"in {str(adapters)!r} are: {', '.join(list_adapters(adapters)) or 'none'}"
    raise ModelNotFoundError(f"the adapter {adapter!r} is not on this machine", hint=hint)


def list_adapters(adapters: Path) -> list[str]:
    """Return the names of the LoRA adapters in a folder, each in a folder of its own, sorted."""
    found = adapters.expanduser().glob(f"*/{ADAPTER_CONFIG}")
    return sorted(path.parent.name for path in found)


def _hint_for_missing(model: str) -> str:
    advice = f"set {_SETTING} to the folder of a model"
    if HUB_NAME.fullmatch(split_revision(model)[0]):
        return f"{advice}, or download this one first: ragapp models pull {model}"
    return advice


def split_revision(model: str) -> tuple[str, str]:
    """Return a model's name and its revision, "" where it names none.

    >>> split_revision("Qwen/Qwen3-0.6B@c1899de2")
    ('Qwen/Qwen3-0.6B', 'c1899de2')
    """
    name, _, revision = model.partition("@")
    return name, revision


def _cached_snapshot(model: str) -> Path | None:
    """Return the hub cache's folder of `model`: the revision it names, else main, else the newest.

    A commit may be cut short.
    """
    name, revision = split_revision(model)
    if not HUB_NAME.fullmatch(name) or not _REVISION.fullmatch(revision):
        return None
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=revision or None)
    except HFValidationError:
        return None
    if isinstance(config, str):
        return Path(config).parent
    repository = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    configs = sorted(repository.glob(f"snapshots/{revision}*/config.json"), key=_modified_then_name)
    return configs[-1].parent if configs else None


def _modified_then_name(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.parent.name
