"""Reads files in limited, warm child processes: what a hostile file does costs that file only.

Children are started with ``python -m`` rather than by multiprocessing: a spawned child would run
the caller's main script anew, and results would be unpickled from a process that parsed untrusted
bytes. Pages arrive one by one, so that those finished before a child was killed are kept.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ingest.pages import Block, Page
from ingest.readers.child import is_recognised
from ragapp.closing import Closing
from ragapp.errors import (
    CorruptFileError,
    EncryptedFileError,
    FileTooLargeError,
    NoTextError,
    ReadError,
    UnsupportedFileError,
)

MAX_ANSWER_BYTES = 300_000_000
READ_BYTES = 1_048_576

_TARGET = "ingest.readers:read"
_Options = Mapping[str, str | bool | Sequence[str]]
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_ERRORS: Mapping[str, type[ReadError]] = {
    error.code: error
    for error in (
        CorruptFileError,
        EncryptedFileError,
        FileTooLargeError,
        NoTextError,
        ReadError,
        UnsupportedFileError,
    )
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost, and after how many files a child is replaced.

    `wall_s` counts only while the child is waited for; pages whose text was recognised may take
    `ocr_s` more together. `memory_bytes` is address space.
    """

    wall_s: float = 180.0
    ocr_s: float = 3_600.0
    cpu_s: int = 150
    memory_bytes: int = 3_000_000_000
    file_bytes: int = 1_000_000
    n_open_files: int = 64
    max_tasks: int = 100


class Sandbox(Closing):
    """Children kept warm between files, one for each `read` in progress. Safe for threads."""

    def __init__(self, *, limits: Limits | None = None, target: str = _TARGET) -> None:
        self._limits = limits or Limits()
        self._target = target
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = Lock()
        self._is_open = True

    def close(self) -> None:
        """End all children at once; what reads from one that is in use sees it die."""
        with self._lock:
            self._is_open = False
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.end()

    def read(self, path: Path, **options: str | bool | Sequence[str]) -> Iterator[Page]:
        """Yield the pages of a file as `ingest.readers.read` does, from a child process.

        `options` are passed on as they are, but for empty ones; they travel by a pipe.

        A child that hangs, dies or grows too large is ended. If pages had been finished, a last
        Page without blocks tells why in "error", and its "partial" how many pages were kept; else
        ReadError is raised. Raises what `ingest.readers.read` raises.
        """
        child = self._taken()
        try:
            yield from _pages(child, path, options, self._limits)
        finally:
            self._returned(child)

    def _taken(self) -> _Child:
        with self._lock:
            if not self._is_open:
                raise ReadError("the reading was stopped", hint="run the same command to go on")
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    break
                child.end()
            else:
                child = _Child(self._target, self._limits)
            self._busy.add(child)
        return child

    def _returned(self, child: _Child) -> None:
        with self._lock:
            self._busy.discard(child)
            fit = child.is_ready() and child.n_tasks < self._limits.max_tasks
            if self._is_open and fit:
                self._idle.append(child)
                return
        child.end()


class _ChildEndedError(Exception):
    """A child that will answer no more; the message says why."""


class _Child:
    """One child process: a request goes in as a line, answers come out as lines."""

    def __init__(self, target: str, limits: Limits) -> None:
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path)) or str(Path.cwd())
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
        arguments = [target, json.dumps(asdict(limits))]
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-P", "-m", "ingest.readers.child", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            bufsize=0,
        )
        self._buffer = bytearray()
        self._is_busy = False
        self.n_tasks = 0

    def is_alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """Tell whether the process has answered its last request to the end."""
        return self.is_alive() and not self._is_busy

    def answers(self, path: Path, options: _Options, limits: Limits) -> Iterator[dict[str, Any]]:
        """Yield the answers to one request, the last without "page". Raises _ChildEndedError."""
        self._is_busy = True
        self.n_tasks += 1
        self._send(path, options)
        remaining_s, ocr_s = limits.wall_s, limits.ocr_s
        while True:
            line, waited_s = self._line(remaining_s)
            answer = json.loads(line)
            del line  # it may be large, and the answer is worked on
            free_s = min(waited_s, ocr_s) if is_recognised(answer) else 0.0
            remaining_s, ocr_s = remaining_s - waited_s + free_s, ocr_s - free_s
            self._is_busy = "page" in answer
            yield answer
            if not self._is_busy:
                return

    def kill(self) -> None:
        """Kill the process; whoever waits for its answer sees the end of it."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and release its pipes."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _send(self, path: Path, options: _Options) -> None:
        assert self._process.stdin is not None
        given = {name: value for name, value in options.items() if value}
        values = {"path": str(path.absolute()), "options": given}
        request = json.dumps(values).encode("ascii") + b"\n"
        try:
            self._process.stdin.write(request)
        except OSError as error:
            raise _ChildEndedError("its reader did not start") from error

    def _line(self, remaining_s: float) -> tuple[bytearray, float]:
        """Return the next answer line and the seconds it was waited for."""
        assert self._process.stdout is not None
        started = time.monotonic()
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            left_s = remaining_s - (time.monotonic() - started)
            if searched > MAX_ANSWER_BYTES:
                raise _ChildEndedError("a page of it is too large")
            if not _is_readable(self._process.stdout.fileno(), left_s):
                raise _ChildEndedError("reading it took too long")
            data = os.read(self._process.stdout.fileno(), READ_BYTES)
            if not data:
                raise _ChildEndedError(self._cause_of_death())
            self._buffer += data
        line, self._buffer = self._buffer, self._buffer[end + 1 :]
        del line[end:]
        return line, time.monotonic() - started

    def _cause_of_death(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return "reading it took too long"
        if code < 0:
            return f"its reader crashed ({signal.Signals(-code).name})"
        return f"its reader ended unexpectedly (exit code {code})"


def _pages(child: _Child, path: Path, options: _Options, limits: Limits) -> Iterator[Page]:
    n_pages = 0
    number: int | None = None
    try:
        for answer in child.answers(path, options, limits):
            if "page" not in answer:
                _raise_reported(answer)
                return
            page = _page(answer["page"])
            n_pages, number = n_pages + 1, page.number
            yield page
    except _ChildEndedError as error:
        if not n_pages:
            raise ReadError(
                f"{path.name!r} cannot be read: {error}", hint="convert or split the file"
            ) from error
        failure = {"error": str(error), "partial": f"{n_pages} pages were read"}
        yield Page((), number=None if number is None else number + 1, metadata=failure)


def _raise_reported(answer: Mapping[str, Any]) -> None:
    if "error" in answer:
        reported = answer["error"]
        kind = _ERRORS.get(reported["code"], ReadError)
        raise kind(reported["message"], hint=reported["hint"])


def _page(values: Mapping[str, Any]) -> Page:
    blocks = tuple(Block(**block) for block in values["blocks"])
    return Page(blocks, number=values["number"], metadata=values["metadata"])


def _is_readable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(0, timeout_s) * 1_000))
