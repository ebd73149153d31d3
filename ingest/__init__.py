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
    from ingest.quality import Quality
    from ingest.remarks import findings_of, needs_a_look, remarks_on, summary_of
    from ingest.report_file import check_report_path, write_report
    from ingest.revisions import compare

__all__ = [
    "IngestReport",
    "Outcome",
    "Progress",
    "Quality",
    "check_report_path",
    "compare",
    "evaluate_folder",
    "findings_of",
    "ingest_loader",
    "ingest_paths",
    "needs_a_look",
    "remarks_on",
    "summary_of",
    "write_report",
]

_HOMES = {
    "IngestReport": "ingest.outcomes",
    "Outcome": "ingest.outcomes",
    "Progress": "ingest.outcomes",
    "Quality": "ingest.quality",
    "check_report_path": "ingest.report_file",
    "compare": "ingest.revisions",
    "evaluate_folder": "ingest.evaluation",
    "findings_of": "ingest.remarks",
    "ingest_loader": "ingest.pipeline",
    "ingest_paths": "ingest.pipeline",
    "needs_a_look": "ingest.remarks",
    "remarks_on": "ingest.remarks",
    "summary_of": "ingest.remarks",
    "write_report": "ingest.report_file",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
