"""Text files that are there wholly or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ragapp.errors import RagError


def write_whole(path: Path, text: str) -> None:
    """Write a text file durably: it is there wholly or not at all. Raises RagError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RagError(
            f"{str(path)!r} cannot be written: {error.strerror}", hint="name another file"
        ) from error
