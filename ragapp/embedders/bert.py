"""A BERT sentence encoder in a page of torch.

The embedded model is a plain BERT with pooling: torch alone runs it, equal to sentence-transformers
within 1e-6, and starts in a third of the time because neither transformers nor scikit-learn is
imported. The tokens of all texts of a batch are laid end to end, so that nothing is ever padded.
Source: Devlin et al. 2019 (BERT), Reimers and Gurevych 2019 (pooling).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ragapp.embedders.model_files import ModelFolder

_SCORES_AT_ONCE = 600_000  # in 2 bytes each: about what a core's second cache holds
_VECTOR = 32  # values of 2 bytes that fill a register of 512 bits
_PLAIN_MODULES = ({"Transformer", "Pooling"}, {"Transformer", "Pooling", "Normalize"})


def is_plain_bert(folder: ModelFolder) -> bool:
    """Tell whether this module can run the model: BERT with mean or first-token pooling.

    It puts nothing before texts, so a model with prompts is none.
    """
    config, pooling = folder.config, folder.pooling
    return (
        set(folder.modules) in _PLAIN_MODULES
        and not folder.prompts
        and config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and _pooling_mode(pooling) in ("mean", "cls")
        and pooling.get("include_prompt", True) is True
        and (folder.path / "model.safetensors").is_file()
        and (folder.path / "tokenizer.json").is_file()
    )


def _pooling_mode(pooling: dict[str, Any]) -> str:
    """Return "mean" or "cls" as the folder declares it, "" for anything else."""
    if "pooling_mode" in pooling:
        return str(pooling["pooling_mode"])
    modes = {key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True}
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return names.get(modes.pop(), "") if len(modes) == 1 else ""


_Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class _Layer:
    """The (weight, bias) pairs of a layer: `heads` are query, key and value in one matrix."""

    heads: _Pair
    mixing: _Pair
    attention_norm: _Pair
    inner: _Pair
    outer: _Pair
    norm: _Pair


class BertEncoder:
    """Token ids -> pooled unit vectors."""

    def __init__(self, folder: ModelFolder, *, device: str, dtype: torch.dtype) -> None:
        config = folder.config
        weights = _load_weights(folder, device)
        self._device = device
        self._dtype = dtype
        self._pools_mean = _pooling_mode(folder.pooling) == "mean"
        self._n_heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._words = weights["embeddings.word_embeddings.weight"]
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"] + segment
        self._norm = _pair(weights, "embeddings.LayerNorm", torch.float32)
        self._layers = [_layer(weights, i, dtype) for i in range(config["num_hidden_layers"])]

    @torch.inference_mode()
    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Return (n, dim) float32 unit vectors for n rows of token ids, special ones included.

        Fastest where rows of equal length stand side by side. N is the number of all tokens.
        """
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.tensor(list(chain.from_iterable(rows)), device=self._device)
        places = torch.cat([torch.arange(len(row)) for row in rows]).to(self._device)
        states = self._words[ids] + self._places[places]  # (N, dim)
        states = self._normed(states, self._norm).to(self._dtype)
        for layer in self._layers:
            states = self._transformed(states, layer, lengths)
        return functional.normalize(self._pooled(states.float(), lengths), dim=-1)

    def _transformed(self, states: Tensor, layer: _Layer, lengths: Tensor) -> Tensor:
        # In place where a result is used once: fresh memory costs a page fault each 4 KiB.
        heads = functional.linear(states, *layer.heads)  # (N, 3 dim)
        attend = _attention(self._device, self._dtype)
        attended = functional.linear(attend(heads, lengths, self._n_heads), *layer.mixing)
        states = self._normed(attended.add_(states), layer.attention_norm)
        inner = torch.ops.aten.gelu_(functional.linear(states, *layer.inner))  # (N, inner)
        return self._normed(functional.linear(inner, *layer.outer).add_(states), layer.norm)

    def _normed(self, states: Tensor, pair: _Pair) -> Tensor:
        return functional.layer_norm(states, states.shape[-1:], *pair, eps=self._epsilon)

    def _pooled(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return (n, dim), the mean or the first state of each text."""
        texts = states.split_with_sizes(lengths.tolist())
        return torch.stack([text.mean(dim=0) if self._pools_mean else text[0] for text in texts])


def choose_dtype(name: str, *, device: str) -> torch.dtype:
    """Return the dtype to compute in: bfloat16 where the device multiplies it natively.

    "auto" chooses; "float32", "bfloat16" and "float16" are taken as they are.
    """
    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.startswith("cuda"):
        is_native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        is_native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.bfloat16 if is_native else torch.float32


def _attention(device: str, dtype: torch.dtype) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Return the fastest of the three that follow, as measured; they agree within rounding."""
    if device != "cpu":
        return _attended_padded
    return _attended_in_pieces if dtype == torch.bfloat16 else _attended


def _attended(heads: Tensor, lengths: Tensor, n_heads: int) -> Tensor:
    """Return (N, dim): each text attends to itself; texts of one length side by side go together.

    No mask is needed, and with one, attention takes several times as long on the CPU.
    """
    mixed = heads.new_empty(heads.shape[0], heads.shape[1] // 3)
    start = 0
    for length, run in groupby(lengths.tolist()):
        n_texts = sum(1 for _ in run)
        end = start + n_texts * length
        parts = heads[start:end].view(n_texts, length, 3, n_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (n, heads, T, dim / heads) each
        found = functional.scaled_dot_product_attention(query, key, value)
        mixed[start:end] = found.transpose(1, 2).reshape(end - start, -1)
        start = end
    return mixed


def _attended_in_pieces(heads: Tensor, lengths: Tensor, n_heads: int) -> Tensor:
    """Return what `_attended` returns, by plain products of so few texts that they stay in cache.

    In bfloat16 this takes two thirds of the time of torch's own attention on the CPU.
    """
    mixed = heads.new_empty(heads.shape[0], heads.shape[1] // 3)
    start = 0
    for length, run in groupby(lengths.tolist()):
        left = sum(1 for _ in run)
        most = max(1, _SCORES_AT_ONCE // (n_heads * length * length))
        while left:
            n_texts = min(left, most)
            end = start + n_texts * length
            parts = heads[start:end].view(n_texts, length, 3, n_heads, -1)
            mixed[start:end] = _products(parts)
            start, left = end, left - n_texts
    return mixed


def _products(parts: Tensor) -> Tensor:
    """Return (n * T, dim), the attention of n texts of T tokens: (n, T, 3, heads, dim / heads).

    Rows of scores are as long as a multiple of the vector registers: softmax runs twice as fast.
    """
    n, length, _, n_heads, width = parts.shape
    query, key, value = parts.permute(2, 0, 3, 1, 4)  # (n, heads, T, width) each
    padding = -length % _VECTOR
    rows = (query * width**-0.5).reshape(n * n_heads, length, width)
    keys = functional.pad(key, (0, 0, 0, padding)).reshape(n * n_heads, length + padding, width)
    values = functional.pad(value, (0, 0, 0, padding)).reshape(n * n_heads, length + padding, width)
    scores = torch.bmm(rows, keys.transpose(1, 2))  # (n * heads, T, T + padding)
    scores[:, :, length:] = -torch.inf
    found = torch.bmm(torch.softmax(scores, dim=-1, out=scores), values)
    return found.view(n, n_heads, length, width).transpose(1, 2).reshape(n * length, -1)


def _attended_padded(heads: Tensor, lengths: Tensor, n_heads: int) -> Tensor:
    """Return what `_attended` returns, in one call for all texts: a GPU waits for each call."""
    length = int(lengths.max())
    mask = (torch.arange(length)[None, :] < lengths[:, None]).to(heads.device)  # (n, T)
    padded = heads.new_zeros(*mask.shape, heads.shape[1])
    padded[mask] = heads
    query, key, value = padded.view(*mask.shape, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
    found = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask[:, None, None, :]
    )
    return found.transpose(1, 2).flatten(2)[mask]  # (N, dim)


def _load_weights(folder: ModelFolder, device: str) -> dict[str, Tensor]:
    loaded = load_file(folder.path / "model.safetensors")
    return {name.removeprefix("bert."): value.float().to(device) for name, value in loaded.items()}


def _pair(weights: dict[str, Tensor], name: str, dtype: torch.dtype) -> _Pair:
    return weights[f"{name}.weight"].to(dtype), weights[f"{name}.bias"].to(dtype)


def _layer(weights: dict[str, Tensor], place: int, dtype: torch.dtype) -> _Layer:
    name = f"encoder.layer.{place}"
    names = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    heads = [_pair(weights, part, dtype) for part in names]
    return _Layer(
        heads=(torch.cat([weight for weight, _ in heads]), torch.cat([bias for _, bias in heads])),
        mixing=_pair(weights, f"{name}.attention.output.dense", dtype),
        attention_norm=_pair(weights, f"{name}.attention.output.LayerNorm", dtype),
        inner=_pair(weights, f"{name}.intermediate.dense", dtype),
        outer=_pair(weights, f"{name}.output.dense", dtype),
        norm=_pair(weights, f"{name}.output.LayerNorm", dtype),
    )
