"""An event that is set when another is, or once the time for an answer is over."""

from __future__ import annotations

import time
from threading import Event
from typing import Literal


class Deadline(Event):
    """Set once `cancelled` is, or `timeout_s` seconds after it was made; None for no limit."""

    def __init__(self, cancelled: Event, *, timeout_s: float | None) -> None:
        super().__init__()
        self._cancelled = cancelled
        self._end = None if timeout_s is None else time.monotonic() + timeout_s

    @property
    def reason(self) -> Literal["cancelled", "timeout"]:
        """What an answer that it ended ended by."""
        return "cancelled" if self._cancelled.is_set() else "timeout"

    def is_set(self) -> bool:
        """Tell whether to end."""
        is_late = self._end is not None and time.monotonic() >= self._end
        return self._cancelled.is_set() or is_late

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most `timeout` seconds; tell whether it is."""
        left = None if self._end is None else max(0.0, self._end - time.monotonic())
        bounds = [seconds for seconds in (timeout, left) if seconds is not None]
        self._cancelled.wait(min(bounds, default=None))
        return self.is_set()
