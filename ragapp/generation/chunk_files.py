"""Keys and values of chunks as files, which are a cache: what cannot be read is computed anew.

The durable half of `chunk_store`. A file says of which key it is and what its tensors hash to, so
that one that was cut, altered or mixed up is never used.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

_SUFFIX = ".safetensors"
_READ_ERRORS = (OSError, SafetensorError, KeyError, ValueError, RuntimeError)

_log = logging.getLogger(__name__)


class ChunkFiles:
    """The files in `folder`, which is made when it is needed, together at most `max_bytes`.

    Those read least recently go first. `folder` may hold the files of several models, each in a
    folder named by its `fingerprint`; processes may share it.
    """

    def __init__(self, folder: Path, *, fingerprint: str, max_bytes: int) -> None:
        self._root = folder
        self._folder = folder / fingerprint
        self._max_bytes = max_bytes

    def read(self, key: str) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return (layers, heads, n, dim) keys and values on the CPU, None if there are none."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                written = file.metadata() or {}
                keys, values = file.get_tensor("keys"), file.get_tensor("values")
        except _READ_ERRORS:
            written = {}
        if written != _description(key, keys, values) if written else True:
            _log.warning("a damaged file of the chunk cache is computed anew: %s", path.name)
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(path)  # read most recently
        return keys, values

    def write(self, key: str, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep keys and values, wholly or not at all; a disk that is full costs only time."""
        tensors = {"keys": keys.cpu().contiguous(), "values": values.cpu().contiguous()}
        content = save(tensors, metadata=_description(key, tensors["keys"], tensors["values"]))
        try:
            self._replace(self._path(key), content)
            self._prune()
        except OSError as error:
            _log.warning("the chunk cache cannot be written: %s", error.strerror)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _replace(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def _prune(self) -> None:
        """Delete the files read least recently beyond the limit."""
        files = []
        for path in self._root.glob("*/*"):
            with suppress(FileNotFoundError):  # another process prunes too
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        n_bytes = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if n_bytes <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            n_bytes -= size


def _description(key: str, keys: torch.Tensor, values: torch.Tensor) -> dict[str, str]:
    digest = sha256()
    for tensor in (keys, values):
        digest.update(tensor.view(torch.uint8).numpy().data)
    return {"key": key, "sha256": digest.hexdigest()}
