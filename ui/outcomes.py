"""What became of each file, in the visitor's language."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ingest import IngestReport, Outcome, findings_of, remarks_on
from ui import labels
from ui.labels import Label, Say, language_of
from ui.uploads import shown_source

OUTCOME_LABELS: dict[str, Label] = {
    "added": labels.ADDED,
    "updated": labels.UPDATED,
    "duplicate": labels.DUPLICATE,
    "skipped": labels.SKIPPED,
    "failed": labels.FAILED,
}
COLUMNS = (labels.COLUMN_FILE, labels.COLUMN_OUTCOME, labels.COLUMN_REMARKS)


def outcome_row(outcome: Outcome, *, collection: Path, say: Say) -> list[str]:
    """Return the cells of one file. The text is untrusted: file names stand in it."""
    shown = partial(shown_source, collection=collection)
    remarks = remarks_on(outcome, language_of(say), shown=shown)
    return [
        shown(outcome.path),
        say(OUTCOME_LABELS[outcome.outcome]),
        ("；" if language_of(say) == "zh" else "; ").join(remarks),
    ]


def outcome_counts(report: IngestReport, say: Say) -> list[str]:
    """Return how many files ended how, those that did not occur left out."""
    counts = [(label, len(_of(report, name))) for name, label in OUTCOME_LABELS.items()]
    shown = [f"{say(label)} {n:,}" for label, n in counts if n]
    return [say(labels.SEEN, n=report.seen), *shown, say(labels.SECONDS, n=report.seconds)]


def outcome_findings(report: IngestReport, *, collection: Path, say: Say) -> list[str]:
    """Return what was found in the files together, a line each; file names stand in it."""
    shown = partial(shown_source, collection=collection)
    return findings_of(report, language_of(say), shown=shown)


def _of(report: IngestReport, name: str) -> list[Outcome]:
    return [outcome for outcome in report.outcomes if outcome.outcome == name]
