"""Many requests, one model: a thread that moves all of them on by a token at a time.

Requests join and leave between two steps (continuous batching: Yu et al. 2022, "Orca"). They begin
in the order of asking, within `Limits`. The thread lives as long as
there is something to do: it does not run far ahead of those who read.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from threading import RLock, Thread
from typing import TYPE_CHECKING

from ragapp.errors import BusyError, ModelError
from ragapp.generation.causal_model import CausalModel
from ragapp.generation.limits import Limits
from ragapp.generation.pool import SessionPool
from ragapp.generation.request import Request
from ragapp.types import FinishReason

if TYPE_CHECKING:
    import torch

_PIECE_SHARE = 4  # of a piece of a prompt, while others wait for their next token

_log = logging.getLogger(__name__)


class Scheduler:
    """The requests of one model. `submit` is safe from several threads.

    A step feeds each answer its last token, and the oldest prompts up to `piece_tokens` together:
    a quarter of that while answers are being written, so that they go on smoothly.
    """

    def __init__(self, model: CausalModel, pool: SessionPool, *, limits: Limits) -> None:
        self._model = model
        self._pool = pool
        self._max_active = limits.max_streams
        self._max_waiting = limits.max_waiting
        self._piece_tokens = limits.piece_tokens
        self._lock = RLock()  # a stream that is collected wakes us, in whatever thread that is
        self._waiting: deque[Request] = deque()
        self._active: list[Request] = []
        self._is_running = False

    def submit(self, request: Request) -> None:
        """Queue a request. Raises BusyError when too many are waiting."""
        with self._lock:
            if len(self._waiting) >= self._max_waiting + self._max_active - len(self._active):
                raise BusyError(
                    f"{len(self._waiting)} requests are waiting for {self._model.name!r} already",
                    hint="ask again in a while",
                )
            self._waiting.append(request)
            self._ensure_running()

    def wake(self) -> None:
        """Go on with requests that waited for their readers."""
        with self._lock:
            if self._waiting or self._active:
                self._ensure_running()

    def _ensure_running(self) -> None:
        if not self._is_running:
            self._is_running = True
            Thread(target=self._run, name=f"engine of {self._model.name}").start()

    def _run(self) -> None:
        while self._admit():
            try:
                self._begin_and_end()
                self._step(self._fed())
            except BaseException as error:  # noqa: BLE001  whoever asked must hear of it
                _log.exception("a step of %s failed", self._model.name)
                for request in list(self._active):
                    self._fail(request, error)

    def _admit(self) -> bool:
        """Let requests in while there is room; False when nothing is left to do for the thread."""
        with self._lock:
            while self._waiting and len(self._active) < self._max_active:
                self._active.append(self._waiting.popleft())
            for request in list(self._waiting):
                if reason := request.ending():
                    self._waiting.remove(request)
                    request.finish(reason)
            for place, request in enumerate(self._waiting, start=1):
                request.tell_place(place)
            is_running = not all(request.is_stalled for request in self._active)
            self._is_running = is_running
            return is_running

    def _begin_and_end(self) -> None:
        """End the requests that were cancelled or are late, begin those that are new."""
        for request in list(self._active):
            reason = request.ending()
            if reason:
                self._end(request, reason)
            elif request.session is None:
                session = self._pool.take(
                    request.prompt_ids, adapter=request.adapter, is_exact=request.is_exact
                )
                request.begin(session, device=self._model.device)

    def _fed(self) -> list[tuple[Request, Sequence[int]]]:
        """Return the tokens that each request is to be fed, where it is its turn."""
        n_writing = sum(not request.is_prefilling for request in self._active)
        room = max(1, self._piece_tokens // _PIECE_SHARE) if n_writing else self._piece_tokens
        share = max(1, self._model.cheap_rows // max(1, n_writing))
        fed: list[tuple[Request, Sequence[int]]] = []
        for request in self._active:
            if request.is_stalled:
                continue
            if not request.is_prefilling:
                fed.append((request, request.next_ids(max_tokens=share)))
            elif room > 0:
                ids = request.next_ids(max_tokens=room)
                room -= len(ids)
                fed.append((request, ids))
        return fed

    def _step(self, fed: Sequence[tuple[Request, Sequence[int]]]) -> None:
        if not fed:
            return
        try:
            logits = self._model.step([request.row(ids) for request, ids in fed])
        except ModelError as error:  # out of memory
            self._retry(fed, error)
            return
        for (request, ids), rows in zip(fed, logits, strict=True):
            self._take(request, ids, rows)

    def _take(self, request: Request, ids: Sequence[int], logits: torch.Tensor) -> None:
        try:
            reason = request.take(ids, logits)
        except Exception as error:  # noqa: BLE001  one request's tokens must not cost the others
            self._fail(request, error)
            return
        if reason:
            self._end(request, reason)

    def _retry(self, fed: Sequence[tuple[Request, Sequence[int]]], error: ModelError) -> None:
        """Take each request on its own, where several together were too many."""
        if len(fed) == 1:
            self._fail(fed[0][0], error)
            return
        _log.warning("%s; going on one request at a time", error)
        for request, ids in fed:
            if request.restore():
                self._step([(request, ids)])
            else:
                self._fail(request, error)

    def _end(self, request: Request, reason: FinishReason) -> None:
        self._active.remove(request)
        session = request.leave()
        if session is not None:
            self._pool.put_back(session)
        request.finish(reason)

    def _fail(self, request: Request, error: BaseException) -> None:
        self._active.remove(request)
        if request.session is not None:
            request.session.clear()
            self._pool.put_back(request.session)
        request.fail(error)
