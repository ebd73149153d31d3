"""Ingestion: files in, documents in a collection out.

    from ingest import ingest_paths

Importing it loads no reader and no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.evaluation import evaluate_folder
    from ingest.outcomes import IngestReport, Outcome, Progress
    from ingest.pipeline import ingest_loader, ingest_paths
    from ingest.revisions import compare

__all__ = [
    "IngestReport",
    "Outcome",
    "Progress",
    "compare",
    "evaluate_folder",
    "ingest_loader",
    "ingest_paths",
]

_HOMES = {
    "IngestReport": "ingest.outcomes",
    "Outcome": "ingest.outcomes",
    "Progress": "ingest.outcomes",
    "compare": "ingest.revisions",
    "evaluate_folder": "ingest.evaluation",
    "ingest_loader": "ingest.pipeline",
    "ingest_paths": "ingest.pipeline",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
