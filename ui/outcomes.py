"""What became of each file, in the visitor's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ingest import IngestReport, Outcome
from ui import labels
from ui.labels import Label, Say
from ui.uploads import shown_source

OUTCOME_LABELS: dict[str, Label] = {
    "added": labels.ADDED,
    "updated": labels.UPDATED,
    "duplicate": labels.DUPLICATE,
    "skipped": labels.SKIPPED,
    "failed": labels.FAILED,
}
COLUMNS = (
    labels.COLUMN_FILE,
    labels.COLUMN_OUTCOME,
    labels.COLUMN_REASON,
    labels.COLUMN_DUPLICATE_OF,
)

_Worded = Callable[[re.Match[str], Say, Path], str]


def outcome_row(outcome: Outcome, *, collection: Path, say: Say) -> list[str]:
    """Return the cells of one file. The text is untrusted: file names stand in it."""
    duplicate_of = outcome.duplicate_of
    return [
        shown_source(outcome.path, collection),
        say(OUTCOME_LABELS[outcome.outcome]),
        _reason(outcome, collection, say),
        shown_source(duplicate_of, collection) if duplicate_of else "",
    ]


def outcome_counts(report: IngestReport, say: Say) -> list[str]:
    """Return how many files ended how, those that did not occur left out."""
    counts = [(label, len(_of(report, name))) for name, label in OUTCOME_LABELS.items()]
    shown = [f"{say(label)} {n:,}" for label, n in counts if n]
    return [say(labels.SEEN, n=report.seen), *shown, say(labels.SECONDS, n=report.seconds)]


def _of(report: IngestReport, name: str) -> list[Outcome]:
    return [outcome for outcome in report.outcomes if outcome.outcome == name]


def _reason(outcome: Outcome, collection: Path, say: Say) -> str:
    if outcome.code:
        label = labels.ERRORS.get(outcome.code, labels.ERROR_ANY)
        return f"{say(label)} ({outcome.reason})" if outcome.reason else say(label)
    for pattern, worded in _REASONS:
        found = pattern.fullmatch(outcome.reason)
        if found:
            return worded(found, say, collection)
    return outcome.reason


def _near(found: re.Match[str], say: Say, collection: Path) -> str:
    return f"{say(labels.REASON_NEAR)} {shown_source(found.group(1), collection)}"


def _revision(found: re.Match[str], say: Say, collection: Path) -> str:
    return f"{say(labels.REASON_REVISION)} {shown_source(found.group(1), collection)}"


def _partial(found: re.Match[str], say: Say, _: Path) -> str:
    return say(labels.REASON_PARTIAL, n=int(found.group(1)), total=int(found.group(2)))


_REASONS: tuple[tuple[re.Pattern[str], _Worded], ...] = (
    (re.compile(r"unchanged"), lambda _, say, __: say(labels.REASON_UNCHANGED)),
    (re.compile(r"same text"), lambda _, say, __: say(labels.REASON_SAME_TEXT)),
    (re.compile(r"same text as .+"), lambda _, say, __: say(labels.REASON_DUPLICATE)),
    (re.compile(r"nearly the same text as (.+)"), _near),
    (re.compile(r"a revision of (.+)"), _revision),
    (re.compile(r"partial: (\d+) of (\d+) pages cannot be read"), _partial),
)
