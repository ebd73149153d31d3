"""Models in the hub's cache on this machine: list, download, remove.

The only module that ever reaches for the network, and only when told to: `pull_model`. Weights are
taken as safetensors alone, of one revision, and a download that was cut off goes on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragapp.errors import ModelError, ModelNotFoundError, UsageError
from ragapp.generation.locating import HUB_NAME, split_revision

if TYPE_CHECKING:
    from huggingface_hub import HFCacheInfo

_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that was downloaded: bytes on disk, commit, and whether ragapp can load it."""

    name: str
    revision: str
    n_bytes: int
    architecture: str
    is_loadable: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def list_models() -> list[LocalModel]:
    """Return the models in the hub's cache, by name, the newest revision first."""
    cache = _cache()
    if cache is None:
        return []
    revisions = [
        (repo.repo_id, -revision.last_modified, revision)
        for repo in cache.repos
        if repo.repo_type == "model"
        for revision in repo.revisions
    ]
    return [
        _described(name, revision.commit_hash, revision.snapshot_path, revision.size_on_disk)
        for name, _, revision in sorted(revisions, key=lambda item: item[:2])
    ]


def pull_model(name: str) -> LocalModel:
    """Download the model `name` or `name@revision` into the hub's cache, going on where it stopped.

    The revision is resolved to a commit first; without one it is that of main. Progress is shown on
    stderr. Raises UsageError for what is no name, ModelNotFoundError where the hub has no such
    model or no safetensors of it, ModelError where the hub cannot be reached.
    """
    repository, revision = split_revision(name)
    if not HUB_NAME.fullmatch(repository):
        raise UsageError(f"{name!r} is no model's name", hint="write it like Qwen/Qwen3-0.6B")
    offline = next((variable for variable in _OFFLINE if os.environ.get(variable)), None)
    if offline:
        raise ModelError(f"{offline} is set, so nothing is downloaded", hint=f"unset {offline}")
    from huggingface_hub import HfApi, snapshot_download

    with _translated(name):
        info = HfApi().model_info(repository, revision=revision or "main")
    held = [file.rfilename for file in info.siblings or []]
    if not any(file.endswith(".safetensors") for file in held):
        raise ModelNotFoundError(
            f"{name!r} has no weights as safetensors, and those of other formats are not loaded",
            hint="choose another model: ragapp models recommend",
        )
    commit = str(info.sha)
    with _translated(name):
        folder = snapshot_download(repository, revision=commit, allow_patterns=list(_FILES))
    size = sum(path.stat().st_size for path in Path(folder).iterdir() if path.is_file())
    return _described(repository, commit, Path(folder), size)


def remove_model(name: str) -> int:
    """Remove `name`, or the one revision `name@commit`, from the cache; return the bytes freed.

    Raises ModelNotFoundError where it is not there.
    """
    repository, revision = split_revision(name)
    cache = _cache()
    commits = [
        held.commit_hash
        for repo in (cache.repos if cache else ())
        if repo.repo_id == repository and repo.repo_type == "model"
        for held in repo.revisions
        if held.commit_hash.startswith(revision)
    ]
    if cache is None or not commits:
        raise ModelNotFoundError(
            f"the model {name!r} is not in the cache", hint="see: ragapp models list"
        )
    strategy = cache.delete_revisions(*commits)
    strategy.execute()
    return int(strategy.expected_freed_size)


def _cache() -> HFCacheInfo | None:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        return scan_cache_dir()
    except CacheNotFound:
        return None


def _described(name: str, commit: str, folder: Path, n_bytes: int) -> LocalModel:
    architecture = _architecture(folder)
    has_weights = any(folder.glob("*.safetensors"))
    is_loadable = has_weights and architecture.endswith(("ForCausalLM", "LMHeadModel"))
    return LocalModel(name, commit, n_bytes, architecture, is_loadable)


def _architecture(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str((config.get("architectures") or [""])[0])
    except (OSError, ValueError, AttributeError):
        return ""


@contextmanager
def _translated(name: str) -> Iterator[None]:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    unreachable: tuple[type[Exception], ...] = (HfHubHTTPError, LocalEntryNotFoundError, OSError)
    unreachable += _transport_errors()
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name!r} is given only to those who accepted its terms",
            hint="accept them on its page, then run: hf auth login",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelNotFoundError(
            f"the hub has no model {name!r}", hint="see: ragapp models recommend"
        ) from error
    except unreachable as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{name!r} cannot be downloaded: {reason}",
            hint="look at the network, then run the same command again: it goes on",
        ) from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the HTTP library that the hub's client uses: httpx, later httpx2."""
    loaded = (sys.modules.get(name) for name in ("httpx", "httpx2"))
    return tuple(module.HTTPError for module in loaded if module is not None)
