"""A folder with a LoRA adapter, as peft saves it -> the matrices to put beside a model's layers.

peft says which layers an adapter belongs to, of what shape and how scaled; it is asked with an
empty model of the same configuration, so that the loaded one may be packed, quantised and in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig

from ragapp.errors import ModelError
from ragapp.generation.adapted_linear import LowRank

if TYPE_CHECKING:
    from peft import LoraConfig

WEIGHTS_NAME = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # of the names in the file
_READ_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError)
_MORE_THAN_LORA = ("use_dora", "modules_to_save", "lora_bias", "layer_replication")


class _Layer(NamedTuple):
    """A layer that an adapter belongs to: the shapes of its two matrices, and their factor."""

    down: tuple[int, ...]
    up: tuple[int, ...]
    scaling: float


def read_adapter(
    folder: Path, config: PreTrainedConfig, *, model: str, dtype: torch.dtype, device: torch.device
) -> dict[str, LowRank]:
    """Return an adapter's matrices by the name of the layer that they belong to.

    Raises ModelError for an adapter that cannot be read, does more than plain LoRA does, or was
    made for another model than `model`, whose configuration is `config`.
    """
    settings, tensors = _read(folder)
    more = [name for name in _MORE_THAN_LORA if getattr(settings, name, None)]
    more += ["bias"] if settings.bias != "none" else []
    if more:
        raise ModelError(
            f"the adapter {folder.name!r} does more than plain LoRA ({more[0]})",
            hint="merge it into its model with peft, and set model to the result",
        )
    layers = _adapted_layers(settings, config, folder=folder, model=model)
    _check_fit(layers, tensors, folder=folder, settings=settings, model=model)
    return {
        name: LowRank(
            tensors[_down(name)].to(device, dtype),
            (tensors[_up(name)].float() * layer.scaling).to(device, dtype),
        )
        for name, layer in layers.items()
    }


def _read(folder: Path) -> tuple[LoraConfig, dict[str, torch.Tensor]]:
    try:
        from peft import LoraConfig, PeftConfig
    except ImportError as error:
        raise ModelError(
            "adapters need the package peft", hint="pip install 'ragapp[lora]'"
        ) from error
    try:
        settings = PeftConfig.from_pretrained(str(folder), local_files_only=True)
        tensors = load_file(folder / WEIGHTS_NAME)
    except _READ_ERRORS as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"the adapter in {str(folder)!r} cannot be read: {reason}", hint="copy it there again"
        ) from error
    if not isinstance(settings, LoraConfig):
        raise ModelError(
            f"the adapter {folder.name!r} is of type {settings.peft_type.value}, expected LORA",
            hint="merge it into its model with peft, and set model to the result",
        )
    return settings, {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def _adapted_layers(
    settings: LoraConfig, config: PreTrainedConfig, *, folder: Path, model: str
) -> dict[str, _Layer]:
    """Return the layers that the adapter would have in such a model, by name."""
    from peft import inject_adapter_in_model
    from peft.tuners.lora.layer import Linear, LoraLayer

    settings.init_lora_weights = False  # the values come from the file
    with torch.device("meta"):
        skeleton: nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    try:
        with torch.device("meta"):
            inject_adapter_in_model(settings, skeleton)
    except (ValueError, RuntimeError, TypeError) as error:
        raise _misfit(folder, settings, model, "no layer has the names that it adapts") from error
    found = {
        name: module for name, module in skeleton.named_modules() if isinstance(module, LoraLayer)
    }
    if any(type(layer) is not Linear or layer.lora_variant for layer in found.values()):
        raise ModelError(
            f"the adapter {folder.name!r} adapts more than linear layers, or in a special way",
            hint="merge it into its model with peft, and set model to the result",
        )
    return {name: _layer(layer) for name, layer in found.items()}


def _layer(layer: Any) -> _Layer:
    """Return what one of peft's layers says of itself, whose tensors have no values."""
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    return _Layer(tuple(down.shape), tuple(up.shape), float(layer.scaling["default"]))


def _check_fit(
    layers: Mapping[str, _Layer],
    tensors: Mapping[str, torch.Tensor],
    *,
    folder: Path,
    settings: LoraConfig,
    model: str,
) -> None:
    """Raise ModelError unless `tensors` are what `layers` have, name by name and shape by shape."""
    expected = {}
    for name, layer in layers.items():
        expected[_down(name)], expected[_up(name)] = layer.down, layer.up
    for name in sorted(expected.keys() | tensors.keys()):
        found = tuple(tensors[name].shape) if name in tensors else "nothing"
        wanted = expected.get(name, "nothing")
        if found != wanted:
            reason = f"{name} is {found} in it and {wanted} in the model"
            raise _misfit(folder, settings, model, reason)


def _misfit(folder: Path, settings: LoraConfig, model: str, reason: str) -> ModelError:
    base = settings.base_model_name_or_path or "another model"
    return ModelError(
        f"the adapter {folder.name!r} does not fit {model!r}: {reason}",
        hint=f"it was made for {base}: set model to that, or choose another adapter",
    )


def _down(layer: str) -> str:
    return f"{layer}.lora_A.weight"


def _up(layer: str) -> str:
    return f"{layer}.lora_B.weight"
