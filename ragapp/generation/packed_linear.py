"""Linear layers whose weights lie in the order in which oneDNN's kernels read them.

In bfloat16 a plain linear layer brings its weights into that order anew at every call, which for a
few rows costs more than the product itself: packed once, a token is decoded from the same numbers
in half the time, and eight rows cost as much as one. Products are equal to the bit.
"""

from __future__ import annotations

import torch
from torch import nn

from ragapp.generation.linear_layers import replace_linears


class PackedLinear(nn.Module):
    """Computes what the `linear` it was made from does; its own copy of the weights is opaque."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, 1)
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (..., out) products of (..., in) rows."""
        flat = rows.reshape(-1, self.in_features)
        products: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            flat, self._weight, self._bias, "none", [], ""
        )
        return products.view(*rows.shape[:-1], self.out_features)


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether packing pays: bfloat16 on a CPU for which torch was built with oneDNN."""
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


@torch.no_grad()
def pack_linears(model: nn.Module) -> int:
    """Replace the linear layers of `model` in place, and return how many were.

    The plain weights are freed one layer at a time, so that memory does not grow, but for the
    output layer of a model that shares it with the embeddings, which is there twice afterwards.
    """

    def packed(layer: nn.Linear) -> nn.Module | None:
        pays = can_pack(layer.weight.device, layer.weight.dtype)
        return PackedLinear(layer) if pays else None

    return replace_linears(model, packed)
