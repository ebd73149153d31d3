"""The sessions kept between requests, so that the next turn of a conversation finds its cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from ragapp.generation.session import Session


class SessionPool:
    """Idle sessions, the least recently used first, together at most `max_bytes`.

    A session that is lent belongs to its borrower, so its bytes are not counted until it is back.
    `new_session` makes one for an adapter; what was computed with another is never lent.
    """

    def __init__(self, new_session: Callable[[str], Session], *, max_bytes: int) -> None:
        self._new_session = new_session
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._idle: list[Session] = []
        self._lent: list[Session] = []

    @property
    def n_bytes(self) -> int:
        """The memory of the idle sessions."""
        with self._lock:
            return sum(session.n_bytes for session in self._idle)

    @contextmanager
    def lend(self, prompt_ids: Sequence[int], *, adapter: str = "") -> Iterator[Session]:
        """Lend the session that saves `prompt_ids` the most work, or a new one."""
        session = self.take(prompt_ids, adapter=adapter)
        try:
            yield session
        finally:
            self.put_back(session)

    def take(
        self, prompt_ids: Sequence[int], *, adapter: str = "", is_exact: bool = True
    ) -> Session:
        """Return the session that shares most with the prompt, to be `put_back` in the end.

        With `is_exact`, tokens that were joined of chunks count as not shared.
        Where the prompt continues less than half of it (only the instructions are the same, say),
        it is another conversation's: that one is left as it is and the shared part is copied. So it
        is where the session is lent already; its borrower must not change it meanwhile.
        """
        with self._lock:
            session = self._taken(prompt_ids, adapter, is_exact)
            self._lent.append(session)
            return session

    def put_back(self, session: Session) -> None:
        """Take a session back, and forget the least recently used beyond the limit."""
        with self._lock:
            self._lent.remove(session)
            if session.can_continue:
                self._idle.append(session)
            while self._idle and sum(idle.n_bytes for idle in self._idle) > self._max_bytes:
                del self._idle[0]

    def clear(self) -> None:
        """Forget all idle sessions."""
        with self._lock:
            self._idle.clear()

    def _taken(self, prompt_ids: Sequence[int], adapter: str, is_exact: bool) -> Session:
        best, n_reusable = self._best(prompt_ids, adapter, is_exact)
        if best is None:
            return self._new_session(adapter)
        if best in self._lent or 2 * n_reusable < best.n_tokens:
            return best.fork(n_reusable) or self._new_session(adapter)
        self._idle.remove(best)
        return best

    def _best(
        self, prompt_ids: Sequence[int], adapter: str, is_exact: bool
    ) -> tuple[Session | None, int]:
        best, most = None, 0
        for session in [*reversed(self._idle), *self._lent]:  # of equals, the most recently used
            if session.adapter != adapter:
                continue
            n_reusable = session.reusable_tokens(prompt_ids, is_exact=is_exact)
            if n_reusable > most:
                best, most = session, n_reusable
        return best, most
