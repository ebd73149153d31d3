"""Reads files ahead of those that are embedded and stored, in threads, as much as memory allows.

The threads are daemons: an interrupted program doesn't wait for the file that one is at.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice
from queue import SimpleQueue
from threading import Condition, Thread

from ingest.prepare import Prepared

MAX_FILES = 16
MAX_CHARACTERS = 8_000_000
_MAX_THREADS = 4

Prepare = Callable[[], Prepared]
_Task = tuple[int, Prepare, "Future[Prepared]"]


def prepared_ahead(tasks: Iterable[Prepare]) -> Generator[Prepared, None, None]:
    """Yield what the tasks return, in order; up to 16 are begun before their turn.

    While the texts that wait have 8 million characters together, only the next file is read.
    """
    readers = _Readers(min(_MAX_THREADS, os.cpu_count() or 1))
    remaining = iter(tasks)
    pending: deque[Future[Prepared]] = deque()
    try:
        while True:
            missing = MAX_FILES - len(pending)
            pending.extend(readers.submit(prepare) for prepare in islice(remaining, missing))
            if not pending:
                return
            yield readers.taken(pending.popleft())
    finally:  # files that are being read end with their sandbox
        readers.close()


class _Readers:
    """Threads that work on tasks in the order in which they were submitted."""

    def __init__(self, n_threads: int) -> None:
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._changed = Condition()
        self._is_open = True
        self._n_submitted = 0
        self._n_taken = 0
        self._n_characters = 0
        for _ in range(n_threads):
            Thread(target=self._work, name="prepare", daemon=True).start()

    def submit(self, prepare: Prepare) -> Future[Prepared]:
        """Return the future of a task that begins when there is room for what it returns."""
        future: Future[Prepared] = Future()
        self._tasks.put((self._n_submitted, prepare, future))
        self._n_submitted += 1
        return future

    def taken(self, future: Future[Prepared]) -> Prepared:
        """Wait for the oldest task not yet taken, and make room. Raises what the task raised."""
        prepared = future.result()
        with self._changed:
            self._n_taken += 1
            self._n_characters -= _n_characters(prepared)
            self._changed.notify_all()
        return prepared

    def close(self) -> None:
        """Begin no further task."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        for _ in range(_MAX_THREADS):
            self._tasks.put((0, _nothing, Future()))  # wakes the threads that wait for a task

    def _work(self) -> None:
        while True:
            place, prepare, future = self._tasks.get()
            with self._changed:
                self._changed.wait_for(partial(self._may_begin, place))
                if not self._is_open:
                    return
            try:
                prepared = prepare()
            except BaseException as error:  # noqa: BLE001  raised again by `taken`
                future.set_exception(error)
                continue
            with self._changed:
                self._n_characters += _n_characters(prepared)
            future.set_result(prepared)

    def _may_begin(self, place: int) -> bool:
        has_room = self._n_characters < MAX_CHARACTERS
        return has_room or place == self._n_taken or not self._is_open


def _n_characters(prepared: Prepared) -> int:
    return 0 if prepared.document is None else len(prepared.document.text)


def _nothing() -> Prepared:
    raise AssertionError("a closed reader begins no task")
