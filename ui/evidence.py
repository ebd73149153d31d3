"""An answer -> the evidence that the page shows: passages with their quotes marked.

Evidence is cut from the documents once, when the answer comes, so that a conversation still shows
what it rested on after a document has been removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragapp import Answer, Citation, Hit, Rag, RagError
from ui.uploads import collection_folder, shown_source

_CONTEXT_CHARACTERS = 360
_N_NEAREST = 3
_BREAK = re.compile(r"\n|[。！？]|[.!?](?=\s)")
_SPACE = re.compile(r"\s")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a passage. `quote` numbers from 1 what is cited, 0 is the text around it."""

    text: str
    quote: int = 0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another document that holds a passage, word for word or nearly so."""

    source: str
    page: int | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage as it is shown. `number` is the marker, or the rank of a passage not cited.

    Its source and those of `also_in` are names as a person knows them. `order` names the quote of
    each of the marker's occurrences in the answer. `aside` stands beside the title, `facts` are
    told below it: a name and its lines.
    `contradicted` are the statements against its quotes, each with where it stands and its day.
    """

    number: int
    title: str
    source: str
    page: int | None
    heading: str
    language: str
    parts: tuple[Part, ...]
    also_in: tuple[Elsewhere, ...] = ()
    order: tuple[int, ...] = ()
    has_instructions: bool = False
    revisions: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    aside: str = ""
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


def cited_evidence(answer: Answer, rag: Rag) -> tuple[Evidence, ...]:
    """Return one passage for each marker of the answer, in order, with all its quotes marked."""
    groups: dict[int, list[Citation]] = {}
    for citation in answer.citations:
        groups.setdefault(citation.marker, []).append(citation)
    hits = {hit.chunk_id: hit for hit in answer.hits}
    against = _contradictions(answer, collection_folder(rag))
    return tuple(
        replace(_evidence(groups[number], hits, rag), contradicted=against.get(number, ()))
        for number in sorted(groups)
    )


def nearest_evidence(answer: Answer, rag: Rag) -> tuple[Evidence, ...]:
    """Return the best passages that were found, for an answer that cites none."""
    folder = collection_folder(rag)
    return tuple(hit_evidence(hit, folder) for hit in answer.hits[:_N_NEAREST])


def hit_evidence(hit: Hit, collection: Path, *, marks: Sequence[Span] = ()) -> Evidence:
    """Return a passage whole, with the stretches `marks` of its text marked, in order."""
    return Evidence(
        number=hit.rank,
        title=hit.title,
        source=shown_source(hit.source, collection),
        page=hit.page,
        heading=hit.heading,
        language=hit.language,
        parts=_parts(hit.text, marks, 0, len(hit.text)),
        also_in=_elsewhere(hit, collection),
        has_instructions=hit.has_instructions,
    )


def marked_parts(text: str, quotes: Sequence[Span]) -> tuple[Part, ...]:
    """Cut `text` around its quotes, in the text's order: some context before and after.

    >>> marked_parts("One. Two. Three.", [(5, 9)])
    (Part(text='One. ', quote=0), Part(text='Two.', quote=1), Part(text=' Three.', quote=0))
    """
    spans = _merged(quotes)
    begin, end = _window(text, spans[0][0], spans[-1][1])
    parts = [Part("… ")] if begin else []
    parts += _parts(text, spans, begin, end)
    if end < len(text):
        parts.append(Part(" …"))
    return tuple(parts)


def quote_order(quotes: Sequence[Span]) -> tuple[int, ...]:
    """Return for each quote the number that `marked_parts` gives it.

    >>> quote_order([(10, 16), (0, 4), (2, 6)])
    (2, 1, 1)
    """
    spans = _merged(quotes)
    return tuple(
        next(i for i, span in enumerate(spans, start=1) if span[0] <= start < span[1])
        for start, _ in quotes
    )


def _evidence(citations: Sequence[Citation], hits: dict[str, Hit], rag: Rag) -> Evidence:
    first = citations[0]
    hit = hits.get(first.chunk_id)
    text, offset = _text_of(first, hit, rag)
    folder = collection_folder(rag)
    quotes = [(citation.start - offset, citation.end - offset) for citation in citations]
    return Evidence(
        number=first.marker,
        title=first.title,
        source=shown_source(first.source, folder),
        page=first.page,
        heading=hit.heading if hit is not None else "",
        language=hit.language if hit is not None else "und",
        parts=marked_parts(text, quotes),
        also_in=_elsewhere(first, folder),
        has_instructions=first.has_instructions,
        revisions=tuple(shown_source(path, folder) for path in first.revisions),
        order=quote_order(quotes),
    )


def _contradictions(answer: Answer, folder: Path) -> dict[int, tuple[str, ...]]:
    """Return by marker a line for each statement against what is cited."""
    lines: dict[int, tuple[str, ...]] = {}
    for conflict in answer.conflicts:
        other = conflict.other
        day = f" ({other.date.day})" if other.date.day else ""
        line = f"“{' '.join(other.quote.split())}” — {shown_source(other.source, folder)}{day}"
        lines[conflict.marker] = (*lines.get(conflict.marker, ()), line)
    return lines


def _elsewhere(found: Hit | Citation, folder: Path) -> tuple[Elsewhere, ...]:
    places = (
        Elsewhere(shown_source(place.source, folder), place.page, place.is_exact)
        for place in found.also_at
    )
    return tuple(dict.fromkeys(places))


def _text_of(citation: Citation, hit: Hit | None, rag: Rag) -> tuple[str, int]:
    """Return the document's text and 0; for one removed meanwhile, what the hit still holds."""
    try:
        return rag.document(citation.document_id).text, 0
    except RagError:
        if hit is not None:
            return hit.text, hit.start
        return citation.quote, citation.start


def _parts(text: str, spans: Sequence[Span], begin: int, end: int) -> tuple[Part, ...]:
    """Cut `text[begin:end]` around disjoint spans in order, white space at its end left out."""
    parts, place = [], begin
    for number, (start, stop) in enumerate(spans, start=1):
        parts += [Part(text[place:start]), Part(text[start:stop], number)]
        place = stop
    parts.append(Part(text[place:end].rstrip()))
    return tuple(part for part in parts if part.text)


def _merged(quotes: Iterable[Span]) -> list[Span]:
    """Return the spans in order, overlapping ones as one."""
    merged: list[Span] = []
    for start, end in sorted(quotes):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(text: str, start: int, end: int) -> Span:
    """Return the stretch around `[start, end)` that is shown, cut at sentence ends or spaces."""
    begin = max(0, start - _CONTEXT_CHARACTERS)
    if begin:
        found = _BREAK.search(text, begin, start) or _SPACE.search(text, begin, start)
        begin = found.end() if found else begin
    stop = min(len(text), end + _CONTEXT_CHARACTERS)
    if stop < len(text):
        breaks = list(_BREAK.finditer(text, end, stop)) or list(_SPACE.finditer(text, end, stop))
        stop = breaks[-1].end() if breaks else stop
    return begin, stop
