"""Ingestion: files in, documents in a collection out.

    from ingest import ingest_paths

Importing it loads no reader and no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.boxes import Box, QuoteBoxes, citation_boxes, quote_boxes
    from ingest.evaluation import evaluate_folder
    from ingest.outcomes import IngestReport, Outcome, Progress
    from ingest.pipeline import ingest_loader, ingest_paths
    from ingest.pipes import ingest_stream
    from ingest.quality import Quality
    from ingest.remarks import findings_of, needs_a_look, remarks_on, summary_of
    from ingest.report_file import check_report_path, write_report
    from ingest.request import Request, carry_out, keep_watch, policy_settings
    from ingest.retry import failures, retry_failed
    from ingest.revisions import compare
    from ingest.watch import Event, watch_folders

__all__ = [
    "Box",
    "Event",
    "IngestReport",
    "Outcome",
    "Progress",
    "Quality",
    "QuoteBoxes",
    "Request",
    "carry_out",
    "check_report_path",
    "citation_boxes",
    "compare",
    "evaluate_folder",
    "failures",
    "findings_of",
    "ingest_loader",
    "ingest_paths",
    "ingest_stream",
    "keep_watch",
    "needs_a_look",
    "policy_settings",
    "quote_boxes",
    "remarks_on",
    "retry_failed",
    "summary_of",
    "watch_folders",
    "write_report",
]

_HOMES = {
    "Box": "ingest.boxes",
    "Event": "ingest.watch",
    "IngestReport": "ingest.outcomes",
    "Outcome": "ingest.outcomes",
    "Progress": "ingest.outcomes",
    "Quality": "ingest.quality",
    "QuoteBoxes": "ingest.boxes",
    "Request": "ingest.request",
    "carry_out": "ingest.request",
    "check_report_path": "ingest.report_file",
    "citation_boxes": "ingest.boxes",
    "compare": "ingest.revisions",
    "evaluate_folder": "ingest.evaluation",
    "failures": "ingest.retry",
    "findings_of": "ingest.remarks",
    "ingest_loader": "ingest.pipeline",
    "ingest_paths": "ingest.pipeline",
    "ingest_stream": "ingest.pipes",
    "keep_watch": "ingest.request",
    "needs_a_look": "ingest.remarks",
    "policy_settings": "ingest.request",
    "quote_boxes": "ingest.boxes",
    "remarks_on": "ingest.remarks",
    "retry_failed": "ingest.retry",
    "summary_of": "ingest.remarks",
    "watch_folders": "ingest.watch",
    "write_report": "ingest.report_file",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
