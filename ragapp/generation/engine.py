"""From a prompt's ids to an answer in pieces: lend a session, prefill, decode, take it back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from threading import Event

import torch

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.pool import SessionPool
from ragapp.generation.sampling import Sampler, check_options
from ragapp.generation.session import Session
from ragapp.generation.text_stream import TextStream
from ragapp.generation.turns import FifoSlots
from ragapp.types import Completion, FinishReason, GenerationOptions, Usage

_log = logging.getLogger(__name__)


class Engine:
    """Answers prompts with one model. Safe from several threads.

    At most `max_streams` answers are under way, begun in the order of asking; they advance side by
    side, one forward pass at a time. `pool_bytes` bounds the caches kept between requests.
    """

    def __init__(
        self,
        model: CausalModel,
        *,
        decode: Callable[[Sequence[int]], str],
        end_ids: frozenset[int],
        pool_bytes: int,
        max_streams: int,
        piece_tokens: int,
    ) -> None:
        self._model = model
        self._decode = decode
        self._end_ids = end_ids
        self._slots = FifoSlots(max_streams)
        self._pool = SessionPool(
            lambda: Session(model, piece_tokens=piece_tokens), max_bytes=pool_bytes
        )

    def stream(
        self, prompt_ids: Sequence[int], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the answer to a prompt of at least one token; the last piece tells how it ended.

        Closing the iterator gives everything back. When cancelled before the prompt was read,
        `usage` counts what of it had been.
        """
        check_options(options)
        if not self._slots.acquire(cancelled):
            yield Completion("", "cancelled", Usage())
            return
        try:
            with self._pool.lend(prompt_ids) as session:
                yield from self._answer(session, prompt_ids, options=options, cancelled=cancelled)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Free the caches that are not in use."""
        self._pool.clear()

    def _answer(
        self,
        session: Session,
        prompt_ids: Sequence[int],
        *,
        options: GenerationOptions,
        cancelled: Event,
    ) -> Iterator[Completion]:
        started = time.perf_counter()
        prompt = session.prefill(prompt_ids, cancelled=cancelled)
        prefilled = time.perf_counter()
        text = TextStream(self._decode, stop=options.stop)
        reason: FinishReason = "cancelled"
        n_new = 0
        if prompt.logits is not None:
            reason, n_new = yield from self._pieces(
                session, prompt.logits, text, options=options, cancelled=cancelled
            )
        _log.debug(
            "prefilled %d of %d tokens in %.3f s, decoded %d in %.3f s: %s",
            prompt.prefilled_tokens,
            len(prompt_ids),
            prefilled - started,
            n_new,
            time.perf_counter() - prefilled,
            reason,
        )
        n_prompt = prompt.cached_tokens + prompt.prefilled_tokens
        usage = Usage(n_prompt, prompt.prefilled_tokens, prompt.cached_tokens, n_new)
        yield Completion(text.finish(), reason, usage)

    def _pieces(
        self,
        session: Session,
        logits: torch.Tensor,
        text: TextStream,
        *,
        options: GenerationOptions,
        cancelled: Event,
    ) -> Generator[Completion, None, tuple[FinishReason, int]]:
        """Yield the answer's text; return why it ended and its tokens, without the end token."""
        sampler = Sampler(options, device=logits.device)
        for n_new in range(1, options.max_new_tokens + 1):
            token_id = sampler.choose(logits)
            if token_id in self._end_ids:
                return "stop", n_new - 1
            if piece := text.push(token_id):
                yield Completion(piece)
            if text.stopped:
                return "stop", n_new
            if cancelled.is_set():
                return "cancelled", n_new
            if n_new < options.max_new_tokens:
                logits = session.decode(token_id)
        return "length", options.max_new_tokens
