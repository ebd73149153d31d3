"""How fast a run is and how long it still takes, told by the bytes of the files that are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.inputs import file_of
from ingest.outcomes import Outcome, Progress


def meter(files: Sequence[Path]) -> Callable[[int, int, Outcome], Progress]:
    """Return what makes the Progress after (n_done, n_total, latest outcome) of a run over `files`.

    An archive counts whole with the first of its members. Unchanged files are no work: they are
    left out of the rate.
    """
    left = {str(path): _size(path) for path in files}
    n_bytes, n_read = sum(left.values()), 0
    start = time.perf_counter()

    def measured(n_done: int, n_total: int, latest: Outcome) -> Progress:
        nonlocal n_bytes, n_read
        size = left.pop(file_of(latest.path), 0)
        n_bytes -= size
        n_read += 0 if latest.outcome == "skipped" else size
        seconds = time.perf_counter() - start
        return Progress(n_done, n_total, latest, n_read / seconds if seconds else 0.0, n_bytes)

    return measured


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
