"""An answer that is read as it comes, and when its parts came."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from threading import Event

from ragapp.errors import UsageError
from ragapp.trace import Stages, Timings
from ragapp.types import Answer


class AnswerStream:
    """An answer on its way: iterate to read it as it comes, `.answer` for the whole."""

    def __init__(self, pieces: Iterator[str | Answer], cancelled: Event) -> None:
        self._pieces = pieces
        self._cancelled = cancelled
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        """Yield the text in pieces, each once."""
        for piece in self._pieces:
            if isinstance(piece, Answer):
                self._answer = piece
            else:
                yield piece

    @property
    def answer(self) -> Answer:
        """The whole answer with its checked citations; waits for the end of the stream.

        Its text may lack markers that were streamed and then found to cite nothing.
        """
        for _ in self:
            pass
        if self._answer is None:
            raise UsageError("the stream was left before its end", hint="ask the question again")
        return self._answer

    def then(self, finish: Callable[[Answer], Answer]) -> AnswerStream:
        """Return the stream, to be read in place of this one, with what `finish` makes of its end.

        `finish` is called once, when the last piece was read.
        """
        return AnswerStream(self._finished(finish), self._cancelled)

    def _finished(self, finish: Callable[[Answer], Answer]) -> Iterator[str | Answer]:
        yield from self
        yield finish(self.answer)

    def cancel(self) -> None:
        """Stop at the next token; `.answer` then holds what came until there."""
        self._cancelled.set()


class Clock:
    """Milliseconds since the question arrived, at the end of each stage."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.retrieve = self.prompt = self.first_token = self.written = 0.0

    def now(self) -> float:
        """Return the milliseconds until now."""
        return round((time.perf_counter() - self._start) * 1000.0, 2)

    def timings(self) -> Timings:
        """Return the stages' ends, the answer's now."""
        return Timings(self.retrieve, self.prompt, self.first_token, self.now())

    def stages(self, timings: Timings) -> Stages:
        """Return how long each stage took, of an answer with these timings."""
        first_token = timings.first_token or self.written  # a cancelled answer has none
        ends = (0.0, timings.retrieve, timings.prompt, first_token, self.written, timings.total)
        return Stages(*(round(end - begin, 2) for begin, end in pairwise(ends)))
