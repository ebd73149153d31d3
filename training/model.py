"""The reader's starting point: the embedded embedder's layers, made a language model.

Its prompt is read in both directions, as the layers were trained to, and its answer from left to
right (a prefix language model; Raffel et al. 2020, section 3.2.2): `prefix_lm` in the
configuration says so to `ragapp.generation`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertLMHeadModel, BertModel

from training.examples import Example
from training.vocabulary import Floats

# A prompt is what the user asks with: the instruction has been learnt, earlier turns do not fit.
CHAT_TEMPLATE = "[CLS]{{ messages[-1]['content'] }}[SEP]"


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded ids (n, T), who sees whom (n, 1, T, T), and what is to be foretold where.

    `places` are flat indices into (n x T), `targets` the ids that follow there, `sources` (m,) the
    rows of `allowed` (n, vocab), the ids that each example's passages, markers and refusal hold.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor
    rows: torch.Tensor
    allowed: torch.Tensor


def first_model(
    embedder: Path, vectors: Floats, ids: Sequence[int], n_tokens: int
) -> BertLMHeadModel:
    """Return the model before training: `vectors` (n, dim) are those of the tokens `ids`."""
    encoder = BertModel.from_pretrained(embedder, add_pooling_layer=False)
    config = BertConfig.from_pretrained(embedder)
    config.update({"is_decoder": True, "prefix_lm": True, "vocab_size": n_tokens})
    config.tie_word_embeddings = True
    model = BertLMHeadModel(config)
    old = encoder.get_input_embeddings().weight.detach()
    encoder.resize_token_embeddings(n_tokens)
    model.bert.load_state_dict(encoder.state_dict(), strict=False)
    with torch.no_grad():
        table = model.get_input_embeddings().weight
        scaled = torch.from_numpy(vectors) * old.std(dim=0) + old.mean(dim=0)
        table[torch.tensor(list(ids))] = scaled
    model.tie_weights()
    return model


def batch_of(examples: Sequence[Example], n_tokens: int, always: Sequence[int]) -> Batch:
    """Return the examples padded; `always` are the ids that any answer may hold."""
    n, length = len(examples), max(e.n_tokens for e in examples)
    ids = torch.zeros(n, length, dtype=torch.long)
    mask = torch.zeros(n, 1, length, length, dtype=torch.bool)
    allowed = torch.zeros(n, n_tokens, dtype=torch.bool)
    allowed[:, list(always)] = True
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    places, targets, rows = [], [], []
    for row, example in enumerate(examples):
        n_prompt, n_all = len(example.prompt), example.n_tokens
        ids[row, :n_all] = torch.tensor(example.prompt + example.answer)
        mask[row, 0] = causal
        mask[row, 0, :, :n_prompt] = True
        allowed[row, ids[row, :n_prompt]] = True
        places += [row * length + place for place in range(n_prompt - 1, n_all - 1)]
        targets += example.answer
        rows += [row] * len(example.answer)
    return Batch(ids, mask, *(torch.tensor(x) for x in (places, targets, rows)), allowed)


def loss_of(model: BertLMHeadModel, batch: Batch) -> torch.Tensor:
    """Return the mean cross entropy of the answers' tokens: among all tokens, and among those that
    grounded decoding lets pass, which is what has to be told apart.
    """
    hidden = model.bert(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)[0]
    chosen = hidden.reshape(-1, hidden.shape[-1])[batch.places]
    logits = model.cls(chosen).float()
    whole = torch.nn.functional.cross_entropy(logits, batch.targets)
    held = logits.masked_fill(~batch.allowed[batch.rows], -1e4)
    return whole + torch.nn.functional.cross_entropy(held, batch.targets)


@torch.inference_mode()
def answer_ids(
    model: BertLMHeadModel,
    prompt: Sequence[int],
    allowed: Sequence[int],
    *,
    end: int,
    at_most: int = 56,
) -> list[int]:
    """Return the likeliest continuation made of `allowed` tokens, greedily, without its end."""
    ids = torch.tensor([list(prompt)])
    n = len(prompt)
    out = model(
        input_ids=ids, attention_mask=torch.ones(1, 1, n, n, dtype=torch.bool), use_cache=True
    )
    keep = torch.tensor(sorted(set(allowed)))
    answer: list[int] = []
    while len(answer) < at_most:
        token = int(keep[out.logits[0, -1, keep].argmax()])
        if token == end:
            break
        answer.append(token)
        cache = out.past_key_values
        out = model(input_ids=torch.tensor([[token]]), past_key_values=cache, use_cache=True)
    return answer


def save(model: BertLMHeadModel, tokenizer: Tokenizer, folder: Path, *, embedder: Path) -> None:
    """Write the model as transformers loads it, in bfloat16."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    shutil.copy(embedder / "tokenizer_config.json", folder / "tokenizer_config.json")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
