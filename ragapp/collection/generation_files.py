"""Index files: written whole under a new name, checked by size and SHA-256 before they are read.

A file is never changed: a new generation is a new file, and one row in SQLite points at it. A
damaged file is moved to `quarantine/`; what it held is searched from SQLite until the next build.
"""

from __future__ import annotations

import logging
import os
from hashlib import file_digest
from pathlib import Path

from ragapp.chunkstore.generations import Generation
from ragapp.errors import CollectionDamagedError
from ragapp.protocols import VectorIndex
from ragapp.registry import INDEXES, resolve

_log = logging.getLogger(__name__)
FOLDER = "index"
QUARANTINE = "quarantine"


def write_index(directory: Path, name: str, index: VectorIndex) -> tuple[int, bytes]:
    """Write `index` durably as `directory/index/name`; return its size in bytes and SHA-256."""
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    temporary = folder / f"{name}.tmp"
    index.save(temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
        digest = file_digest(file, "sha256").digest()
    size = temporary.stat().st_size
    temporary.rename(folder / name)
    _sync_folder(folder)
    return size, digest


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
        path.rename(directory / QUARANTINE / generation.file)
    _log.warning("index generation %d was damaged and is set aside", generation.number)


def delete_others(directory: Path, generation: Generation) -> None:
    """Delete index files that no row points at: older generations and unfinished writes."""
    for path in (directory / FOLDER).iterdir():
        if path.name != generation.file:
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
