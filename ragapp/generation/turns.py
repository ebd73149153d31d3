"""Who may go next: a semaphore that admits in the order of arrival, which threading's does not."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock

_CANCEL_CHECK_S = 0.02


class FifoSlots:
    """At most `n_slots` holders at a time. A slot may be given back by another thread."""

    def __init__(self, n_slots: int) -> None:
        self._lock = Lock()
        self._n_free = n_slots
        self._waiting: deque[Event] = deque()

    def acquire(self, cancelled: Event | None = None) -> bool:
        """Wait for a slot; False once `cancelled` is set, and then no slot is held."""
        with self._lock:
            if self._n_free:
                self._n_free -= 1
                return True
            admitted = Event()
            self._waiting.append(admitted)
        try:
            return self._wait(admitted, cancelled)
        except BaseException:  # an interrupt while waiting must not take a slot along
            if not self._withdraw(admitted):
                self.release()
            raise

    def release(self) -> None:
        """Hand the slot to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._n_free += 1

    def _wait(self, admitted: Event, cancelled: Event | None) -> bool:
        if cancelled is None:
            return admitted.wait()
        while not admitted.wait(_CANCEL_CHECK_S):
            if cancelled.is_set() and self._withdraw(admitted):
                return False
        return True

    def _withdraw(self, admitted: Event) -> bool:
        """Leave the queue; False if the slot had been handed over already."""
        with self._lock:
            if admitted in self._waiting:
                self._waiting.remove(admitted)
                return True
            return False
