"""Linear layers whose weights are held in 8 or 4 bits, for bfloat16 models on a CPU.

A token is decoded by kernels of torch that read the small weights; for the many rows of a prompt
the weights are first brought back to bfloat16, one layer at a time, because these kernels are slow
there. Differs from `packed_linear` in that products are near those of the plain layer, not equal.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn.functional import linear

Quantization = Literal["", "int8", "int4"]
GROUP = 32  # weights of a row that share a scale and an offset in 4 bits
_MOST_ROWS_8, _MOST_ROWS_4 = 4, 48  # beyond, the product in bfloat16 is faster
_BLOCK = 64  # rows that the 4-bit kernel takes together, with AVX-512
_MIN_WEIGHTS = 4096


class Int8Linear(nn.Module):
    """A layer in 8 bits, with a scale for each output."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(dim=1).clamp_min(1e-8) / 127
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._weight = (weight / scale[:, None]).round().to(torch.int8).contiguous()
        self._scale = scale.bfloat16()  # (out,)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (..., out) products of (..., in) rows."""
        flat = rows.reshape(-1, self.in_features)
        if len(flat) <= _MOST_ROWS_8:
            products = torch.ops.aten._weight_int8pack_mm(flat, self._weight, self._scale)
        else:
            products = linear(flat, self._weight.bfloat16()) * self._scale
        return _shaped(products, rows, self._bias)


class Int4Linear(nn.Module):
    """A layer in 4 bits, with a scale and an offset for each `GROUP` weights of a row."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        groups = layer.weight.detach().float().view(self.out_features, -1, GROUP)
        low = groups.amin(dim=-1, keepdim=True)
        scale = ((groups.amax(dim=-1, keepdim=True) - low) / 15).clamp_min(1e-6)
        levels = ((groups - low) / scale).round().clamp(0, 15).to(torch.int32)
        levels = levels.view(self.out_features, self.in_features)
        middle = low + 8 * scale  # the kernel counts levels from -8
        stacked = torch.stack([scale.squeeze(-1), middle.squeeze(-1)], dim=-1)
        self._scales = stacked.transpose(0, 1).contiguous().bfloat16()  # (in / GROUP, out, 2)
        self._weight = torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels, 1)
        self._bias = None if layer.bias is None else layer.bias.detach()
        self._is_readable = self._reads(levels)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (..., out) products of (..., in) rows."""
        flat = rows.reshape(-1, self.in_features).contiguous()
        if len(flat) <= _MOST_ROWS_4 or not self._is_readable:
            products = torch.ops.aten._weight_int4pack_mm_for_cpu(
                flat, self._weight, GROUP, self._scales
            )
        else:
            products = flat @ self._plain()
        return _shaped(products, rows, self._bias)

    def _reads(self, levels: torch.Tensor) -> bool:
        """Return whether `_levels` understands the order in which this CPU's kernel packs."""
        if self.out_features % _BLOCK:
            return False
        blocks = levels.view(-1, _BLOCK, self.in_features).transpose(1, 2)
        return torch.equal(self._levels(), blocks.to(torch.uint8))

    def _levels(self) -> torch.Tensor:
        """Return the (blocks, in, _BLOCK) levels: a byte holds those of outputs i and i + 32."""
        packed = self._weight.view(-1, self.in_features, _BLOCK // 2)
        return torch.cat([packed & 15, packed >> 4], dim=-1)

    def _plain(self) -> torch.Tensor:
        """Return the (in, out) weights in bfloat16."""
        n_groups = self.in_features // GROUP
        scales = self._scales.view(n_groups, -1, _BLOCK, 2).permute(3, 1, 0, 2).contiguous()
        scale, middle = scales.unsqueeze(-2)  # (blocks, groups, 1, _BLOCK)
        levels = self._levels().view(-1, n_groups, GROUP, _BLOCK).bfloat16()
        plain = levels.sub_(8).mul_(scale).add_(middle).view(-1, self.in_features, _BLOCK)
        return plain.transpose(0, 1).reshape(self.in_features, self.out_features)


def can_quantize(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether these layers compute there."""
    return device.type == "cpu" and dtype == torch.bfloat16


@torch.no_grad()
def quantize_linears(model: nn.Module, quantization: Quantization, *, head: object) -> int:
    """Replace the linear layers of `model` in place, and return how many were.

    Those that 4 bits don't suit are held in 8: the output layer `head`, which needs the precision,
    and such as have no whole number of groups. The plain weights are freed one layer at a time.
    """
    n_replaced = 0
    parents = [module for module in model.modules() if not isinstance(module, nn.Linear)]
    for parent in parents:
        for name in [name for name, _ in parent.named_children()]:
            child = getattr(parent, name)
            if type(child) is nn.Linear and child.weight.numel() >= _MIN_WEIGHTS:
                is_small = quantization == "int4" and child is not head
                is_small = is_small and child.in_features % GROUP == 0
                is_small = is_small and child.out_features % 16 == 0
                setattr(parent, name, Int4Linear(child) if is_small else Int8Linear(child))
                n_replaced += 1
    return n_replaced


def quantized_bytes(rows: int, columns: int, quantization: Quantization) -> int:
    """Return what a (rows, columns) weight takes."""
    if quantization == "int8":
        return rows * columns + 2 * rows
    return rows * columns // 2 + 4 * rows * columns // GROUP


def _shaped(products: torch.Tensor, rows: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if bias is not None:
        products = products + bias
    return products.view(*rows.shape[:-1], -1)
