"""Readers that misbehave as hostile files make real ones do; run in a child process by tests."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from ingest.pages import Block, Page
from ragapp.errors import EncryptedFileError


def read(path: Path) -> Iterator[Page]:
    """Yield as many pages as the file name says ("2-hang"), then do what it says."""
    n_pages, _, mode = path.name.partition("-")
    for number in range(1, int(n_pages) + 1):
        yield Page((Block("paragraph", f"page {number} of {path.name}"),), number=number)
    if mode in _MISDEEDS:
        _MISDEEDS[mode](path)


def loaded_modules(path: Path) -> Iterator[Page]:
    """Yield the names of all modules in the child."""
    yield Page((Block("paragraph", "\n".join(sorted(sys.modules))),))


def environment(path: Path) -> Iterator[Page]:
    """Yield the names of the child's environment variables and its process id."""
    yield Page((Block("paragraph", "\n".join(os.environ)), Block("paragraph", str(os.getpid()))))


def _spin(path: Path) -> None:
    while True:
        pass


def _lock(path: Path) -> None:
    raise EncryptedFileError("it is locked", hint="unlock it")


_MISDEEDS: dict[str, Callable[[Path], object]] = {
    "hang": lambda path: Event().wait(),
    "spin": _spin,
    "exit": lambda path: os._exit(3),
    "crash": lambda path: ctypes.string_at(0),
    "memory": lambda path: bytearray(10_000_000_000),
    "raise": _lock,
    "print": lambda path: os.write(1, b"noise\n"),
    "write": lambda path: path.write_bytes(bytes(5_000_000)),  # over RLIMIT_FSIZE
}
