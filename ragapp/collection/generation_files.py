"""Index files: written whole under a new name, checked by size and SHA-256 before they are read.

A file is never changed: a new generation is a new file, and one row in SQLite points at it. A
damaged file is moved to `quarantine/`; what it held is searched from SQLite until the next build.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from ragapp.chunkstore.failpoints import reach
from ragapp.chunkstore.generations import Generation
from ragapp.chunkstore.syncing import sync
from ragapp.errors import CollectionDamagedError, CollectionError
from ragapp.protocols import VectorIndex
from ragapp.registry import INDEXES, resolve

_log = logging.getLogger(__name__)
FOLDER = "index"
QUARANTINE = "quarantine"


class UnwritableIndexError(CollectionError):
    """An index file that cannot be written whole, for lack of room on the disk perhaps."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an index file holds, its size in bytes and its hash."""

    n_vectors: int
    dim: int
    size: int
    sha256: bytes


def write_index(directory: Path, name: str, build: Callable[[], VectorIndex]) -> Written:
    """Build an index and write it durably as `directory/index/name`.

    It is read back before it gets its name: FAISS does not notice when its last bytes are lost.
    What was built is let go before, so that no two indexes are in memory. Raises
    UnwritableIndexError.
    """
    index = build()
    index_type, n_vectors, dim = type(index), index.n_vectors, index.dim
    folder = directory / FOLDER
    temporary = folder / f"{name}.tmp"
    try:
        folder.mkdir(exist_ok=True)
        reach("write_index.folder")
        digest = _save(index, temporary)
        del index
        _check_whole(temporary, index_type, n_vectors)
        size = temporary.stat().st_size
        temporary.rename(folder / name)
        reach("write_index.renamed")
        sync(folder)
    except (OSError, RuntimeError, CollectionDamagedError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UnwritableIndexError(
            f"the index file {folder / name} cannot be written: {error}",
            hint="free some space, then run the same command again",
        ) from error
    reach("write_index.folder_synced")
    return Written(n_vectors, dim, size, digest)


def _save(index: VectorIndex, path: Path) -> bytes:
    """Write `index` durably as `path` and return its SHA-256."""
    index.save(path)
    reach("write_index.saved")
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = file_digest(file, "sha256").digest()
    reach("write_index.synced")
    return digest


def _check_whole(path: Path, index_type: type[VectorIndex], n_vectors: int) -> None:
    if index_type.load(path).n_vectors != n_vectors:
        raise CollectionDamagedError(f"{path} was not written whole")


def read_index(directory: Path, generation: Generation) -> VectorIndex:
    """Read a generation's file. Raises CollectionDamagedError unless it is whole and as written."""
    path = directory / FOLDER / generation.file
    if not path.is_file():
        raise CollectionDamagedError(f"the index file {path} is missing")
    if path.stat().st_size != generation.size:
        raise CollectionDamagedError(f"the index file {path} has the wrong size")
    with path.open("rb") as file:
        if file_digest(file, "sha256").digest() != generation.sha256:
            raise CollectionDamagedError(f"the index file {path} has changed since it was written")
    index_type = resolve(INDEXES, generation.index_name, setting="index")
    index: VectorIndex = index_type.load(path)
    if index.n_vectors != generation.n_vectors or index.dim != generation.dim:
        raise CollectionDamagedError(f"the index file {path} does not hold what it should")
    return index


def quarantine(directory: Path, generation: Generation) -> None:
    """Move a damaged index file out of the way, keeping it for inspection."""
    path = directory / FOLDER / generation.file
    if path.is_file():
        (directory / QUARANTINE).mkdir(exist_ok=True)
        reach("quarantine.folder")
        path.rename(directory / QUARANTINE / generation.file)
        reach("quarantine.moved")
    _log.warning("index generation %d was damaged and is set aside", generation.number)


def delete_others(directory: Path, generation: Generation) -> None:
    """Delete index files that no row points at: older generations and unfinished writes."""
    for path in (directory / FOLDER).iterdir():
        if path.name != generation.file:
            path.unlink(missing_ok=True)
            reach("delete_others.one")
