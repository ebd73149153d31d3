"""A linear layer with LoRA adapters beside it, one of which counts at a time.

The layer itself is called as it is, packed or not, and is never written to: another adapter is
another pair of small matrices, and without one the products are the base model's to the bit.
Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import linear


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """What an adapter adds to a layer: rows @ down.T @ up.T; (rank, in) and (out, rank), scaled."""

    down: torch.Tensor
    up: torch.Tensor


class Chosen:
    """The adapter that counts now, the same for all layers of a model; "" is the base model."""

    def __init__(self) -> None:
        self.name = ""


class AdaptedLinear(nn.Module):
    """Computes what `layer` does, and adds what the chosen adapter says of it, if anything."""

    def __init__(self, layer: nn.Module, chosen: Chosen) -> None:
        super().__init__()
        self.layer = layer
        self.adapters: dict[str, LowRank] = {}
        self._chosen = chosen

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (..., out) products of (..., in) rows."""
        products: torch.Tensor = self.layer(rows)
        adapter = self.adapters.get(self._chosen.name)
        if adapter is None:
            return products
        return products + linear(linear(rows, adapter.down), adapter.up)


def add_adapter(
    model: nn.Module, name: str, parts: Mapping[str, LowRank], *, chosen: Chosen
) -> None:
    """Put an adapter's `parts` beside the layers of `model` that they are named after."""
    for path, part in parts.items():
        layer = model.get_submodule(path)
        if not isinstance(layer, AdaptedLinear):
            layer = AdaptedLinear(layer, chosen)
            model.set_submodule(path, layer)
        layer.adapters[name] = part
