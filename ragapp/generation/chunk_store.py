"""Keys and values of chunks, each computed once as if it stood alone at the head of a sequence.

Kept by model, adapter, tokens and dtype: in memory, and as files where `chunk_files` are given.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

import torch

from ragapp.generation.chunk_files import ChunkFiles


@dataclass(frozen=True, slots=True, eq=False)
class ChunkStates:
    """The (layers, heads, n, dim) keys and values of a chunk's n tokens, at places 0 to n."""

    keys: torch.Tensor
    values: torch.Tensor

    @property
    def n_bytes(self) -> int:
        """The memory that they take."""
        return self.keys.nbytes + self.values.nbytes


def chunk_key(ids: Sequence[int], *, adapter: str) -> str:
    """Return the name of a chunk's states: 64 hex digits of tokens and the adapter's
    fingerprint."""
    digest = sha256(adapter.encode() + b"\0")
    digest.update(array("q", ids).tobytes())
    return digest.hexdigest()


class ChunkStore:
    """Chunks by key, together at most `max_bytes` of memory; the least recently used go first."""

    def __init__(
        self, *, max_bytes: int, device: torch.device, files: ChunkFiles | None = None
    ) -> None:
        self._max_bytes = max_bytes
        self._device = device
        self._files = files
        self._lock = Lock()
        self._held: OrderedDict[str, ChunkStates] = OrderedDict()
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """The memory that the chunks take."""
        return self._n_bytes

    def get(self, key: str) -> ChunkStates | None:
        """Return a chunk that is held or was written, None if it must be computed."""
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held
        read = self._files.read(key) if self._files else None
        if read is None:
            return None
        states = ChunkStates(*(tensor.to(self._device) for tensor in read))
        self._hold(key, states)
        return states

    def put(self, key: str, states: ChunkStates) -> None:
        """Keep a chunk that was computed."""
        self._hold(key, states)
        if self._files:
            self._files.write(key, states.keys, states.values)

    def clear(self) -> None:
        """Forget what is held in memory."""
        with self._lock:
            self._held.clear()
            self._n_bytes = 0

    def _hold(self, key: str, states: ChunkStates) -> None:
        with self._lock:
            replaced = self._held.pop(key, None)
            self._n_bytes += states.n_bytes - (replaced.n_bytes if replaced else 0)
            self._held[key] = states
            while self._n_bytes > self._max_bytes:
                _, oldest = self._held.popitem(last=False)
                self._n_bytes -= oldest.n_bytes
