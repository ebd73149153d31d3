"""Document -> chunks with exact offsets, measured in the embedder's own tokens.

The text is cut into units (headings, sentences, tables, pieces of what is overlong), the units are
packed into runs that begin at headings, and runs that are too long are parted at borders that an
edit elsewhere leaves where they are (`borders`). A part is a chunk, begun with whole sentences of
the chunk before it as far as there is room; a part that is still too long is cut evenly.
What the embedder would not read to its end is halved at the last, so that no chunk is ever longer
than the limit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

from ingest.borders import heading_borders, inner_borders
from ingest.language import detect_language
from ingest.units import Section, Unit, halve, sections_of, units_of
from ragapp.errors import UsageError
from ragapp.protocols import Embedder
from ragapp.types import Chunk, Document

MIN_CHUNK_TOKENS = 8
TINY_SHARE = 0.25

_Cost = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Units ``[first, end)`` that become one chunk; those before `fresh` repeat its neighbour's."""

    first: int
    fresh: int
    end: int


@dataclass(frozen=True, slots=True)
class _Packer:
    """The units of one document with what packing them needs to know."""

    text: str
    units: Sequence[Unit]
    limit: int
    overlap: int

    def tokens(self, first: int, end: int) -> int:
        return sum(unit.n_tokens for unit in self.units[first:end])

    def budget(self, first: int) -> int:
        """Return how many tokens of text fit below the heading path of the unit `first`."""
        return self.limit - self.units[first].n_path_tokens

    def fits(self, first: int, end: int) -> bool:
        return self.tokens(first, end) <= self.budget(first)

    @property
    def tiny_tokens(self) -> int:
        """What has fewer tokens is tiny."""
        return ceil(TINY_SHARE * self.limit)


