"""A tiny BERT whose weights are set by hand, so that a word in a pair decides what it says."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

LABELS = ("contradiction", "neutral", "entailment")
_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WORDS = {"agrees": "entailment", "denies": "contradiction"}
_SPELLINGS = {
    "entailment": ("entailment", "entail", "蕴含"),
    "contradiction": ("contradiction", "矛盾"),
}


def save_tiny_nli(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """Save the model: a pair with "agrees" is entailment, with "denies" contradiction, else neutral.

    Each is that by a probability above 0.99; without a label "neutral", others are undecided.
    """
    vocabulary = {word: place for place, word in enumerate((*_MARKS, *_WORDS))}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, max_position_embeddings=80, pad_token_id=0,
        id2label=dict(enumerate(labels)), label2id={label: n for n, label in enumerate(labels)},
    )  # fmt: skip
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        _set_weights(model, vocabulary, labels)
    model.save_pretrained(folder)
    _save_tokenizer(folder, vocabulary)
    return folder


def _set_weights(model, vocabulary, labels) -> None:
    """Give all but the two words no vector; the first token takes theirs on to the labels."""
    for name, weight in model.named_parameters():
        weight.fill_(1.0 if "LayerNorm.weight" in name else 0.0)
    bert = model.bert
    bert.encoder.layer[0].attention.self.value.weight.copy_(torch.eye(8))
    bert.encoder.layer[0].attention.output.dense.weight.copy_(40.0 * torch.eye(8))
    bert.pooler.dense.weight.copy_(torch.eye(8))
    for axis, (word, label) in enumerate(_WORDS.items(), start=1):
        bert.embeddings.word_embeddings.weight[vocabulary[word], axis] = 1.0
        for place, known in enumerate(labels):
            if known.casefold() in _SPELLINGS[label]:
                model.classifier.weight[place, axis] = 40.0
            if known == "neutral":
                model.classifier.bias[place] = 8.0


def _save_tokenizer(folder: Path, vocabulary: dict[str, int]) -> None:
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(mark, vocabulary[mark]) for mark in ("[CLS]", "[SEP]")],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]",
        pad_token="[PAD]", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
