"""From a prompt's ids to an answer in pieces: check, queue, read what the scheduler makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Event

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.chunk_reuse import ChunkReuse
from ragapp.generation.limits import Limits
from ragapp.generation.options import check_options
from ragapp.generation.pool import SessionPool
from ragapp.generation.request import Request
from ragapp.generation.scheduler import Scheduler
from ragapp.generation.session import Session
from ragapp.types import Completion, GenerationOptions


class Engine:
    """Answers prompts with one model. Safe from several threads."""

    def __init__(
        self,
        model: CausalModel,
        *,
        decode: Callable[[Sequence[int]], str],
        end_ids: frozenset[int],
        limits: Limits,
        chunks: ChunkReuse | None = None,
    ) -> None:
        self._model = model
        self._decode = decode
        self._end_ids = end_ids
        self._is_drafting = limits.is_drafting
        self._chunks = chunks
        self._pool = SessionPool(
            lambda adapter: Session(model, adapter=adapter), max_bytes=limits.pool_bytes
        )
        self._scheduler = Scheduler(model, self._pool, limits=limits)

    def stream(
        self,
        prompt_ids: Sequence[int],
        *,
        options: GenerationOptions,
        cancelled: Event,
        passages: Sequence[tuple[int, int]] = (),
    ) -> Iterator[Completion]:
        """Yield the answer to a prompt of at least one token; the last piece tells how it ended.

        `passages` are half-open ranges of the prompt's tokens, in order, whose keys and values an
        engine with `chunks` takes from there; without, every token is computed from all before it.
        Closing the iterator gives everything back at the next step. When cancelled before the
        prompt was read, `usage` counts what of it had been. Raises UsageError for options out of
        range, BusyError when too many wait, and ModelError when memory runs out or the adapter, a
        folder that is read at its first use, cannot be had.
        """
        check_options(options)
        if options.adapter:
            self.load_adapter(options.adapter)
        request = Request(
            prompt_ids,
            options=options,
            cancelled=cancelled,
            decode=self._decode,
            end_ids=self._end_ids,
            is_drafting=self._is_drafting,
            passages=passages,
            chunks=self._chunks,
        )
        self._scheduler.submit(request)
        yield from request.pieces(wake=self._scheduler.wake)

    def load_adapter(self, folder: str) -> None:
        """Read a LoRA adapter, once. Raises ModelError where it cannot be had."""
        self._model.load_adapter(folder)

    def close(self) -> None:
        """Free the caches that are not in use."""
        self._pool.clear()
        if self._chunks is not None:
            self._chunks.clear()
