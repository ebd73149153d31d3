"""A tiny Llama with random weights, a trained tokenizer and a chat template, made on the spot."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CONTEXT_TOKENS = 2048
CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LINES = (
    "The observatory stands on the mountain and opens its dome at dusk.",
    "Answer from the passages only and write the number of the passage in brackets.",
    "Which telescope was repaired after the storm, and who reported the fault?",
    "天文台位于山上，黄昏时打开圆顶。",
    "请只根据所给的段落回答，并在方括号中写出段落的编号。",
    "暴风雨之后修理了哪一台望远镜？故障是谁报告的？",
)


def save_tiny_llama(directory: Path) -> Path:
    """Save the model to `directory`, which is returned. Equal on every machine."""
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(directory)
    make_model(len(tokenizer)).save_pretrained(directory)
    return directory


def make_tokenizer(*, chat_template: str | None = CHATML) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer with ChatML control tokens and one that is not special."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(_LINES, trainer)
    backend.add_tokens([AddedToken("<think>", special=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def make_model(n_vocabulary: int) -> LlamaForCausalLM:
    """Return the model: 4 layers, 4 heads on 2 key heads, float32, weights wide enough to vary."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=n_vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    return LlamaForCausalLM(config).eval()
