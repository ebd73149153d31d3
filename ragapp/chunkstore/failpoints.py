"""Named places between two steps of a write, at which a fault test kills the process.

    FAILPOINT_RAGAPP=build.written        kill at the first arrival
    FAILPOINT_RAGAPP=build.written:3      kill at the third

Without the variable, `reach` does nothing. `POINTS` lists all names: the tests kill at each.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal, get_args

VARIABLE = "FAILPOINT_RAGAPP"

Point = Literal[
    "schema.begun",
    "schema.table",
    "schema.versioned",
    "schema.committed",
    "transaction.begun",
    "transaction.committing",
    "transaction.committed",
    "migration.copied",
    "migration.begun",
    "migration.step",
    "migration.versioned",
    "migration.committed",
    "migration.postings",
    "conversation.begun",
    "conversation.appended",
    "rating.inserted",
    "document.inserted",
    "passages.held",
    "chunks.inserted",
    "postings.inserted",
    "vectors.inserted",
    "source.put",
    "source.deleted",
    "document.chunks_deleted",
    "document.deleted",
    "passages.postings_deleted",
    "passages.noted_as_removed",
    "passages.deleted",
    "passages.compared",
    "embedder.registered",
    "embedder.switched",
    "vectors.others_deleted",
    "generations.dropped",
    "generation.inserted",
    "generation.older_deleted",
    "generation.removed_cleared",
    "build.read",
    "build.written",
    "build.in_force",
    "build.others_deleted",
    "reindex.batch",
    "reindex.switched",
    "write_index.folder",
    "write_index.saved",
    "write_index.synced",
    "write_index.renamed",
    "write_index.folder_synced",
    "delete_others.one",
    "quarantine.folder",
    "quarantine.moved",
    "ballast.written",
    "ballast.laid",
    "backup.copied",
    "backup.synced",
    "backup.renamed",
    "restore.verified",
    "restore.staged",
    "restore.indexed",
    "restore.replaced",
]
POINTS: tuple[Point, ...] = get_args(Point)

_arrivals: Counter[str] = Counter()


def reach(point: Point) -> None:
    """Kill this process without warning when the environment names this arrival at `point`."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    name, _, count = wanted.partition(":")
    if name == point:
        _arrivals[point] += 1
        if _arrivals[point] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
