"""Attention for several sequences whose new tokens lie end to end in one row, without padding.

Linear layers, norms and embeddings work on the row as on any other; only attention must know which
token belongs to which sequence. `PackedCache` takes a row's keys and values apart, and `attend`,
registered with transformers under `NAME`, computes each sequence on its own. One sequence alone
needs no `PackedCache`. Differs from transformers' sdpa in that the query heads that share a key
head are computed together, and that no mask is built for a model that needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, Cache, PreTrainedConfig, PreTrainedModel

from ragapp.generation.kv_cache import GrowingCache

NAME = "ragapp_packed"
# Architectures whose layers hand what the cache returns straight to the attention function.
_ARCHITECTURES = frozenset(
    ["gemma", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2", "qwen3", "smollm3"]
)
_CONSTANT_ROPE = frozenset(["default", "linear", "llama3", "yarn"])  # whatever the length
_MAX_SUFFIX = 128  # tokens for which two products beat the fused kernel with a mask


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where in their sequence tokens stand that are not its last ones: (T,) ascending indices.

    `future` is (T, n) for the n tokens up to the last of them: what each must not attend to.
    """

    indices: torch.Tensor
    future: torch.Tensor

    @classmethod
    def of(cls, places: Sequence[int], *, device: torch.device) -> Places:
        """Return the places with their mask: [0, 2] -> [[0, 1, 1], [0, 0, 0]]."""
        indices = torch.tensor(places, device=device)
        n_tokens = torch.arange(places[-1] + 1, device=device)
        return cls(indices, n_tokens[None] > indices[:, None])


@dataclass(frozen=True, slots=True)
class PackedStates:
    """What a layer remembers of each sequence: (1, heads, n, dim) keys or values, in row order.

    `lengths` are the new tokens of each, the last of its n where it has no `places`.
    """

    states: tuple[torch.Tensor, ...]
    lengths: list[int]
    places: list[Places | None]


class PackedCache(Cache):
    """The caches of several sequences, written to by one forward pass over their new tokens.

    `places` tells of each sequence where its tokens are written, None for behind the last one.
    """

    def __init__(
        self,
        caches: Sequence[Cache],
        lengths: Sequence[int],
        places: Sequence[Places | None] | None = None,
    ) -> None:
        super().__init__(layers=[])
        self._caches = tuple(caches)
        self._lengths = list(lengths)
        self._places: list[Places | None] = (
            [None] * len(self._caches) if places is None else list(places)
        )

    def update(  # type: ignore[override]
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, **_: object
    ) -> tuple[PackedStates, PackedStates]:
        """Append (1, heads, sum of lengths, dim) states to their caches; return all that is held.

        Row [a1 a2 | b1] and caches [A] and [B1 B2] -> keys [A a1 a2] and [B1 B2 b1]
        """
        keys = torch.split(key_states, self._lengths, dim=2)
        values = torch.split(value_states, self._lengths, dim=2)
        held = [
            _updated(cache, places, key, value, layer_idx)
            for cache, places, key, value in zip(
                self._caches, self._places, keys, values, strict=True
            )
        ]
        return (
            PackedStates(tuple(key for key, _ in held), self._lengths, self._places),
            PackedStates(tuple(value for _, value in held), self._lengths, self._places),
        )

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return 0: positions are given, not counted."""
        return 0


def _updated(
    cache: Cache, places: Places | None, keys: torch.Tensor, values: torch.Tensor, layer_idx: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write one sequence's states to its cache; return what they attend to."""
    if places is None:
        return cache.update(keys, values, layer_idx)
    assert isinstance(cache, GrowingCache)
    return cache.growing_layers[layer_idx].write(places.indices, keys, values)


def can_pack(config: PreTrainedConfig) -> bool:
    """Return whether `attend` computes what models with this `config` mean by attention."""
    rope = getattr(config, "rope_parameters", None) or {}
    windows = set(getattr(config, "layer_types", None) or ["full_attention"])
    return (
        config.model_type in _ARCHITECTURES
        and config._attn_implementation in ("sdpa", NAME)
        and rope.get("rope_type", "default") in _CONSTANT_ROPE
        and windows == {"full_attention"}
    )


def use_packed_attention(model: PreTrainedModel) -> None:
    """Make `model` attend by `attend`; without padding its results stay what they were."""
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)


def attend(
    _module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor | PackedStates,
    value: torch.Tensor | PackedStates,
    _mask: torch.Tensor | None = None,
    *,
    scaling: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Return (1, T, heads, dim): each query attends to its sequence up to and with itself.

    `query` is (1, heads, T, dim), the last T tokens of what `key` and `value` hold.
    """
    if isinstance(key, PackedStates) and isinstance(value, PackedStates):
        queries = torch.split(query, key.lengths, dim=2)
        parts = [
            _attend_one(one, keys, values, scaling=scaling, places=places)
            for one, keys, values, places in zip(
                queries, key.states, value.states, key.places, strict=True
            )
        ]
        attended = torch.cat(parts, dim=2)
    else:
        assert isinstance(key, torch.Tensor)
        assert isinstance(value, torch.Tensor)
        attended = _attend_one(query, key, value, scaling=scaling)
    return attended.transpose(1, 2).contiguous(), None  # (1, T, heads, dim)


def _attend_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    scaling: float | None,
    places: Places | None = None,
) -> torch.Tensor:
    """Return (batch, heads, T, dim) for queries at `places`, else the last T, of the n keys."""
    n_rows, n_heads, n_new, dim = query.shape
    n_key_heads, n_tokens = key.shape[1], key.shape[2]
    n_shared = n_heads // n_key_heads
    if n_new == 1:
        packed = query.reshape(n_rows, n_key_heads, n_shared, dim)
        attended = scaled_dot_product_attention(packed, key, value, scale=scaling)
        return attended.reshape(n_rows, n_heads, 1, dim)
    if n_new == n_tokens:
        return scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=n_shared > 1
        )
    if n_new <= _MAX_SUFFIX:
        future = places.future if places else _future(n_new, n_new, device=query.device)
        return _attend_suffix(query, key, value, future, scaling=scaling or dim**-0.5)
    future = places.future if places else _future(n_new, n_tokens, device=query.device)
    mask = ~future  # (T, n)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scaling, enable_gqa=n_shared > 1
    )


def _future(n_new: int, n_tokens: int, *, device: torch.device) -> torch.Tensor:
    """Return (n_new, n_tokens): which of the tokens the last `n_new` of them do not attend to."""
    future = torch.ones(n_new, n_tokens, dtype=torch.bool, device=device)
    return future.triu_(n_tokens - n_new + 1)


def _attend_suffix(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    future: torch.Tensor,
    *,
    scaling: float,
) -> torch.Tensor:
    """Return (batch, heads, T, dim) by two products, the query heads of a key head together.

    `future` is (T, m), what of the last m keys each query must not attend to.
    """
    n_rows, n_heads, n_new, dim = query.shape
    n_key_heads, n_tokens = key.shape[1], key.shape[2]
    packed = query.reshape(n_rows, n_key_heads, -1, dim)  # (batch, key heads, shared * T, dim)
    scores = (packed @ key.transpose(-1, -2)).float().mul_(scaling)
    scores = scores.view(n_rows, n_key_heads, -1, n_new, n_tokens)
    scores[..., n_tokens - future.shape[1] :].masked_fill_(future, float("-inf"))
    weights = scores.softmax(dim=-1).to(value.dtype).view(n_rows, n_key_heads, -1, n_tokens)
    return (weights @ value).view(n_rows, n_heads, n_new, dim)
