"""The writer's lock: one writer per collection, and the second is told who holds it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ragapp.errors import CollectionError, CollectionLockedError

_WAIT_S = 1.0


class WriterLock:
    """An exclusive lock between processes and threads, re-entrant within a thread."""

    def __init__(self, directory: Path) -> None:
        self._lock = FileLock(directory / "writer.lock")
        self._holder = directory / "writer.json"

    @contextmanager
    def held(self, *, wait_s: float = _WAIT_S) -> Iterator[None]:
        """Hold the lock, or raise CollectionLockedError, naming the holder, after `wait_s`."""
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise CollectionLockedError(
                f"another ingestion is writing to this collection: {self._describe_holder()}",
                hint="wait until it has finished, or stop it; nothing was changed",
            ) from error
        except OSError as error:
            raise CollectionError(
                f"the collection in {self._holder.parent} cannot be written: {error.strerror}",
                hint="check the folder's permissions and free space",
            ) from error
        try:
            if self._lock.lock_counter == 1:  # not when it was held already
                with suppress(OSError):  # who holds the lock is a courtesy
                    self._holder.write_text(json.dumps(_this_process()), encoding="utf-8")
            yield
        finally:
            self._lock.release()

    def _describe_holder(self) -> str:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            return f"process {holder['pid']} ({holder['command']}), since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown process"


def _this_process() -> dict[str, object]:
    words = [word for word in sys.argv[1:2] if not word.startswith("-")]  # no option's value
    command = " ".join([Path(sys.argv[0]).name, *words]).strip()
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "command": command[:80], "since": since}
