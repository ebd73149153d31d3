"""Runs as files: kept in the collection's folder, written whole or not at all, found by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragapp.collection.evaluation_files import FOLDER_NAME
from ragapp.errors import CorruptFileError, NotFoundError, RagError, UsageError
from ragapp.evaluation.run import EvaluationRun
from ragapp.whole_files import write_whole


def keep_run(run: EvaluationRun, collection: Path) -> Path:
    """Write a run into the collection's folder; return its file. Raises RagError."""
    path = made_folder(collection) / f"{run.id}.json"
    save_run(run, path)
    return path


def made_folder(collection: Path) -> Path:
    """Return the folder of the collection's evaluations, made if need be. Raises RagError."""
    folder = collection / FOLDER_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RagError(f"{str(folder)!r} cannot be made: {error.strerror}") from error
    return folder


def save_run(run: EvaluationRun, path: Path) -> None:
    """Write a run to a file of its own. Raises RagError when that fails."""
    write_whole(path, json.dumps(run.to_dict(), ensure_ascii=False) + "\n")


def list_runs(collection: Path) -> list[EvaluationRun]:
    """Return the runs kept in the collection, the oldest first. Raises CorruptFileError."""
    return [_read(path) for path in sorted((collection / FOLDER_NAME).glob("*.json"))]


def load_run(name: str, collection: Path) -> EvaluationRun:
    """Return the run of a file, or the kept run whose id begins with `name`.

    Raises NotFoundError, UsageError where several begin so, CorruptFileError.
    """
    if Path(name).is_file():
        return _read(Path(name))
    kept = sorted((collection / FOLDER_NAME).glob("*.json"))
    found = [path for path in kept if name and path.name.startswith(name)]
    if not found:
        raise NotFoundError(
            f"no evaluation run has the id or file {name!r}", hint="list them: ragapp eval list"
        )
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} runs begin with {name!r}", hint="give more of the id: ragapp eval list"
        )
    return _read(found[0])


def _read(path: Path) -> EvaluationRun:
    try:
        values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptFileError(
            f"{str(path)!r} is no evaluation run: {error}", hint="remove it, or name another"
        ) from error
    return EvaluationRun.from_dict(values, place=str(path))
