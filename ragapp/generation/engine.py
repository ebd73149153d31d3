"""From a prompt's ids to an answer in pieces: check, queue, read what the scheduler makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Event

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.pool import SessionPool
from ragapp.generation.request import Request
from ragapp.generation.sampling import check_options
from ragapp.generation.scheduler import Scheduler
from ragapp.generation.session import Session
from ragapp.types import Completion, GenerationOptions


class Engine:
    """Answers prompts with one model. Safe from several threads.

    At most `max_streams` answers are under way, begun in the order of asking, and `max_waiting`
    more may wait. `pool_bytes` bounds the caches kept between requests. With `is_drafting`, the
    tokens of greedy answers are guessed from their prompts, where that pays.
    """

    def __init__(
        self,
        model: CausalModel,
        *,
        decode: Callable[[Sequence[int]], str],
        end_ids: frozenset[int],
        pool_bytes: int,
        max_streams: int,
        max_waiting: int,
        piece_tokens: int,
        is_drafting: bool = True,
    ) -> None:
        self._decode = decode
        self._is_drafting = is_drafting
        self._end_ids = end_ids
        self._pool = SessionPool(lambda: Session(model), max_bytes=pool_bytes)
        self._scheduler = Scheduler(
            model,
            self._pool,
            max_active=max_streams,
            max_waiting=max_waiting,
            piece_tokens=piece_tokens,
        )

    def stream(
        self, prompt_ids: Sequence[int], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the answer to a prompt of at least one token; the last piece tells how it ended.

        Closing the iterator gives everything back at the next step. When cancelled before the
        prompt was read, `usage` counts what of it had been. Raises UsageError for options out of
        range, BusyError when too many wait, and ModelError when memory runs out.
        """
        check_options(options)
        request = Request(
            prompt_ids,
            options=options,
            cancelled=cancelled,
            decode=self._decode,
            end_ids=self._end_ids,
            is_drafting=self._is_drafting,
        )
        self._scheduler.submit(request)
        yield from request.pieces(wake=self._scheduler.wake)

    def close(self) -> None:
        """Free the caches that are not in use."""
        self._pool.clear()
