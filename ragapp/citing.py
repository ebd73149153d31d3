"""The marker `[n]`: how it is written into a prompt, and read back, checked, out of an answer.

A citation is never taken on trust: its quote is the sentence of passage n that shares most with
the answer's sentence, cut from the document's own text by offsets. A marker without such a
sentence is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ragapp.analysis import informative_terms, query_terms, terms_of
from ragapp.joining import parts_of
from ragapp.sentences import split_sentences
from ragapp.types import Citation, Hit

MARKER = re.compile(r"\[(\d{1,3})\]")
# a line, with the lines of nothing but markers below it
_LINE = re.compile(r"[^\n]+(?:\n[ \t]*+(?:\[\d{1,3}\][ \t]*+)++(?=\n|\Z))*")
_INSIDE_WORD = re.compile(r"[A-Za-z0-9]{2}")
_SHORTEST_QUOTE = 2
_MIN_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class _Claim:
    """A stretch of the answer and the markers that stand behind it, with their places."""

    text: str
    markers: tuple[re.Match[str], ...]


def marker(number: int) -> str:
    """Return the marker of passage `number`.

    >>> marker(2)
    '[2]'
    """
    return f"[{number}]"


def cite(text: str, hits: Sequence[Hit]) -> tuple[str, tuple[Citation, ...]]:
    """Return the answer with only its valid markers, and one citation for each of them, in order.

    `hits` are the passages of the prompt: marker 1 is the first.
    """
    citations: list[Citation] = []
    dropped: list[re.Match[str]] = []
    for claim in _claims(text, hits):
        for found in claim.markers:
            citation = _resolve(claim.text, int(found.group(1)), hits)
            if citation is None:
                dropped.append(found)
            elif citation not in citations:
                citations.append(citation)
    return _without(text, dropped), tuple(citations)


def _claims(text: str, hits: Sequence[Hit]) -> Iterator[_Claim]:
    """Yield each stretch of the answer with the markers behind it, line by line."""
    for line in _LINE.finditer(text):
        markers = list(MARKER.finditer(text, line.start(), line.end()))
        if markers:
            yield from _claims_of_line(text, line.start(), markers, hits)


def _claims_of_line(
    text: str, begin: int, markers: Sequence[re.Match[str]], hits: Sequence[Hit]
) -> Iterator[_Claim]:
    runs = _runs(text, markers)
    quoted = text[begin : runs[-1][0].start()]
    number = int(runs[-1][0].group(1))
    if 1 <= number <= len(hits) and verbatim(quoted, hits[number - 1]):
        yield _Claim(quoted, tuple(runs[-1]))  # what looks like a marker inside a quote is text
        return
    for run in runs:
        yield _Claim(MARKER.sub("", text[begin : run[0].start()]), tuple(run))
        if any(1 <= int(found.group(1)) <= len(hits) for found in run):
            begin = run[-1].end()


def _runs(text: str, markers: Sequence[re.Match[str]]) -> list[list[re.Match[str]]]:
    """Return the markers grouped: those with nothing but blanks between them stand together."""
    runs: list[list[re.Match[str]]] = []
    for found in markers:
        if runs and not text[runs[-1][-1].end() : found.start()].strip():
            runs[-1].append(found)
        else:
            runs.append([found])
    return runs


def _resolve(claim: str, number: int, hits: Sequence[Hit]) -> Citation | None:
    if not 1 <= number <= len(hits):
        return None
    hit = hits[number - 1]
    span = verbatim(claim, hit) or _supporting_sentence(claim, hit)
    return None if span is None else citation_of(number, hit, span)


def with_revisions(
    citations: Sequence[Citation], revisions_of: Callable[[Citation], tuple[str, ...]]
) -> tuple[Citation, ...]:
    """Return the citations, each with the sources of its document's revisions."""
    return tuple(replace(citation, revisions=revisions_of(citation)) for citation in citations)


def citation_of(number: int, hit: Hit, span: tuple[int, int]) -> Citation:
    """Return the citation of ``hit.text[start:end]``, for the `span` (start, end), as `number`."""
    start, end = hit.start + span[0], hit.start + span[1]
    part = _part_with(hit, start, end)
    is_whole = part.start <= start and end <= part.end
    return Citation(
        marker=number,
        document_id=hit.document_id,
        source=hit.source,
        title=hit.title,
        page=hit.page_at(start),
        start=start,
        end=end,
        quote=hit.text[span[0] : span[1]],
        chunk_id=part.chunk_id,
        also_in=part.also_in if is_whole else hit.also_in,
        has_instructions=hit.has_instructions,
        also_at=tuple(
            place.part(start - part.start, end - part.start) for place in part.also_at if is_whole
        ),
        collection=hit.collection,
    )


def _part_with(hit: Hit, start: int, end: int) -> Hit:
    """Return the chunk of a passage that holds ``[start, end)``, else the first that holds most."""
    return max(parts_of(hit), key=lambda part: min(end, part.end) - max(start, part.start))


def verbatim(claim: str, hit: Hit) -> tuple[int, int] | None:
    """Return where the whole claim stands word for word in the passage."""
    whole = claim.strip()
    for quoted in (whole, whole.strip("。.").strip()):
        if len(quoted) < _SHORTEST_QUOTE:
            return None
        start = hit.text.find(quoted)
        while start >= 0:
            end = start + len(quoted)
            if not (_continues(hit.text, start) or _continues(hit.text, end)):
                return start, end
            start = hit.text.find(quoted, start + 1)
    return None


def _continues(text: str, border: int) -> bool:
    """Tell whether a word or number runs on over the place `border`."""
    return _INSIDE_WORD.match(text[max(border - 1, 0) : border + 1]) is not None


def _supporting_sentence(claim: str, hit: Hit) -> tuple[int, int] | None:
    """Return the passage's sentence that holds most of the claim's terms, if it holds enough."""
    wanted = set(informative_terms(query_terms(_last_sentence(claim))))
    if not wanted:
        return None
    best, best_share = None, 0.0
    for start, end in split_sentences(hit.text):
        share = len(wanted & set(terms_of(hit.text[start:end]))) / len(wanted)
        if share > best_share:
            best, best_share = (start, end), share
    return best if best_share >= _MIN_SHARE else None


def _last_sentence(claim: str) -> str:
    spans = split_sentences(claim)
    return claim[spans[-1][0] : spans[-1][1]] if spans else ""


def _without(text: str, dropped: Sequence[re.Match[str]]) -> str:
    """Return `text` without the dropped markers and the blank before each."""
    kept, begin = [], 0
    for found in dropped:
        start = found.start()
        if start > begin and text[start - 1] == " ":
            start -= 1
        kept.append(text[begin:start])
        begin = found.end()
    kept.append(text[begin:])
    return "".join(kept).strip()
