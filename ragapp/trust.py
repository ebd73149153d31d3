"""What decides on refusals: the collection's own calibration while it holds, else the default fit.

A calibration lies beside the kept evaluations, so that a backup takes it along. It holds as long as
the same embedder, analyzer and chunk sizes are in force and there are about as many passages.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ragapp.analysis import ANALYZER, query_terms
from ragapp.calibration import Calibration, Sample, calibrate
from ragapp.collection import Collection, Searched
from ragapp.collection.evaluation_files import FOLDER_NAME
from ragapp.confidence import DEFAULT_FIT, Fit, Signals, confidence, is_read, signals
from ragapp.errors import RagError
from ragapp.protocols import Embedder
from ragapp.settings import Settings
from ragapp.types import Hit
from ragapp.whole_files import write_whole

Labelled = tuple[str, bool]  # a question, and whether it is answerable

_log = logging.getLogger(__name__)
_NAME = "calibration.fit"  # kept runs end with .json, question sets with .jsonl
_FORMAT = 1
_GROWN = 2.0  # times as many passages, or as few: another collection
_N_WEIGHTS = 1 + len(Signals._fields)


@dataclass(frozen=True, slots=True)
class Trust:
    """A fit, and the confidence below which an answer is refused."""

    fit: Fit
    threshold: float

    def confidence(self, question: str, hits: Sequence[Hit], selection: Searched) -> float:
        """Return in [0, 1] how sure the hits are to be about the question; 0 without hits."""
        return confidence(selection.term_weights(query_terms(question)), hits, self.fit)


@dataclass(frozen=True, slots=True)
class _Kept:
    fit: Fit
    made_on: dict[str, Any]
    made_at: str
    counts: str


def trust_of(settings: Settings, fit: Fit = DEFAULT_FIT) -> Trust:
    """Return the fit with its threshold; the setting `abstain_below`, where given, comes first."""
    is_set = fit.threshold is None or "abstain_below" in settings.model_fields_set
    return Trust(fit, settings.abstain_below if is_set else fit.threshold or 0.0)


def trust_in(collection: Collection, settings: Settings, embedder: Embedder) -> Trust:
    """Return the collection's own calibration where one holds, else the default fit."""
    kept = _read(collection.directory)
    if kept is None or _staleness(kept, _made_on(collection, settings, embedder)):
        return trust_of(settings)
    return trust_of(settings, kept.fit)


def describe_calibration(
    collection: Collection, settings: Settings, embedder: Embedder
) -> tuple[str, str]:
    """Return what decides on refusals, and what is wrong with it or ""."""
    if not _path(collection.directory).is_file():
        return "the default fit (ragapp calibrate fits it to this collection)", ""
    kept = _read(collection.directory)
    if kept is None:
        return "the default fit", "the calibration cannot be read: ragapp calibrate makes it anew"
    stale = _staleness(kept, _made_on(collection, settings, embedder))
    warning = f"the calibration no longer holds, {stale}: ragapp calibrate makes it anew"
    return f"{kept.counts}, {kept.made_at}", warning if stale else ""


def calibrate_in(
    collection: Collection,
    settings: Settings,
    embedder: Embedder,
    questions: Iterable[Labelled],
    *,
    search: Callable[[str], Sequence[Hit]],
    target: float,
) -> Calibration:
    """Fit when to refuse on (question, answerable) pairs, and keep it in the collection's folder.

    Raises UsageError for too few questions and a wrong target, RagError where it cannot be kept.
    """
    selection = collection.selection()
    samples = [
        sample_of(question, search(question), selection, is_answerable=is_answerable)
        for question, is_answerable in questions
    ]
    found = calibrate(samples, target=target)
    n = found.measured
    values = {
        "format": _FORMAT,
        "made_on": _made_on(collection, settings, embedder),
        "made_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "counts": f"fitted on {n.n_answerable} answerable and {n.n_unanswerable} other questions",
        "fit": {"read": found.fit.read, "unread": found.fit.unread, "threshold": found.threshold},
    }
    path = _path(collection.directory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RagError(f"{str(path.parent)!r} cannot be made: {error.strerror}") from error
    write_whole(path, json.dumps(values, indent=1) + "\n")
    return found


def forget_calibration(collection: Path) -> bool:
    """Remove the collection's own calibration; tell whether there was one."""
    path = _path(collection)
    is_there = path.is_file()
    path.unlink(missing_ok=True)
    return is_there


def sample_of(
    question: str, hits: Sequence[Hit], selection: Searched, *, is_answerable: bool
) -> Sample:
    """Return a question, known to be answerable or not, as its hits show it."""
    rarity = selection.term_weights(query_terms(question))
    found = signals(rarity, hits) if hits and rarity else None
    return Sample(found, is_read(hits), is_answerable)


def _path(collection: Path) -> Path:
    return collection / FOLDER_NAME / _NAME


def _made_on(collection: Collection, settings: Settings, embedder: Embedder) -> dict[str, Any]:
    """Return what a calibration depends on."""
    return {
        "embedder": embedder.identity.fingerprint,
        "analyzer": ANALYZER,
        "chunk_tokens": settings.chunk_tokens,
        "overlap_tokens": settings.overlap_tokens,
        "n_passages": collection.selection().statistics(()).n_passages,
    }


def _staleness(kept: _Kept, now: dict[str, Any]) -> str:
    """Return what changed since a calibration was made, "" where it holds."""
    before = kept.made_on
    for name in ("embedder", "analyzer", "chunk_tokens", "overlap_tokens"):
        if before.get(name) != now[name]:
            return f"{name} changed"
    n_before, n_now = before.get("n_passages", 0), now["n_passages"]
    if not n_before / _GROWN <= n_now <= n_before * _GROWN:
        return f"the collection went from {n_before} to {n_now} passages"
    return ""


def _read(collection: Path) -> _Kept | None:
    """Return the kept calibration, None where there is none or it cannot be read."""
    path = _path(collection)
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return _kept_of(values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("the calibration %s cannot be read: %s", path, error)
        return None


def _kept_of(values: dict[str, Any]) -> _Kept:
    read, unread = (tuple(map(float, values["fit"][name])) for name in ("read", "unread"))
    if values["format"] != _FORMAT or not len(read) == len(unread) == _N_WEIGHTS:
        raise ValueError("another format")
    threshold = float(values["fit"]["threshold"])
    made_on = dict(values["made_on"])
    made_on["n_passages"] = int(made_on["n_passages"])
    return _Kept(Fit(read, unread, threshold), made_on, values["made_at"], values["counts"])
