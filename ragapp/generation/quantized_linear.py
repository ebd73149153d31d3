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

from ragapp.generation.linear_layers import replace_linears

Quantization = Literal["", "int8", "int4"]
GROUP = 32  # weights of a row that share a scale and an offset in 4 bits
_MOST_ROWS_8, _MOST_ROWS_4 = 4, 48  # beyond, the product in bfloat16 is faster
_BLOCK = 64  # rows that the 4-bit kernel takes together, with AVX-512
_PIECE_ROWS = 1024  # of a weight, quantised at a time: in 32 bits all of it would take much room


class Int8Linear(nn.Module):
    """A layer in 8 bits, with a scale for each output."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        pieces = [_eight_bits(rows) for rows in torch.split(layer.weight.detach(), _PIECE_ROWS)]
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._weight = torch.cat([weight for weight, _ in pieces])  # (out, in) int8
        self._scale = torch.cat([scale for _, scale in pieces])  # (out,)
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
        pieces = [_four_bits(rows) for rows in torch.split(layer.weight.detach(), _PIECE_ROWS)]
        self._weight = torch.cat([weight for weight, _, _ in pieces])  # as the kernel reads it
        self._scales = torch.cat([scales for _, scales, _ in pieces], dim=1)  # (groups, out, 2)
        self._bias = None if layer.bias is None else layer.bias.detach()
        self._is_readable = all(is_readable for _, _, is_readable in pieces)

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

    def _plain(self) -> torch.Tensor:
        """Return the (in, out) weights in bfloat16."""
        n_groups = self.in_features // GROUP
        scales = self._scales.view(n_groups, -1, _BLOCK, 2).permute(3, 1, 0, 2).contiguous()
        scale, middle = scales.unsqueeze(-2)  # (blocks, groups, 1, _BLOCK)
        levels = _unpacked(self._weight, self.in_features)
        levels = levels.view(-1, n_groups, GROUP, _BLOCK).bfloat16()
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

    def quantized(layer: nn.Linear) -> nn.Module:
        is_small = quantization == "int4" and layer is not head
        is_small = is_small and layer.in_features % GROUP == 0 and layer.out_features % 16 == 0
        return Int4Linear(layer) if is_small else Int8Linear(layer)

    return replace_linears(model, quantized)


def is_quantized(model: nn.Module) -> bool:
    """Return whether `model` has layers that were quantised here."""
    return any(isinstance(layer, Int8Linear | Int4Linear) for layer in model.modules())


def quantized_bytes(rows: int, columns: int, quantization: Quantization) -> int:
    """Return what a (rows, columns) weight takes."""
    if quantization == "int8":
        return rows * columns + 2 * rows
    return rows * columns // 2 + 4 * rows * columns // GROUP


def _eight_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (rows, columns) weights in 8 bits, and each row's scale."""
    wide = weight.float()
    scale = wide.abs().amax(dim=1).clamp_min(1e-8) / 127
    return (wide / scale[:, None]).round().to(torch.int8), scale.bfloat16()


def _four_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, bool]:
    """Return weights in 4 bits as the kernel reads them, the (groups, rows, 2) scales and middles,
    and whether `_unpacked` understands the order in which this CPU's kernel reads.
    """
    n_rows, n_columns = weight.shape
    groups = weight.float().view(n_rows, -1, GROUP)
    low = groups.amin(dim=-1, keepdim=True)
    scale = ((groups.amax(dim=-1, keepdim=True) - low) / 15).clamp_min(1e-6)
    levels = ((groups - low) / scale).round().clamp(0, 15).to(torch.int32)
    levels = levels.view(n_rows, n_columns)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels, 1)
    middle = low + 8 * scale  # the kernel counts levels from -8
    scales = torch.cat([scale, middle], dim=-1).transpose(0, 1).contiguous().bfloat16()
    if n_rows % _BLOCK:
        return packed, scales, False
    blocks = levels.view(-1, _BLOCK, n_columns).transpose(1, 2).to(torch.uint8)
    return packed, scales, torch.equal(_unpacked(packed, n_columns), blocks)


def _unpacked(packed: torch.Tensor, n_columns: int) -> torch.Tensor:
    """Return the (blocks, columns, _BLOCK) levels: a byte holds those of outputs i and i + 32."""
    halves = packed.view(-1, n_columns, _BLOCK // 2)
    return torch.cat([halves & 15, halves >> 4], dim=-1)


def _shaped(products: torch.Tensor, rows: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if bias is not None:
        products = products + bias
    return products.view(*rows.shape[:-1], -1)
