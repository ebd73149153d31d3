"""Put other layers in the place of a model's linear ones."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

_MIN_WEIGHTS = 4096  # below, calling costs more than the product


def replace_linears(model: nn.Module, new: Callable[[nn.Linear], nn.Module | None]) -> int:
    """Replace the linear layers of `model` in place by what `new` makes of each; return how many.

    None leaves a layer, and those of few weights stay. Each is let go before the next is made.
    """
    n_replaced = 0
    parents = [module for module in model.modules() if not isinstance(module, nn.Linear)]
    for parent in parents:
        for name in [name for name, _ in parent.named_children()]:
            child = getattr(parent, name)
            if type(child) is nn.Linear and child.weight.numel() >= _MIN_WEIGHTS:
                made = new(child)
                if made is not None:
                    setattr(parent, name, made)
                    n_replaced += 1
    return n_replaced
