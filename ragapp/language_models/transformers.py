"""Any causal model that transformers loads, run in this process with a KV cache of our own.

Differs from `openai`, which asks a server, and from `extractive`, which writes nothing of its own.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from ragapp.errors import ContextTooSmallError, UsageError
from ragapp.generation.limits import Limits
from ragapp.generation.locating import find_adapter, find_model
from ragapp.types import Completion, GenerationOptions, Message

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

    from ragapp.generation.budget import Budget
    from ragapp.generation.causal_model import CausalModel
    from ragapp.generation.chat_prompt import ChatPrompt
    from ragapp.generation.chunk_reuse import ChunkReuse
    from ragapp.generation.engine import Engine
    from ragapp.generation.quantized_linear import Quantization
    from ragapp.generation.tokens import Codec

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Front:
    """What is known of a model without its weights."""

    folder: Path
    codec: Codec
    prompt: ChatPrompt
    dtype: torch.dtype
    budget: Budget
    context_tokens: int


class TransformersModel:
    """A local causal model: files are read at first use, weights at the first answer.

    `model` is a folder or the hub name of a model that was downloaded. `device` is "auto", "cpu",
    "cuda" or "cuda:N"; `dtype` is "auto", "float32", "bfloat16" or "float16". `context_tokens`
    narrows the model's own context, to save memory. `memory_bytes` is what weights and context may
    take, None for what is free: a model that does not fit is refused before it is loaded, and a
    context narrowed that was not asked for. `limits` bound the answers under way at once, which
    begin in the order of asking, the KV caches kept between requests, and those of passages, which
    are used anew where the model can. `adapters` is a folder of LoRA adapters, whose folders' names
    options may ask for; each that is loaded narrows the context where memory is short.
    `quantization` is "int8" or "int4" to hold weights in fewer bits, on a CPU in bfloat16 alone.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        context_tokens: int | None = None,
        memory_bytes: int | None = None,
        limits: Limits = _LIMITS,
        adapters: Path | None = None,
        quantization: Quantization = "",
    ) -> None:
        self._model = model
        self._device = device
        self._dtype = dtype
        self._context_tokens = context_tokens
        self._memory_bytes = memory_bytes
        self._limits = limits
        self._adapters = adapters
        self._quantization = quantization
        self._lock = Lock()
        self._front: _Front | None = None
        self._engine: Engine | None = None
        self._adapter_lock = Lock()
        self._adapter_bytes: dict[str, int] = {}
        self._narrowed_tokens: int | None = None

    @property
    def name(self) -> str:
        """The engine's name as answers show it: no path, which may be private."""
        return f"transformers:{Path(self._model).name or self._model}"

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together that the model can hold.

        Raises ModelNotFoundError when the model is not on this machine, and ModelError when the
        memory does not hold it.
        """
        n_tokens = self._loaded_front().context_tokens
        return n_tokens if self._narrowed_tokens is None else self._narrowed_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of the model each text has, special tokens not counted.

        Raises ModelNotFoundError when the model is not on this machine.
        """
        encode = self._loaded_front().codec.encode_plain
        return [len(encode(text)) for text in texts]

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Return the text of the prompt by the model's chat template, control tokens and all."""
        return self._loaded_front().prompt.text_of(messages)

    def stream(
        self, messages: Sequence[Message], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the output in pieces; the last carries finish_reason and usage.

        Stops within one token once `cancelled` is set. An iterator that is closed early frees its
        place at the next token. Raises ContextTooSmallError when the prompt does not fit,
        ModelNotFoundError when model or adapter is not on this machine, ModelError when either
        cannot be loaded or memory runs out, BusyError when too many wait, and UsageError for
        options out of range, all at the first step.
        """
        front = self._loaded_front()
        prompt = front.prompt.encode(messages)
        self._check_fit(len(prompt.ids), options.max_new_tokens)
        options = replace(options, stop=(*options.stop, *front.prompt.stop))
        if options.adapter:
            folder = find_adapter(options.adapter, adapters=self._adapters)
            options = replace(options, adapter=self._with_adapter(front, folder))
            self._check_fit(len(prompt.ids), options.max_new_tokens)
        yield from self._loaded_engine(front).stream(
            prompt.ids, options=options, cancelled=cancelled, passages=prompt.passages
        )

    def close(self) -> None:
        """Free the memory of weights and caches; a later answer loads them again."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
            self._engine = None
            self._adapter_bytes, self._narrowed_tokens = {}, None
        gc.collect()
        _free_gpu_memory()

    def _with_adapter(self, front: _Front, folder: Path) -> str:
        """Load an adapter, if memory holds it beside the others; return its name in the engine."""
        from ragapp.generation.budget import adapter_size

        name = str(folder)
        with self._adapter_lock:
            if name not in self._adapter_bytes:
                sizes = {**self._adapter_bytes, name: adapter_size(folder, dtype=front.dtype)}
                n_tokens = front.budget.context_tokens(
                    name=f"{self.name} with the adapter {folder.name}",
                    adapter_bytes=sum(sizes.values()),
                )
                self._loaded_engine(front).load_adapter(name)
                self._adapter_bytes, self._narrowed_tokens = sizes, n_tokens
        return name

    def _check_fit(self, n_prompt: int, max_new_tokens: int) -> None:
        if n_prompt == 0:
            raise UsageError("the prompt is empty", hint="ask something")
        if n_prompt + max_new_tokens > self.context_tokens:
            raise ContextTooSmallError(
                f"a prompt of {n_prompt} tokens and an answer of up to {max_new_tokens} "
                f"do not fit into the {self.context_tokens} tokens of {self.name!r}",
                hint="ask with fewer passages or a smaller max_new_tokens",
            )

    def _loaded_front(self) -> _Front:
        if self._front is None:
            with self._lock:
                self._front = self._front or self._load_front()
        return self._front

    def _loaded_engine(self, front: _Front) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._load_engine(front)
            return self._engine

    def _load_front(self) -> _Front:
        folder = find_model(self._model)
        from ragapp.generation.chat_prompt import ChatPrompt
        from ragapp.generation.loading import load_config, load_tokenizer
        from ragapp.generation.tokens import Codec

        dtype, budget = self._budget(folder, load_config(folder))
        limit = budget.context_tokens(name=self.name)
        tokenizer = load_tokenizer(folder)
        codec = Codec(tokenizer)
        return _Front(folder, codec, ChatPrompt(tokenizer, codec), dtype, budget, limit)

    def _budget(self, folder: Path, config: PreTrainedConfig) -> tuple[torch.dtype, Budget]:
        """Return the dtype to compute in, and what the model takes of the memory."""
        from ragapp.generation.budget import Budget, quantized_size, size_of
        from ragapp.generation.loading import (
            check_quantization,
            choose_device,
            choose_dtype,
            context_tokens_of,
        )
        from ragapp.generation.memory import free_memory_of

        device = choose_device(self._device)
        dtype = choose_dtype(self._dtype, device=device)
        check_quantization(self._quantization, device=device, dtype=dtype)
        size = size_of(folder, config, dtype=dtype, device=device)
        size = quantized_size(size, folder, config, quantization=self._quantization)
        free = free_memory_of(device) if self._memory_bytes is None else self._memory_bytes
        free = max(0, free - self._limits.chunk_bytes)
        return dtype, Budget(size, context_tokens_of(config), self._context_tokens, free)

    def _load_engine(self, front: _Front) -> Engine:
        from ragapp.generation.causal_model import CausalModel
        from ragapp.generation.engine import Engine
        from ragapp.generation.loading import end_ids_of, load_weights

        weights = load_weights(
            front.folder,
            device=self._device,
            dtype=self._dtype,
            quantization=self._quantization,
        )
        model = CausalModel(weights, name=self.name)
        return Engine(
            model,
            decode=front.codec.decode,
            end_ids=end_ids_of(weights) | front.prompt.end_ids,
            limits=self._limits,
            chunks=self._chunk_reuse(model, front.folder) if self._limits.chunk_bytes else None,
        )

    def _chunk_reuse(self, model: CausalModel, folder: Path) -> ChunkReuse:
        from ragapp.generation.chunk_files import ChunkFiles
        from ragapp.generation.chunk_reuse import ChunkReuse
        from ragapp.generation.chunk_store import ChunkStore
        from ragapp.generation.fingerprint import fingerprint_of

        limits, files = self._limits, None
        if limits.chunk_folder is not None:
            form = f"{model.dtype} {self._quantization}"
            files = ChunkFiles(
                limits.chunk_folder,
                fingerprint=fingerprint_of(folder, form=form),
                max_bytes=limits.chunk_bytes,
            )
        store = ChunkStore(max_bytes=limits.chunk_bytes, device=model.device, files=files)
        return ChunkReuse(model, store, share=limits.chunk_share)


def _free_gpu_memory() -> None:
    """Hand cached blocks back to the driver, if torch is loaded and uses a GPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
