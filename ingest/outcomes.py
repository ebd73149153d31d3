"""What became of each file, and the report of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ingest.quality import Quality
from ragapp.unread import Unread

OutcomeName = Literal["added", "updated", "duplicate", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. `reason` is "" or one line, `code` a failure's error code or "".

    `duplicate_of` is the source that already held the same text, None otherwise. `quality` is None
    for a file that was not read: it is unchanged, or failed.
    """

    path: str
    outcome: OutcomeName
    reason: str = ""
    document_id: str | None = None
    duplicate_of: str | None = None
    code: str = ""
    chunks_new: int = 0
    chunks_reused: int = 0
    quality: Quality | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values, under the names that the README documents."""
        return asdict(self) | {"quality": self.quality.to_dict() if self.quality else None}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` files, `latest` the outcome that has just come.

    `bytes_per_s` is the rate so far, of files as they lie on the disk; `bytes_left` are to come.
    """

    done: int
    total: int
    latest: Outcome
    bytes_per_s: float = 0.0
    bytes_left: int = 0

    @property
    def eta_s(self) -> float | None:
        """Seconds that the rest takes at this rate, None before there is one."""
        return self.bytes_left / self.bytes_per_s if self.bytes_per_s else None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A run's outcomes in the order of the files. `removed` counts sources that `sync` removed.

    `unread` are languages of the collection that its embedder cannot read, where chunks were added.
    """

    outcomes: tuple[Outcome, ...]
    removed: int
    seconds: float
    unread: tuple[Unread, ...] = ()

    def count(self, name: OutcomeName) -> int:
        """Return how many files ended as `name`."""
        return sum(1 for outcome in self.outcomes if outcome.outcome == name)

    @property
    def seen(self) -> int:
        """How many files were looked at: the sum of all five outcomes."""
        return len(self.outcomes)

    @property
    def chunks_new(self) -> int:
        """How many chunks were embedded."""
        return sum(outcome.chunks_new for outcome in self.outcomes)

    @property
    def chunks_reused(self) -> int:
        """How many chunks had their vectors already."""
        return sum(outcome.chunks_reused for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values, under the names that the README documents."""
        return {
            "seen": self.seen,
            "added": self.count("added"),
            "updated": self.count("updated"),
            "duplicate": self.count("duplicate"),
            "skipped": self.count("skipped"),
            "failed": self.count("failed"),
            "removed": self.removed,
            "chunks_new": self.chunks_new,
            "chunks_reused": self.chunks_reused,
            "seconds": round(self.seconds, 3),
            "warnings": [unread.warning for unread in self.unread],
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }
