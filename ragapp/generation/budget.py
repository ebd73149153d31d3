"""Will a model fit? Weights and KV cache against the free memory, told before anything is loaded.

Sizes are read from the headers of the safetensors files and from the configuration.
"""

from __future__ import annotations

import json
import logging
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig

from ragapp.errors import ModelError
from ragapp.generation.packed_linear import can_pack
from ragapp.generation.quantized_linear import Quantization, quantized_bytes

ROOM_BYTES = 128 * 2**20  # for activations and logits of one piece of a prompt
_LEAST_CONTEXT_TOKENS = 2048  # with fewer, no passages fit beside a question
_MAX_HEADER_BYTES = 100 * 2**20  # as the format allows
_FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Bytes of a model's weights in the dtype they are loaded in, and of each token it remembers.

    `n_floats` are the weights whose size the dtype decides; those of quantised layers are not.
    `loading_bytes` are those of weights that are quantised only after they were loaded.
    """

    weight_bytes: int
    token_bytes: int
    n_floats: int
    loading_bytes: int = 0

    def context_within(self, free_bytes: int) -> int:
        """Return how many tokens of context fit beside the weights, 0 if not even these do."""
        if free_bytes < self.loading_bytes + ROOM_BYTES:
            return 0
        return max(0, free_bytes - self.weight_bytes - ROOM_BYTES) // self.token_bytes


@dataclass(frozen=True, slots=True)
class Budget:
    """A model's size beside the memory that was free before it was loaded."""

    size: ModelSize
    own_tokens: int
    asked_tokens: int | None
    free_bytes: int

    def context_tokens(self, *, name: str, adapter_bytes: int = 0) -> int:
        """Return the context that fits beside the weights and the adapters. Raises ModelError."""
        return fit_context(
            replace(self.size, weight_bytes=self.size.weight_bytes + adapter_bytes),
            name=name,
            own_tokens=self.own_tokens,
            asked_tokens=self.asked_tokens,
            free_bytes=self.free_bytes,
        )


def adapter_size(folder: Path, *, dtype: torch.dtype) -> int:
    """Return the bytes of the LoRA adapter in `folder` as `dtype`, 0 where it cannot be read."""
    headers = [_header(path) or [] for path in sorted(folder.glob("*.safetensors"))]
    tensors = [tensor for header in headers for tensor in header]
    n_values: int = sum(math.prod(tensor["shape"]) for tensor in tensors)
    return n_values * dtype.itemsize


def size_of(
    folder: Path, config: PreTrainedConfig, *, dtype: torch.dtype, device: torch.device
) -> ModelSize:
    """Return the size of the model in `folder`, loaded on `device` as `dtype`.

    A file whose header cannot be read counts by its length; what is wrong with it, loading tells.
    """
    n_bytes = n_floats = 0
    for path in sorted(folder.glob("*.safetensors")):
        tensors = _header(path)
        if tensors is None:
            n_bytes += path.stat().st_size
            continue
        for tensor in tensors:
            n_values = math.prod(tensor["shape"])
            if tensor["dtype"] in _FLOATS:
                n_floats += n_values
            else:
                start, end = tensor["data_offsets"]
                n_bytes += end - start
    text = config.get_text_config(decoder=True)
    if can_pack(device, dtype) and getattr(text, "tie_word_embeddings", False):
        n_bytes += text.vocab_size * text.hidden_size * dtype.itemsize  # the output layer, packed
    weight_bytes = n_bytes + n_floats * dtype.itemsize
    return ModelSize(weight_bytes, _token_bytes(config, dtype), n_floats)


def quantized_size(
    size: ModelSize, folder: Path, config: PreTrainedConfig, *, quantization: Quantization
) -> ModelSize:
    """Return the size of a model of `size` in bfloat16 once its linear layers are quantised."""
    if not quantization:
        return size
    headers = [_header(path) or [] for path in sorted(folder.glob("*.safetensors"))]
    n_saved = 0
    for tensor in (tensor for header in headers for tensor in header):
        name, shape = tensor["name"], tensor["shape"]
        is_linear = len(shape) == 2 and tensor["dtype"] in _FLOATS and "embed" not in name
        if is_linear and name.endswith("weight"):
            kind: Quantization = "int8" if "lm_head" in name else quantization
            n_saved += 2 * math.prod(shape) - quantized_bytes(shape[0], shape[1], kind)
    text = config.get_text_config(decoder=True)
    if getattr(text, "tie_word_embeddings", False):  # counted by `size_of` where it can be packed
        n_rows, n_columns = text.vocab_size, text.hidden_size
        n_saved -= quantized_bytes(n_rows, n_columns, "int8")
        if can_pack(torch.device("cpu"), torch.bfloat16):
            n_saved += 2 * n_rows * n_columns
    n_bytes = size.weight_bytes - n_saved
    return ModelSize(n_bytes, size.token_bytes, size.n_floats, size.n_floats * 2)


