"""Messages -> token ids, by the model's chat template, with untrusted text kept apart.

The template is rendered with an unguessable placeholder for each span. Our own spans are put back
as text; at the others the rendering is cut, and they are encoded as text in which nothing is a
control token. So neither the template nor the tokenizer ever sees what a document says.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from ragapp.errors import ModelError
from ragapp.generation.tokens import Codec
from ragapp.types import Message, Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# For base models, which come without a template: headings that such models know from the web.
DEFAULT_TEMPLATE = (
    "{% for message in messages %}"
    "### {{ message['role'] | capitalize }}:\n{{ message['content'] }}\n\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
_DEFAULT_STOP = ("\n### System:", "\n### User:", "\n### Assistant:")


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt's tokens, and the half-open ranges of them that are passages, in order.

    A passage is encoded on its own, so that its tokens are the same wherever it stands.
    """

    ids: list[int]
    passages: list[tuple[int, int]]


class ChatPrompt:
    """The chat format of one model."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, codec: Codec) -> None:
        self._tokenizer = tokenizer
        self._codec = codec
        self._template = None if tokenizer.chat_template else DEFAULT_TEMPLATE
        self._start_ids = codec.start_ids() if self._template else []
        self.stop = _DEFAULT_STOP if self._template else ()
        self.end_ids = self._find_end_ids()

    def encode(self, messages: Sequence[Message]) -> EncodedPrompt:
        """Return the prompt that asks for the assistant's next message.

        Where the template refuses or drops the system role, its text opens the first user message.
        Raises ModelError for a conversation that the template cannot express.
        """
        return self._encoded(self._pieces(messages))

    def text_of(self, messages: Sequence[Message]) -> str:
        """Return the prompt as text, as it is encoded but for the tokenizer's start token."""
        return "".join(piece.text for piece in self._pieces(messages))

    def _pieces(self, messages: Sequence[Message]) -> list[Span]:
        try:
            return self._render(messages)
        except (TemplateError, LookupError):
            return self._render_folded(messages)

    def _encoded(self, pieces: Sequence[Span]) -> EncodedPrompt:
        ids, passages = list(self._start_ids), []
        for piece in pieces:
            is_trusted = piece.kind == "instruction"
            encode = self._codec.encode_trusted if is_trusted else self._codec.encode_plain
            start = len(ids)
            ids += encode(piece.text)
            if piece.kind == "passage" and len(ids) > start:
                passages.append((start, len(ids)))
        return EncodedPrompt(ids, passages)

    def _render_folded(self, messages: Sequence[Message]) -> list[Span]:
        try:
            return self._render(_fold_system(messages))
        except (TemplateError, LookupError) as error:
            roles = ", ".join(message.role for message in messages)
            raise ModelError(
                f"the model's chat template cannot express the roles {roles}: {error}",
                hint="choose an instruction-tuned model",
            ) from error

    def _render(self, messages: Sequence[Message], *, is_prompt: bool = True) -> list[Span]:
        """Return the rendered conversation, trusted text joined, in order.

        Raises LookupError for a span that the template left out.
        """
        nonce = secrets.token_hex(16)
        spans: list[Span] = []
        conversation = []
        for message in messages:
            places = range(len(spans), len(spans) + len(message.spans))
            spans.extend(message.spans)
            content = "".join(f"{nonce}x{place}x" for place in places)
            conversation.append({"role": message.role, "content": content})
        text = self._tokenizer.apply_chat_template(
            conversation,
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=is_prompt,
            enable_thinking=False,  # of the templates that know it: answer without an essay first
        )
        return _put_back(str(text), spans, nonce=nonce)

    def _find_end_ids(self) -> frozenset[int]:
        """Return the control token that the template writes after an assistant's message."""
        turns = (Message.of("user", "?"), Message.of("assistant", "!", kind="turn"))
        try:
            tail = self._render(turns, is_prompt=False)[-1]
        except (TemplateError, LookupError):
            return frozenset()
        ids = self._codec.encode_trusted(tail.text.lstrip()) if tail.kind == "instruction" else []
        return self._codec.control_ids.intersection(ids[:1])


def _put_back(text: str, spans: Sequence[Span], *, nonce: str) -> list[Span]:
    """Return `text` cut at the placeholders of untrusted spans, our own spans put back in."""
    pieces: list[Span] = []
    found = set()
    trusted = ""
    for index, part in enumerate(re.split(f"{nonce}x([0-9]+)x", text)):
        if index % 2 == 0:
            trusted += part
            continue
        span = spans[int(part)]
        found.add(int(part))
        if span.kind == "instruction":
            trusted += span.text
            continue
        pieces += [Span("instruction", trusted), span]
        trusted = ""
    if len(found) < len(spans):
        raise LookupError("it leaves out a message")
    return [piece for piece in [*pieces, Span("instruction", trusted)] if piece.text]


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with the system's spans at the head of the first user message."""
    system = [span for message in messages if message.role == "system" for span in message.spans]
    others = [message for message in messages if message.role != "system"]
    for place, message in enumerate(others):
        if system and message.role == "user":
            spans = (*system, Span("instruction", "\n\n"), *message.spans)
            others[place] = Message("user", spans)
            break
    return others
