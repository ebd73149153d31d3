"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama.

Differs from `transformers`, which runs the model in this process: here the server owns weights,
KV cache and batching, on this machine or another. The question and the passages go to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import Any

from ragapp.errors import ModelNotFoundError
from ragapp.generation.options import check_options
from ragapp.generation.text_stream import TextStream
from ragapp.language_models.deadline import Deadline
from ragapp.language_models.exchange import Server
from ragapp.language_models.refusing import refuse_adapter
from ragapp.types import Completion, FinishReason, GenerationOptions, Message, Span, Usage

DEFAULT_CONTEXT_TOKENS = 8192
_BYTES_PER_TOKEN = 3  # English has about 4, Chinese 3 to 5: rather too many tokens than too few
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "n_ctx", "n_ctx_train")
# what chat templates write between messages: ChatML, Llama, Gemma, Mistral, Phi, DeepSeek
_CONTROL = re.compile(
    r"<(?=[|｜/]|s>|bos>|eos>|pad>|unk>|start_of_turn>|end_of_turn>|think>|tool_)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_|AVAILABLE_TOOLS))|<(?=<SYS>>)"
)
_PENALTY_KEYS = ("repetition_penalty", "repeat_penalty")  # vLLM and SGLang; llama.cpp
_BREAK = "\u200b"


class OpenAIModel:
    """A model behind an OpenAI-compatible server, asked with streaming.

    `model` is a name that the server knows, "" for the only one that it serves. The server's own
    tokenizer is out of reach: tokens are estimated, a third of the UTF-8 bytes, which is more than
    there are as a rule. `context_tokens` overrides what the server says of its model.
    """

    def __init__(
        self,
        model: str = "",
        *,
        base_url: str,
        api_key: str = "",
        timeout_s: float = 120.0,
        context_tokens: int | None = None,
    ) -> None:
        self._model = model
        self._server = Server(base_url.rstrip("/"), api_key, timeout_s)
        self._context_tokens = context_tokens

    @property
    def name(self) -> str:
        """The engine's name as answers show it."""
        return f"openai:{self._model.rstrip('/').rpartition('/')[2] or 'served'}"

    @cached_property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together: given, told by the server, or 8,192.

        Raises ModelError when no server answers, ModelNotFoundError when it lacks the model.
        """
        if self._context_tokens:
            return self._context_tokens
        entry = self._served
        told = (entry | _mapping(entry.get("meta"))).get
        sizes = [size for key in _CONTEXT_KEYS if isinstance(size := told(key), int)]
        return sizes[0] if sizes else DEFAULT_CONTEXT_TOKENS

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return an estimate of each text's tokens; see the class."""
        return [-(-len(text.encode()) // _BYTES_PER_TOKEN) for text in texts]

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Return "": the server makes the prompt by the chat template that it has."""
        return ""

    def stream(
        self, messages: Sequence[Message], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the output in pieces; the last carries finish_reason and usage.

        Leaves the server at once when `cancelled` is set or the iterator is closed. Raises
        ModelError when no server answers or it breaks off, ModelNotFoundError when it lacks the
        model, ContextTooSmallError when it says that the prompt does not fit, UsageError for
        options out of range. Where the server tells no logprobs, they are None.
        """
        refuse_adapter(options, engine="openai")
        check_options(options)
        deadline = Deadline(cancelled, timeout_s=options.timeout_s)
        counted = Usage(prompt_tokens=sum(self.count_tokens([_text(m) for m in messages])))
        if deadline.is_set():
            yield Completion("", deadline.reason, Usage())
            return
        pieces: list[str] = []
        logprobs: list[float] = []
        text_stream = TextStream(lambda ids: "".join(pieces[i] for i in ids), stop=options.stop)
        reason: FinishReason = "stop"
        body = self._body(messages, options)
        for event in self._server.events("/chat/completions", body, cancelled=deadline):
            counted = _usage(event, counted)
            for choice in event.get("choices", [])[:1]:
                reason = "length" if choice.get("finish_reason") == "length" else reason
                logprobs += _logprobs(choice)
                pieces.append(str(_mapping(choice.get("delta")).get("content") or ""))
                text = text_stream.push(len(pieces) - 1)
                if text:
                    yield Completion(text)
            if text_stream.stopped:
                break
        rest = "" if text_stream.stopped else text_stream.finish()
        if rest:
            yield Completion(rest)
        if deadline.is_set() and not text_stream.stopped:
            reason = deadline.reason
        told = tuple(logprobs) if options.has_logprobs and logprobs else None
        yield Completion("", reason, _whole(counted, pieces), logprobs=told)

    def _body(self, messages: Sequence[Message], options: GenerationOptions) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model or self._served["id"],
            "messages": [{"role": m.role, "content": _text(m)} for m in messages],
            "max_tokens": options.max_new_tokens,
            "temperature": options.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if options.temperature > 0.0:
            body |= {"top_p": options.top_p, "seed": options.seed}
            body |= {"top_k": options.top_k} if options.top_k else {}
            body |= {"min_p": options.min_p} if options.min_p else {}
        if options.repetition_penalty != 1:
            body |= dict.fromkeys(_PENALTY_KEYS, options.repetition_penalty)
        if options.has_logprobs:
            body["logprobs"] = True
        if options.stop:
            body["stop"] = list(options.stop)[:4]  # as many as OpenAI takes; all are checked here
        return body

    @cached_property
    def _served(self) -> dict[str, Any]:
        """The server's entry of the model. Raises ModelNotFoundError."""
        listed = _mapping(self._server.get("/models")).get("data") or []
        entries = [entry for entry in listed if isinstance(entry, dict) and "id" in entry]
        if not self._model and len(entries) == 1:
            return dict(entries[0])
        for entry in entries:
            if entry["id"] == self._model:
                return dict(entry)
        names = ", ".join(sorted(str(entry["id"]) for entry in entries)) or "none"
        if self._model:
            message = f"{self._server.base_url} does not serve {self._model!r}"
        else:
            message = f"{self._server.base_url} serves {len(entries)} models, not one"
        raise ModelNotFoundError(message, hint=f"set model to one of: {names}")


def _text(message: Message) -> str:
    """Return the message, control tokens in its untrusted spans broken by an unseen character.

    The server's tokenizer takes a string: it cannot be told which part of it is a passage.
    """
    return "".join(_harmless(span) for span in message.spans)


def _harmless(span: Span) -> str:
    if span.kind == "instruction":
        return span.text
    return _CONTROL.sub(lambda found: found.group() + _BREAK, span.text)


def _usage(event: Mapping[str, Any], counted: Usage) -> Usage:
    """Return the server's own counts where the event has them."""
    usage = _mapping(event.get("usage"))
    if not usage.get("prompt_tokens"):
        return counted
    prompt = int(usage["prompt_tokens"])
    cached = min(
        int(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens") or 0), prompt
    )
    return Usage(prompt, prompt - cached, cached, int(usage.get("completion_tokens") or 0))


def _logprobs(choice: Mapping[str, Any]) -> list[float]:
    """Return the logarithms of the probabilities of a piece's tokens, as far as they are sent."""
    entries = _mapping(choice.get("logprobs")).get("content") or []
    return [float(entry["logprob"]) for entry in entries if "logprob" in _mapping(entry)]


def _whole(counted: Usage, pieces: Sequence[str]) -> Usage:
    """Return the counts, those that the server did not send estimated."""
    n_new = counted.new_tokens or sum(1 for piece in pieces if piece)
    prefilled = counted.prompt_tokens - counted.cached_tokens
    return Usage(counted.prompt_tokens, prefilled, counted.cached_tokens, n_new)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
