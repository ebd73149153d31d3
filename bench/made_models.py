"""Models with random weights and the shapes of real ones: speed does not depend on the weights."""

from __future__ import annotations

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

_NO_TOKENS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
SHAPES: dict[str, PreTrainedConfig] = {
    "tiny": Qwen2Config(
        vocab_size=2048, hidden_size=128, intermediate_size=256, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=8192,
        tie_word_embeddings=True, **_NO_TOKENS,
    ),
    "0.5B": Qwen2Config(  # Qwen2.5-0.5B
        vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
        num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=32768,
        rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=True, **_NO_TOKENS,
    ),
    "1B": LlamaConfig(  # Llama-3.2-1B
        vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
        num_attention_heads=32, num_key_value_heads=8, head_dim=64,
        max_position_embeddings=131072, rope_theta=500000.0, tie_word_embeddings=True,
        **_NO_TOKENS,
    ),
    "7B": Qwen2Config(  # Qwen2.5-7B
        vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28,
        num_attention_heads=28, num_key_value_heads=4, max_position_embeddings=32768,
        rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=False, **_NO_TOKENS,
    ),
}  # fmt: skip


def build(
    shape: str, *, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> PreTrainedModel:
    """Return a model of `shape`, ready to compute; equal seeds give equal weights."""
    torch.manual_seed(seed)
    config = SHAPES[shape]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            made = LlamaForCausalLM if isinstance(config, LlamaConfig) else Qwen2ForCausalLM
            model: PreTrainedModel = made(config).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(before)
    return model


def bytes_per_token(model: PreTrainedModel, *, context_tokens: int) -> int:
    """Return what one decoded token must read: every weight once, and the keys and values.

    The embeddings count only where the output layer shares them.
    """
    config = model.config
    weights = {parameter.data_ptr(): parameter.nbytes for parameter in model.parameters()}
    n_bytes = sum(weights.values())
    if not config.tie_word_embeddings:
        n_bytes -= model.get_input_embeddings().weight.nbytes
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    per_layer = 2 * config.num_key_value_heads * dim * model.dtype.itemsize
    return int(n_bytes + config.num_hidden_layers * per_layer * context_tokens)


def flops_of_prefill(model: PreTrainedModel, n_tokens: int) -> float:
    """Return the floating-point operations of a prompt: two a weight and token, and attention."""
    config = model.config
    embeddings = model.get_input_embeddings().weight.numel()
    output = 0 if config.tie_word_embeddings else model.get_output_embeddings().weight.numel()
    n_weights = sum(parameter.numel() for parameter in model.parameters()) - embeddings - output
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 2 * config.num_hidden_layers * config.num_attention_heads * dim * n_tokens**2
    return float(2 * n_weights * n_tokens + attention + 2 * embeddings)  # one row of logits
