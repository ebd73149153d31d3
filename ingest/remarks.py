"""An ingestion's outcomes in words: what is to be said of a file, and of all of them together.

Paths and reasons are untrusted and come through as they are; who shows them makes them harmless.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from ingest import wording
from ingest.outcomes import IngestReport, Outcome
from ingest.quality import Quality
from ingest.wording import COMMA, SEMICOLON, Language, listed, say
from ragapp.unread import READERS

MAX_GARBLED_SHARE = 0.01
MAX_SHARE_WITHOUT_TEXT = 0.1
MIN_OCR_CONFIDENCE = 0.8
MAX_NAMES = 5
MAX_PAGES = 8
ALARMING_CHARACTERS = frozenset(["tag", "invalid", "replacement"])

_PARTIAL = re.compile(r"partial: (\d+) of (\d+) pages cannot be read")
Shown = Callable[[str], str]  # a source as a person knows it


def needs_a_look(outcome: Outcome) -> bool:
    """Tell whether a file failed, was read in part, or may hold what its reader did not want.

    So do a tenth of its pages without text, 1 % garbled text, a guessed encoding, instructions to
    a model or prose that no reader sees, recognised text under a confidence of 0.8, and lost or tag
    characters. Closed menus and other short hidden text are ordinary.
    """
    if outcome.outcome == "failed" or outcome.reason.startswith("partial"):
        return True
    return outcome.quality is not None and _is_doubtful(outcome.quality)


def reason_of(outcome: Outcome, language: Language, *, shown: Shown = str) -> str:
    """Return an outcome's reason in `language`, or ""; messages of failures stay in English."""
    if outcome.code:
        name = say(wording.FAILURES.get(outcome.code, wording.FAILURE_ELSE), language)
        coded = say(wording.CODED_REASON, language, name=name, reason=outcome.reason)
        return coded if outcome.reason else name
    if found := _PARTIAL.fullmatch(outcome.reason):
        return say(wording.PARTIAL, language, n=int(found[1]), total=int(found[2]))
    if outcome.reason in ("unchanged", "same text"):
        words = wording.UNCHANGED if outcome.reason == "unchanged" else wording.SAME_TEXT
        return say(words, language)
    return _relation(outcome.reason, language, shown)


def remarks_on(outcome: Outcome, language: Language, *, shown: Shown = str) -> list[str]:
    """Return all that is to be said of a file, its reason first."""
    first = reason_of(outcome, language, shown=shown)
    quality = outcome.quality
    said = list(_of_quality(quality, language)) if quality is not None else []
    return [first, *said] if first else said


def summary_of(report: IngestReport, language: Language, *, shown: Shown = str) -> list[str]:
    """Return the totals of a run, a line each: how files ended, then what was found in them."""
    return [_counts(report, language), *findings_of(report, language, shown=shown)]


def findings_of(report: IngestReport, language: Language, *, shown: Shown = str) -> list[str]:
    """Return what was found in a run, a line each: files that need a look, findings, duplicates."""
    lines: list[str] = []
    names = [shown(outcome.path) for outcome in report.outcomes if needs_a_look(outcome)]
    if names:
        words = wording.NEEDS_A_LOOK if len(names) == 1 else wording.NEED_A_LOOK
        lines.append(say(words, language, n=len(names), names=_some(names, language)))
    read = [outcome.quality for outcome in report.outcomes if outcome.quality is not None]
    for words, found in (
        (wording.INSTRUCTIONS_IN_ALL, [quality.instructions for quality in read]),
        (wording.MASKED_IN_ALL, [quality.masked for quality in read]),
        (wording.FLAGGED_IN_ALL, [quality.flagged for quality in read]),
    ):
        n_files = sum(1 for counts in found if counts)
        if n_files:
            lines.append(say(words, language, n=n_files, listed=listed(_added(found), language)))
    related = Counter(quality.duplicate for quality in read if quality.duplicate)
    if related:
        kinds = {kind: related[kind] for kind in ("exact", "near", "revision")}
        lines.append(say(wording.DUPLICATES_IN_ALL, language, **kinds))
    readers = (" 或 " if language == "zh" else " or ").join(f'"{name}"' for name in READERS)
    for unread in report.unread:
        lines.append(say(wording.UNREAD, language, readers=readers, unread=unread))
    return lines


