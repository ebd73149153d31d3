"""Text <-> token ids, with a second way in for text that must never become a control token.

A tokenizer turns ``<|im_start|>`` into the control token wherever it stands, also in a document.
Text that is not ours goes through a copy of the tokenizer that knows no control tokens, so they
become ordinary pieces (what ``split_special_tokens=True`` asks of transformers, which switches a
shared tokenizer to and fro and therefore is not safe from several threads, and still matches added
tokens that are not marked special).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from ragapp.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Codec:
    """The tokenizer of a model. Its methods change nothing and are safe from several threads."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise ModelError(
                f"the tokenizer {type(tokenizer).__name__!r} has no fast form",
                hint="choose a model that comes with a tokenizer.json",
            )
        backend.no_truncation()
        backend.no_padding()
        added = backend.get_added_tokens_decoder()
        self.control_ids = frozenset(token_id for token_id, token in added.items() if token.special)
        self._backend = backend
        self._plain = _without_control_tokens(backend)
        self._never_plain = self.control_ids - {tokenizer.unk_token_id}

    def encode_trusted(self, text: str) -> list[int]:
        """Return the ids of our own text, in which control tokens are meant."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of untrusted text: no control token comes out, whatever goes in."""
        ids = self._plain.encode(text, add_special_tokens=False).ids
        return [token_id for token_id in ids if token_id not in self._never_plain]

    def start_ids(self) -> list[int]:
        """Return the control tokens with which the tokenizer begins a text, such as BOS."""
        whole: list[int] = self._backend.encode("a", add_special_tokens=True).ids
        bare = self.encode_trusted("a")
        return whole[: whole.index(bare[0])] if bare and bare[0] in whole else []

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, control tokens left out; U+FFFD where it is not UTF-8."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text


def _without_control_tokens(backend: Tokenizer) -> Tokenizer:
    """Return a copy that knows no added tokens but the blanks of its vocabulary (as Gemma has)."""
    state = json.loads(backend.to_str())
    vocabulary = backend.get_vocab(with_added_tokens=False)
    state["added_tokens"] = [
        token
        for token in state["added_tokens"]
        if not token["special"] and token["content"].isspace() and token["content"] in vocabulary
    ]
    state["post_processor"] = None
    return Tokenizer.from_str(json.dumps(state))
