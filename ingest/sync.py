"""Removal of what was ingested from a folder and is no longer there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ragapp.collection import Collection


def remove_missing(collection: Collection, given: Sequence[Path], files: Sequence[Path]) -> int:
    """Remove sources under the given folders that were not found any more; return how many."""
    folders = [path for path in given if path.is_dir()]
    present = {str(path) for path in files}
    missing = [
        source.path
        for source in collection.sources()
        if source.path not in present
        and any(Path(source.path).is_relative_to(folder) for folder in folders)
        and not _is_out_of_sight(Path(source.path))
    ]
    return sum(collection.remove_source(path) for path in missing)


def _is_out_of_sight(path: Path) -> bool:
    """Tell a file that may be there, in a folder that cannot be listed, from one that is gone."""
    for folder in path.parents:
        if os.access(folder, os.F_OK):
            return not os.access(folder, os.R_OK | os.X_OK)
    return False
