"""Removal of what was ingested from a folder and is no longer there.

What cannot be looked at is not gone: a disk that is not mounted or a folder that may not be listed
keeps its documents.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ingest.inputs import file_of
from ragapp.collection import NO_FILE, Collection, Source


def remove_missing(collection: Collection, given: Sequence[Path], files: Sequence[Path]) -> int:
    """Remove sources under the given folders that were not found any more; return how many.

    An archive's members go with it.
    """
    folders = [path for path in given if path.is_dir()]
    present = {str(path) for path in files}
    missing = [
        source
        for source in sources_under(collection, folders)
        if file_of(source.path) not in present and not is_out_of_sight(Path(file_of(source.path)))
    ]
    return remove(collection, missing)


def sources_under(collection: Collection, folders: Sequence[Path]) -> list[Source]:
    """Return the sources that are files in the folders, or in archives there."""
    return [
        source
        for source in collection.sources()
        if source.mtime_ns != NO_FILE
        and any(Path(file_of(source.path)).is_relative_to(folder) for folder in folders)
    ]


def remove(collection: Collection, sources: Sequence[Source]) -> int:
    """Remove sources; return how many of them held a document or a failure."""
    for source in sources:
        collection.remove_source(source.path)
    return sum(1 for source in sources if source.document_id or source.failure)


def is_out_of_sight(path: Path) -> bool:
    """Tell a file that may be there, in a folder that cannot be listed, from one that is gone."""
    for folder in path.parents:
        try:
            os.scandir(folder).close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
        return not os.access(folder, os.X_OK)
    return False
