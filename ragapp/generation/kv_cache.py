"""The keys and values of one sequence, in a form that transformers' models write to.

`GrowingCache` differs from transformers' DynamicCache in that a token is written in place instead
of copying all earlier ones, and that cropping costs nothing. It holds models all of whose layers
attend to everything; models with sliding windows or recurrent states get the cache that
transformers makes for them, and `CacheKind` says what may be done with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import Cache, DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_FIRST_CAPACITY = 256


@dataclass(frozen=True, slots=True)
class CacheKind:
    """What the layers of a model remember.

    `window` is the shortest sliding window in tokens, None without one: once it is full, tokens can
    no longer be taken back. With `is_recurrent` they never can, and a prompt must be fed in one
    piece. A model that is not `is_attending` has no layer with keys and values.
    """

    window: int | None = None
    is_recurrent: bool = False
    is_attending: bool = True

    @property
    def is_full_attention(self) -> bool:
        """Whether every layer keeps every token."""
        return self.window is None and not self.is_recurrent

    def can_crop(self, n_tokens: int) -> bool:
        """Return whether tokens can be taken back from a cache that holds `n_tokens`."""
        return not self.is_recurrent and (self.window is None or n_tokens < self.window)


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer: (1, heads, capacity, dim) buffers, and views of the part that is used."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys = self._values = torch.empty(1, 0, 0, 0)
        self._n_tokens = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (1, heads, new, dim) keys and values; return views of all that are held."""
        start, end = self._n_tokens, self._n_tokens + key_states.shape[2]
        self._keys = _with_room(self._keys, key_states, n_used=start)
        self._values = _with_room(self._values, value_states, n_used=start)
        self._keys[:, :, start:end] = key_states
        self._values[:, :, start:end] = value_states
        self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        return self.keep(end)

    def keep(self, n_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Hold the first `n_tokens` only, and return views of them."""
        self._n_tokens = n_tokens
        self.keys, self.values = held = self.first(n_tokens)
        return held

    def first(self, n_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return views of the first `n_tokens`."""
        return self._keys[:, :, :n_tokens], self._values[:, :, :n_tokens]  # (1, heads, n, dim)

    def stretch(self, n_tokens: int, *, like: torch.Tensor) -> None:
        """Hold `n_tokens`, the new ones unset: they must be written before they are attended to.

        `like` has the layer's heads, dim, dtype and device.
        """
        new = like[:, :, :1].expand(-1, -1, n_tokens - self._n_tokens, -1)
        self._keys = _with_room(self._keys, new, n_used=self._n_tokens)
        self._values = _with_room(self._values, new, n_used=self._n_tokens)
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True
        self.keep(n_tokens)

    def write(
        self, places: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Set (1, heads, n, dim) keys and values at (n,) ascending places among those held.

        Returns views of all up to the last place.
        """
        self._keys.index_copy_(2, places, keys)
        self._values.index_copy_(2, places, values)
        return self.first(int(places[-1]) + 1)

    def crop(self, tokens_to_remove: int) -> None:
        """Take back tokens from the end, counted as transformers counts: at most 0."""
        if self.is_initialized:  # a layer that borrows another's keys never is
            self.keep(self._n_tokens - abs(tokens_to_remove))

    def get_seq_length(self) -> int:
        """Return how many tokens are held."""
        return self._n_tokens

    @property
    def n_bytes(self) -> int:
        """Bytes that the buffers take, the unused part included."""
        return self._keys.nbytes + self._values.nbytes


class GrowingCache(Cache):
    """A full-attention model's cache, one `GrowingLayer` a layer."""

    def __init__(self, n_layers: int) -> None:
        self.growing_layers = [GrowingLayer() for _ in range(n_layers)]
        super().__init__(layers=list(self.growing_layers))

    def keep_first(self, n_tokens: int) -> None:
        """Drop what a layer holds beyond `n_tokens`."""
        for layer in self.growing_layers:
            if layer.get_seq_length() > n_tokens:
                layer.keep(n_tokens)

    def states(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return copies of all keys and values held: (layers, heads, n, dim) each."""
        held = [layer.first(layer.get_seq_length()) for layer in self.growing_layers]
        return torch.cat([keys for keys, _ in held]), torch.cat([values for _, values in held])

    def place(self, start: int, keys: torch.Tensor, values: torch.Tensor, *, n_tokens: int) -> None:
        """Set (layers, heads, n, dim) states from `start` on, and hold `n_tokens`, at least those.

        What lies between is to be written before it is attended to.
        """
        places = torch.arange(start, start + keys.shape[2], device=keys.device)
        for layer, key, value in zip(self.growing_layers, keys, values, strict=True):
            if layer.get_seq_length() < n_tokens:
                layer.stretch(n_tokens, like=key[None])
            layer.write(places, key[None], value[None])

    def copy_of_first(self, n_tokens: int) -> GrowingCache:
        """Return a cache of its own with the first `n_tokens`, at least one."""
        copy = GrowingCache(len(self.growing_layers))
        for source, target in zip(self.growing_layers, copy.growing_layers, strict=True):
            if source.is_initialized:
                target.update(*source.first(n_tokens))
        return copy


def kind_of(config: PreTrainedConfig) -> CacheKind:
    """Return what the layers of a model with this `config` remember.

    Layers that are neither full attention nor a sliding window count as recurrent, which is always
    safe.
    """
    layers = DynamicCache(config=config).layers
    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        is_attending = any(isinstance(layer, DynamicLayer) for layer in layers)
        return CacheKind(is_recurrent=True, is_attending=is_attending)
    sliding = [layer for layer in layers if isinstance(layer, DynamicSlidingWindowLayer)]
    return CacheKind(window=min((layer.sliding_window for layer in sliding), default=None))


def new_cache(config: PreTrainedConfig, kind: CacheKind) -> Cache:
    """Return an empty cache for a model with this `config`."""
    cache = DynamicCache(config=config)
    return GrowingCache(len(cache.layers)) if kind.is_full_attention else cache


def bytes_of(cache: Cache) -> int:
    """Return the memory that a cache takes."""
    return sum(_layer_bytes(layer) for layer in cache.layers)


def _layer_bytes(layer: object) -> int:
    if isinstance(layer, GrowingLayer):
        return layer.n_bytes
    tensors = [getattr(layer, name, None) for name in ("keys", "values")]
    for name in ("conv_states", "recurrent_states"):
        tensors.extend(getattr(layer, name, {}).values())
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _with_room(buffer: torch.Tensor, states: torch.Tensor, *, n_used: int) -> torch.Tensor:
    """Return a buffer with room for `states` behind the `n_used` tokens of `buffer`."""
    n_rows, n_heads, n_new, dim = states.shape
    n_needed, capacity = n_used + n_new, buffer.shape[2]
    if n_needed <= capacity:
        return buffer
    larger = states.new_empty(n_rows, n_heads, max(n_needed, _FIRST_CAPACITY, 2 * capacity), dim)
    if n_used:
        larger[:, :, :n_used] = buffer[:, :, :n_used]
    return larger  # (1, heads, capacity, dim)