def _is_doubtful(quality: Quality) -> bool:
    is_misread = (
        quality.garbled_share > MAX_GARBLED_SHARE
        or quality.is_encoding_guessed
        or len(quality.pages_without_text) > MAX_SHARE_WITHOUT_TEXT * quality.n_pages
        or (quality.ocr_confidence is not None and quality.ocr_confidence < MIN_OCR_CONFIDENCE)
    )
    is_alarming = bool(ALARMING_CHARACTERS & quality.characters.keys())
    return is_misread or is_alarming or bool(quality.instructions)


def _of_quality(quality: Quality, language: Language) -> Iterator[str]:
    counted: tuple[tuple[wording.Words, Mapping[str, int]], ...] = (
        (wording.INSTRUCTIONS, quality.instructions),
        (wording.MASKED, quality.masked),
        (wording.FLAGGED, quality.flagged),
        (wording.CHARACTERS, quality.characters),
    )
    for words, counts in counted:
        if counts:
            yield say(words, language, listed=listed(counts, language))
    yield from _of_pages(quality, language)
    if quality.n_hidden_characters:
        yield say(wording.HIDDEN, language, n=quality.n_hidden_characters)
    if quality.garbled_share:
        yield say(wording.GARBLED, language, share=quality.garbled_share)
    if quality.is_encoding_guessed:
        yield say(wording.ENCODING_GUESSED, language, encoding=quality.encoding)
    if quality.language == "und":
        yield say(wording.LANGUAGE_UNTOLD, language)


def _of_pages(quality: Quality, language: Language) -> Iterator[str]:
    empty = quality.pages_without_text
    if empty:
        pages = COMMA[language].join(map(str, empty[:MAX_PAGES]))
        pages += "…" if len(empty) > MAX_PAGES else ""
        total = quality.n_pages
        yield say(wording.PAGES_WITHOUT_TEXT, language, n=len(empty), total=total, pages=pages)
    if quality.ocr_confidence is not None:
        n, share = quality.n_ocr_pages, quality.ocr_confidence
        yield say(wording.RECOGNISED, language, n=n, share=share)
    if quality.n_running_lines:
        yield say(wording.RUNNING_LINES, language, n=quality.n_running_lines)


def _relation(text: str, language: Language, shown: Shown) -> str:
    for beginning, words in (
        ("same text as ", wording.EXACT),
        ("nearly the same text as ", wording.NEAR),
        ("a revision of ", wording.REVISION),
    ):
        if text.startswith(beginning):
            return say(words, language, source=shown(text.removeprefix(beginning)))
    return text


def _counts(report: IngestReport, language: Language) -> str:
    names = [
        f"{say(words, language)} {report.count(name):,}"
        if language == "zh"
        else f"{report.count(name):,} {say(words, language)}"
        for name, words in wording.OUTCOMES.items()
    ]
    names.append(say(wording.REMOVED, language, n=report.removed))
    counts = COMMA[language].join(names)
    new, reused = report.chunks_new, report.chunks_reused
    parts = [
        say(wording.SEEN, language, n=report.seen, counts=counts),
        say(wording.CHUNKS, language, new=new, reused=reused),
        say(wording.SECONDS, language, n=report.seconds),
    ]
    return SEMICOLON[language].join(parts)


def _some(names: list[str], language: Language) -> str:
    shown = COMMA[language].join(names[:MAX_NAMES])
    left = len(names) - MAX_NAMES
    return shown if left <= 0 else shown + COMMA[language] + say(wording.AND_MORE, language, n=left)


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
