"""Tokenizers made on the spot as the families of models have them: their control tokens and how
they cut text into pieces.
"""

from __future__ import annotations

from typing import NamedTuple

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

_LINES = ("The dome opens at dusk.", "圆顶在黄昏打开。", "system user assistant model bos eos turn")


class Family(NamedTuple):
    """Control tokens, and added ones that are not marked special but are read as one all the same."""

    control: tuple[str, ...]
    marked: tuple[str, ...]
    template: str
    is_byte_level: bool = True


FAMILIES = {
    "ChatML": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>"),
        (),
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n",
    ),
    "Qwen": Family(
        (
            "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>",
            "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>",
            "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
            "<|image_pad|>", "<|video_pad|>",
        ),
        (
            "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>",
            "</think>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
            "<|repo_name|>", "<|file_sep|>",
        ),
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n",
    ),
    "Llama": Family(
        (
            "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
            "<|eom_id|>", "<|eot_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>",
            "<|reserved_special_token_0|>",
        ),
        (),
        "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>"
        "\n\n{{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "Gemma": Family(
        (
            "<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<2mass>", "[@BOS@]", "<unused0>",
            "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>",
        ),
        ("<table>", "</table>", "<h1>", "</h1>", "<blockquote>"),
        "<bos>{% for m in messages if m.role != 'system' %}<start_of_turn>{{ m.role }}\n"
        "{{ m.content }}<end_of_turn>\n{% endfor %}<start_of_turn>model\n",
        is_byte_level=False,
    ),
}  # fmt: skip


def make_family(name: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer of this family; its control tokens are in the vocabulary as well."""
    family = FAMILIES[name]
    tokenizer = _byte_level(family) if family.is_byte_level else _byte_fallback(family)
    tokenizer.add_tokens([AddedToken(token, special=False) for token in family.marked])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=family.control[1],
        unk_token=None if family.is_byte_level else "<unk>",
        additional_special_tokens=list(family.control),
    )
    fast.chat_template = family.template
    return fast


def _byte_level(family: Family) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))  # as Llama 3 has it
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _trained(tokenizer, family, alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))


def _byte_fallback(family: Family) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return _trained(tokenizer, family, alphabet=[chr(code) for code in range(33, 127)])


def _trained(tokenizer: Tokenizer, family: Family, *, alphabet: list[str]) -> Tokenizer:
    bytes_ = [] if family.is_byte_level else [f"<0x{code:02X}>" for code in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[*family.control, *bytes_],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_LINES, trainer)
    return tokenizer
