"""One prompt on its way to an answer: what it wants fed next, and what becomes of the logits.

The scheduler's thread moves it on, the thread that asked reads its pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event

import torch

from ragapp.generation.causal_model import Row
from ragapp.generation.chunk_reuse import ChunkReuse, Joining
from ragapp.generation.drafting import Drafter
from ragapp.generation.sampling import Sampler, logprob_of
from ragapp.generation.session import Session
from ragapp.generation.text_stream import TextStream
from ragapp.types import Completion, FinishReason, GenerationOptions, Usage

_MAX_UNREAD = 8
_CANCEL_CHECK_S = 0.05


class Request:
    """A prompt, its options, and what there is of the answer.

    `cancelled` is asked once a step. `end_ids` end the answer and are no part of it. With
    `is_drafting`, a greedy answer's next tokens are guessed from the prompt. `passages` are the
    half-open ranges of the prompt's tokens for which `chunks` may be asked.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        *,
        options: GenerationOptions,
        cancelled: Event,
        decode: Callable[[Sequence[int]], str],
        end_ids: frozenset[int],
        is_drafting: bool = True,
        passages: Sequence[tuple[int, int]] = (),
        chunks: ChunkReuse | None = None,
    ) -> None:
        self.prompt_ids = list(prompt_ids)
        self.session: Session | None = None
        self.adapter = options.adapter
        self._options = options
        self._cancelled = cancelled
        self._abandoned = Event()
        timeout_s = options.timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._end_ids = end_ids
        self._text = TextStream(decode, stop=options.stop)
        self._sampler: Sampler | None = None
        self._is_drafting = is_drafting
        self._drafter: Drafter | None = None
        self._n_cached = 0
        self._passages = passages
        self._chunks = chunks
        self._joining: Joining | None = None
        self._answer_ids: list[int] = []
        self._logprobs: list[float] = []
        self._place: int | None = None
        self._outcomes: SimpleQueue[Completion | BaseException] = SimpleQueue()

    def pieces(self, *, wake: Callable[[], None]) -> Iterator[Completion]:
        """Yield the answer as it comes; raise what ended it. Leaving early abandons the request.

        `wake` is called whenever the scheduler may have something to do again.
        """
        try:
            while True:
                outcome = self._next_outcome(wake)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
                if outcome.finish_reason is not None:
                    return
        finally:
            self._abandoned.set()
            wake()

    @property
    def is_exact(self) -> bool:
        """Whether every token is to be computed from all before it."""
        return self._chunks is None or not self._passages

    @property
    def is_stalled(self) -> bool:
        """Whether to wait for the reader, who has not read the last few pieces."""
        return self._outcomes.qsize() > _MAX_UNREAD and not self._abandoned.is_set()

    def tell_place(self, place: int) -> None:
        """Tell the asker how many requests begin before this one, itself counted."""
        if place != self._place:
            self._place = place
            self._outcomes.put(Completion("", queue_place=place))

    def begin(self, session: Session, *, device: torch.device) -> None:
        """Take a session, which is this request's alone until it ends."""
        self.session = session
        self._n_cached = session.begin(self.prompt_ids, is_exact=self.is_exact)
        if not self.is_exact:
            self._join(session)
        self._sampler = Sampler(self._options, device=device, prompt_ids=self.prompt_ids)
        if self._is_drafting and self._sampler.is_greedy and session.can_take_back:
            self._drafter = Drafter(self.prompt_ids)

    @property
    def is_prefilling(self) -> bool:
        """Whether part of the prompt is still to be read."""
        return not self._answer_ids

    def ending(self) -> FinishReason | None:
        """Return why the request should end before the next step, None if it should not."""
        if self._cancelled.is_set() or self._abandoned.is_set():
            return "cancelled"
        is_late = self._deadline is not None and time.monotonic() >= self._deadline
        return "timeout" if is_late else None

    def next_ids(self, *, max_tokens: int) -> list[int]:
        """Return at most `max_tokens` to feed: of the prompt, or the answer's last and a draft.

        The request has a session.
        """
        assert self.session is not None
        if self._joining:
            return self._joining.next_ids(max_tokens=max_tokens)
        if self.is_prefilling:
            return list(self.session.next_piece(self.prompt_ids, max_tokens=max_tokens))
        n_left = self._options.max_new_tokens - len(self._answer_ids)
        room = min(max_tokens, n_left) - 1
        draft = self._drafter.draft(room) if self._drafter else []
        return [self._answer_ids[-1], *draft]

    def row(self, ids: Sequence[int]) -> Row:
        """Return what appends `ids`, the request's `next_ids`, to its session."""
        assert self.session is not None
        if self._joining:
            return self._joining.row(ids)
        return self.session.row(ids, n_logits=1 if self.is_prefilling else len(ids))

    def take(self, ids: Sequence[int], logits: torch.Tensor) -> FinishReason | None:
        """Take the (n, vocab) logits after `ids`; return why the answer ends, if it does."""
        assert self.session is not None
        assert self._sampler is not None
        if self._joining:
            self._joining.take(ids)
            self._joining = None if self._joining.is_done else self._joining
        else:
            self.session.extend(ids)
        if self.session.n_tokens < len(self.prompt_ids):
            return None
        if len(logits) == 1:
            return self._push([self._sampler.choose(logits[0])], logits)
        return self._push(self._checked(ids[1:], logits), logits)

    def _checked(self, draft: Sequence[int], logits: torch.Tensor) -> list[int]:
        """Return the part of the draft that the model would have written, and its next token."""
        assert self.session is not None
        assert self._drafter is not None
        chosen = logits.argmax(dim=-1).tolist()
        n_accepted = 0
        while n_accepted < len(draft) and draft[n_accepted] == chosen[n_accepted]:
            n_accepted += 1
        if n_accepted < len(draft):
            self.session.take_back(len(draft) - n_accepted)
        self._drafter.learn(n_drafted=len(draft), n_accepted=n_accepted)
        tokens: list[int] = chosen[: n_accepted + 1]
        return tokens

    def restore(self) -> bool:
        """Undo what a failed pass has written; False where it cannot be undone."""
        if self._joining:
            self._joining.restore()
            return True
        return self.session is not None and self.session.restore()

    def leave(self) -> Session | None:
        """Return the session, if there is one, for others to go on with."""
        if self.session is not None and self._joining:
            self.session.restore()
        return self.session

    def finish(self, reason: FinishReason) -> None:
        """Hand the asker the last piece."""
        n_read = len(self.prompt_ids)
        if self.is_prefilling:
            n_read = self.session.n_tokens if self.session else 0
        n_cached = min(self._n_cached, n_read)
        usage = Usage(n_read, n_read - n_cached, n_cached, len(self._answer_ids))
        logprobs = tuple(self._logprobs) if self._options.has_logprobs else None
        self._outcomes.put(Completion(self._text.finish(), reason, usage, logprobs=logprobs))

    def fail(self, error: BaseException) -> None:
        """Hand the asker what ended the request."""
        self._outcomes.put(error)

    def _join(self, session: Session) -> None:
        assert self._chunks is not None
        self._joining = self._chunks.joining(
            self.prompt_ids, self._passages, session=session, n_held=self._n_cached
        )
        if self._joining:
            self._n_cached += self._joining.n_found

    def _next_outcome(self, wake: Callable[[], None]) -> Completion | BaseException:
        while True:
            try:
                outcome = self._outcomes.get(timeout=_CANCEL_CHECK_S)
            except Empty:
                if self.session is None and self.ending():  # while all that have begun are stalled
                    wake()
                continue
            if self._outcomes.qsize() == _MAX_UNREAD:
                wake()
            return outcome

    def _push(self, tokens: Sequence[int], logits: torch.Tensor) -> FinishReason | None:
        """Add tokens to the answer, each drawn from its row of `logits`, up to its end."""
        if self._drafter:
            self._drafter.extend(tokens)
        for token_id, row in zip(tokens, logits, strict=False):
            if reason := self._push_one(token_id, row):
                return reason
        return None

    def _push_one(self, token_id: int, logits: torch.Tensor) -> FinishReason | None:
        if token_id in self._end_ids:
            return "stop"
        self._answer_ids.append(token_id)
        if self._options.has_logprobs:
            self._logprobs.append(logprob_of(logits, token_id))
        if piece := self._text.push(token_id):
            self._outcomes.put(Completion(piece))
        if self._text.stopped:
            return "stop"
        return "length" if len(self._answer_ids) >= self._options.max_new_tokens else None