def fit_context(
    size: ModelSize, *, name: str, own_tokens: int, asked_tokens: int | None, free_bytes: int
) -> int:
    """Return the context for which the memory suffices: what was asked, else up to the model's own.

    Raises ModelError for a model that does not fit, or not with the context asked for.
    """
    wanted = min(own_tokens, asked_tokens or own_tokens)
    fitting = size.context_within(free_bytes)
    if fitting >= wanted:
        return wanted
    least = asked_tokens or _LEAST_CONTEXT_TOKENS
    if fitting < min(least, own_tokens):
        raise _refusal(size, name=name, n_tokens=min(least, own_tokens), free_bytes=free_bytes)
    _log.warning(
        "%s: the free memory holds a context of %d tokens, not the model's %d",
        name, fitting, own_tokens,
    )  # fmt: skip
    return fitting


def _refusal(size: ModelSize, *, name: str, n_tokens: int, free_bytes: int) -> ModelError:
    """Return the error that tells what is missing, and what would fit."""
    if free_bytes < size.loading_bytes + ROOM_BYTES:
        return ModelError(
            f"{name!r} takes {_gigabytes(size.loading_bytes + ROOM_BYTES)} while it is loaded, "
            f"before it is quantised, and {_gigabytes(free_bytes)} are free",
            hint="free memory, or choose a smaller model",
        )
    kv_bytes = n_tokens * size.token_bytes
    message = (
        f"{name!r} needs {_gigabytes(size.weight_bytes + kv_bytes + ROOM_BYTES)} "
        f"({_gigabytes(size.weight_bytes)} of weights, {_gigabytes(kv_bytes)} for a context of "
        f"{n_tokens} tokens), and {_gigabytes(free_bytes)} are free"
    )
    fitting = size.context_within(free_bytes)
    if fitting >= min(_LEAST_CONTEXT_TOKENS, n_tokens):
        return ModelError(message, hint=f"set context_tokens to at most {fitting}")
    in_half = size.weight_bytes - 2 * size.n_floats  # where weights of 4 bytes take 2
    is_wide = size.weight_bytes >= 4 * size.n_floats > 0
    if is_wide and in_half + kv_bytes // 2 + ROOM_BYTES <= free_bytes:
        return ModelError(message, hint="set dtype to bfloat16, which takes half of it")
    n_parameters = max(0, free_bytes - ROOM_BYTES) * 4 // 5 // 2  # a fifth is left for the context
    return ModelError(
        message,
        hint=f"free memory, or choose a model of at most {n_parameters / 1e9:.1f} billion "
        "parameters in bfloat16; ragapp models recommend names some",
    )


def _header(path: Path) -> list[dict[str, Any]] | None:
    """Return what a safetensors file says of its tensors, None where that cannot be read."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= min(_MAX_HEADER_BYTES, path.stat().st_size):
            return None
        text = file.read(length)
    try:
        tensors = list(_tensors(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return tensors


def _tensors(header: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            yield {
                "name": name,
                "dtype": str(tensor["dtype"]),
                "shape": [int(n) for n in tensor["shape"]],
                "data_offsets": (int(start), int(end)),
            }


def _token_bytes(config: PreTrainedConfig, dtype: torch.dtype) -> int:
    """Return the bytes of one token's keys and values, were every layer to keep all of them."""
    text = config.get_text_config(decoder=True)
    n_heads = getattr(text, "num_attention_heads", None) or 1
    n_key_heads = getattr(text, "num_key_value_heads", None) or n_heads
    dim = getattr(text, "head_dim", None) or getattr(text, "hidden_size", n_heads) // n_heads
    n_layers = getattr(text, "num_hidden_layers", None) or 1
    return int(max(1, 2 * n_layers * n_key_heads * dim * dtype.itemsize))


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
