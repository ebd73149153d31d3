"""Room on the disk: asked for before a writing session, and a reserve for when it runs out.

The ballast is a file of no content that is deleted when a transaction meets a full disk: what it
frees lets that transaction, which may be the one that removes documents, come to its end.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionError

_log = logging.getLogger(__name__)
BALLAST_NAME = "ballast"
BALLAST_BYTES = 2 << 20
_MARGIN_BYTES = 8 << 20  # rollback journal and some documents


def require(directory: Path, *, n_bytes: int = 0) -> None:
    """Check that `n_bytes` more, an index generation and the ballast fit; lay the ballast.

    Raises CollectionError when they do not.
    """
    ballast = directory / BALLAST_NAME
    is_laid = ballast.is_file() and ballast.stat().st_size == BALLAST_BYTES
    n_needed = n_bytes + _MARGIN_BYTES + _index_bytes(directory)
    n_needed += 0 if is_laid else BALLAST_BYTES
    n_free = shutil.disk_usage(directory).free
    if n_free < n_needed:
        raise CollectionError(
            f"the disk of {directory} has {_mebibytes(n_free)} free, "
            f"writing needs {_mebibytes(n_needed)}; nothing was changed",
            hint="free some space or remove documents, then run the same command again",
        )
    if not is_laid:
        _lay(ballast)


def release(directory: Path) -> bool:
    """Delete the ballast; tell whether that gave room."""
    ballast = directory / BALLAST_NAME
    if not ballast.is_file():
        return False
    ballast.unlink()
    _log.warning("the disk of %s is full: the reserve of the collection is used up", directory)
    return True


def _lay(ballast: Path) -> None:
    """Write the ballast; bytes that are not zero take room on every file system."""
    temporary = ballast.with_name(f"{BALLAST_NAME}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(os.urandom(BALLAST_BYTES))
            reach("ballast.written")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(ballast)
        reach("ballast.laid")
    except OSError as error:  # a limit on the size of files, perhaps: the check has passed
        temporary.unlink(missing_ok=True)
        _log.info("no reserve can be laid in %s: %s", ballast.parent, error.strerror)


def _index_bytes(directory: Path) -> int:
    """Return the size of the index files: the next generation is written beside them."""
    files = (directory / "index").glob("*")
    return sum(path.stat(follow_symlinks=False).st_size for path in files)


def _mebibytes(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 20):.1f} MiB"