def chunk_document(
    document: Document, *, embedder: Embedder, chunk_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """Cut a document into chunks of at most `chunk_tokens`, and what `embedder` reads at most.

    No chunk's `embedded_text` is longer than that. Every visible character is in a chunk, and
    ``chunk.text == document.text[chunk.start:chunk.end]``. A heading stands at the head of the text
    below it. Tokens are counted in one batch for the parts and one for the chunks.

    Raises UsageError when the limit is under 8 tokens or `overlap_tokens` does not stay below it.
    """
    limit = min(chunk_tokens, embedder.max_tokens)
    if limit < MIN_CHUNK_TOKENS:
        raise UsageError(f"chunk_tokens = {limit!r}, expected at least {MIN_CHUNK_TOKENS}")
    if not 0 <= overlap_tokens < limit:
        raise UsageError(f"overlap_tokens = {overlap_tokens!r}, expected 0 to {limit - 1}")
    sections = sections_of(document)
    units = units_of(document, sections, embedder=embedder, limit=limit)
    packer = _Packer(document.text, units, limit, overlap_tokens)
    drafts = [_chunk(document, packer, sections, stretch) for stretch in _stretches(packer)]
    del units, packer  # of a long text they are many: their room is for the chunks
    fitting = _fitted(document, drafts, embedder=embedder, limit=limit)
    return [replace(chunk, ordinal=ordinal) for ordinal, chunk in enumerate(fitting)]


def _stretches(packer: _Packer) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    for first, end in _runs(packer):
        before = None
        for begin, stop in _parts(packer, first, end):
            filled = _filled(packer, begin, stop, before=before)
            stretches += filled
            before = filled[-1]
    return stretches


def _runs(packer: _Packer) -> Iterator[tuple[int, int]]:
    """Yield stretches of units that begin at a heading; a tiny section stands with another."""
    borders = heading_borders(packer.text, packer.units, distance_tokens=packer.tiny_tokens)
    if packer.units:
        yield from pairwise([0, *borders, len(packer.units)])


def _parts(packer: _Packer, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a run; a run that fits is one part, and nearly every part fits."""
    longest = min(packer.budget(place) for place in range(first, end))
    inner = inner_borders(
        packer.text,
        packer.units[first:end],
        distance_tokens=packer.tiny_tokens,
        longest_tokens=packer.budget(first) if packer.fits(first, end) else longest,
    )
    yield from pairwise([first, *(first + place for place in inner), end])


def _filled(packer: _Packer, first: int, end: int, *, before: _Stretch | None) -> list[_Stretch]:
    """Return a part's chunks: one if it fits, else the fewest and most even."""
    stretches: list[_Stretch] = []
    for fresh, stop in pairwise(_cuts(packer, first, end)):
        before = _Stretch(_overlap_start(packer, before, fresh, stop), fresh, stop)
        stretches.append(before)
    return stretches


def _cuts(packer: _Packer, first: int, end: int) -> list[int]:
    """Return the ends of the pieces of a part, `first` before them; a piece that cannot fit stays.

    Of all ways to cut, the one with the least cost: see `_cost`. Each piece is tried once.
    """
    if packer.fits(first, end):
        return [first, end]
    best: dict[int, tuple[_Cost, int]] = {first: ((0, 0, 0, 0), first)}
    for stop in range(first + 1, end + 1):
        options: list[tuple[_Cost, int]] = []
        n_tokens = 0
        for begin in range(stop - 1, first - 1, -1):
            n_tokens += packer.units[begin].n_tokens
            if n_tokens > packer.limit and options:
                break
            if n_tokens <= packer.budget(begin) or not options:
                cost = _cost(packer, stop, n_tokens, is_last=stop == end)
                options.append((_sum(best[begin][0], cost), begin))
        best[stop] = min(options)
    cuts = [end]
    while cuts[-1] > first:
        cuts.append(best[cuts[-1]][1])
    return cuts[::-1]


def _cost(packer: _Packer, stop: int, n_tokens: int, *, is_last: bool) -> _Cost:
    """Return what speaks against a piece: a heading without its text, tiny, one more, uneven."""
    ends_in_heading = packer.units[stop - 1].is_heading and not is_last
    return (int(ends_in_heading), int(n_tokens < packer.tiny_tokens), 1, n_tokens**2)


def _sum(a: _Cost, b: _Cost) -> _Cost:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def _overlap_start(packer: _Packer, before: _Stretch | None, fresh: int, stop: int) -> int:
    """Return where the chunk of the units ``[fresh, stop)`` begins that follows `before`."""
    if before is None or packer.units[fresh].is_heading:
        return fresh
    begin, repeated = fresh, 0
    while begin - 1 > before.first and not packer.units[begin - 1].is_heading:
        repeated += packer.units[begin - 1].n_tokens
        if repeated > packer.overlap or not packer.fits(begin - 1, stop):
            break
        begin -= 1
    return begin


def _chunk(
    document: Document, packer: _Packer, sections: Sequence[Section], stretch: _Stretch
) -> Chunk:
    units = packer.units
    start, end = units[stretch.first].start, units[stretch.end - 1].end
    return _at(document, start, end, heading=units[stretch.first].path)


def _at(document: Document, start: int, end: int, *, heading: str) -> Chunk:
    text = document.text[start:end]
    return Chunk(
        document_id=document.id,
        ordinal=0,
        start=start,
        end=end,
        text=text,
        page=_page_of(document, start),
        heading=heading,
        language=_language(text, document.language),
    )


def _language(text: str, around: str) -> str:
    """Return a chunk's language: the document's, `around`, where the chunk alone does not tell."""
    language = detect_language(text)
    is_told = language != "und" and not (language == "zh" and around.startswith("zh"))
    return language if is_told else around


def _page_of(document: Document, offset: int) -> int | None:
    place = bisect_right(document.pages, offset, key=lambda span: span.start) - 1
    while place > 0 and document.pages[place].start == document.pages[place].end:
        place -= 1
    return document.pages[max(0, place)].number if document.pages else None


def _fitted(
    document: Document, chunks: Sequence[Chunk], *, embedder: Embedder, limit: int
) -> list[Chunk]:
    """Measure the chunks as they are embedded; drop the heading of, then halve, what is too long.

    Parts are counted alone, and a tokenizer may count them otherwise where they meet.
    """
    fitting: list[Chunk] = []
    pending = list(chunks)
    while pending:
        counts = embedder.count_tokens([chunk.embedded_text for chunk in pending])
        too_long: list[Chunk] = []
        for chunk, count in zip(pending, counts, strict=True):
            is_whole = not chunk.heading and chunk.end - chunk.start < 2
            (fitting if count <= limit or is_whole else too_long).append(chunk)
        pending = [part for chunk in too_long for part in _shortened(document, chunk)]
    return sorted(fitting, key=lambda chunk: (chunk.start, chunk.end))


def _shortened(document: Document, chunk: Chunk) -> list[Chunk]:
    if chunk.heading:
        return [replace(chunk, heading="")]
    spans = halve(document.text, chunk.start, chunk.end)
    return [_at(document, start, end, heading="") for start, end in spans]
