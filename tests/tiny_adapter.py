"""LoRA adapters with random weights for the tiny Llama, and the models that they merge into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from peft.tuners.lora.layer import Linear
from safetensors.torch import save_file

from tests.tiny_llama import make_model, make_tokenizer


def save_adapter(directory: Path, *, seed: int = 1, model: Any = None, **options: Any) -> Path:
    """Save an adapter of `model`, the tiny Llama by default, as peft does; return its folder."""
    adapted, config = _adapted(seed, model, options)
    weights = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    directory.mkdir(parents=True)
    config.save_pretrained(directory)
    save_file(
        {f"base_model.model.{name}": tensor for name, tensor in weights.items()},
        directory / "adapter_model.safetensors",
    )
    return directory


def save_merged(directory: Path, *, seed: int = 1, **options: Any) -> Path:
    """Save the tiny Llama with the adapter of `seed` merged into its weights; return its folder."""
    tokenizer = make_tokenizer()
    merged = make_model(len(tokenizer))
    adapted, _ = _adapted(seed, None, options)
    with torch.no_grad():
        for name, layer in adapted.named_modules():
            if isinstance(layer, Linear):
                merged.get_submodule(name).weight += layer.get_delta_weight("default")
    tokenizer.save_pretrained(directory)
    merged.save_pretrained(directory)
    return directory


def _adapted(seed: int, model: Any, options: dict[str, Any]) -> tuple[Any, LoraConfig]:
    model = make_model(len(make_tokenizer())) if model is None else model
    torch.manual_seed(seed)
    config = LoraConfig(
        **{
            "r": 4,
            "lora_alpha": 12,
            "target_modules": ["q_proj", "v_proj", "down_proj"],
            "init_lora_weights": False,
            "base_model_name_or_path": "somebody/tiny",
            **options,
        }
    )
    return inject_adapter_in_model(config, model), config
