"""Document -> units, the smallest parts that a chunk is made of.

They are headings, sentences, tables and code listings that fit into a chunk, the lines of those
that don't, and pieces of what is longer than a chunk.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ragapp.protocols import Embedder
from ragapp.sentences import split_sentences
from ragapp.types import Document

MAX_PATH_TOKENS = 32
PATH_SEPARATOR = " > "
SEARCH_SHARE = 0.5

# Where an overlong sentence is best cut: the first kind that occurs in the searched half.
_CUTS = ("\n", "。！？；!?;", "，,：:、", '）)】》」』"”', " \t")


@dataclass(frozen=True, slots=True)
class Section:
    """The text ``[start, end)`` from one heading to the next.

    `above` are the headings over its own, outermost first; `heading_end` is where its own ends,
    `start` for text before the first heading. `own` is its own heading's text or "".
    """

    start: int
    heading_end: int
    end: int
    above: tuple[str, ...]
    own: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of text with its length in tokens, and the heading path over its first character.

    `n_path_tokens` is what the path costs when it is embedded before the unit, `depth` counts the
    headings above a heading; it is 0 for other units.
    """

    start: int
    end: int
    n_tokens: int
    is_heading: bool
    path: str
    n_path_tokens: int
    depth: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of text not yet measured; `listing` is the offset of the table or code it is in."""

    start: int
    end: int
    listing: int = -1


def sections_of(document: Document) -> list[Section]:
    """Part a document at its headings; text before the first one is a section without heading."""
    headings = document.headings
    first = headings[0].start if headings else len(document.text)
    sections = [Section(0, 0, first, (), "")] if first else []
    above: list[tuple[int, str]] = []
    for place, heading in enumerate(headings):
        end = headings[place + 1].start if place + 1 < len(headings) else len(document.text)
        above = [(level, text) for level, text in above if level < heading.level]
        path = tuple(text for _, text in above)
        sections.append(Section(heading.start, heading.end, end, path, heading.text))
        above.append((heading.level, heading.text))
    return sections


def units_of(
    document: Document, sections: Sequence[Section], *, embedder: Embedder, limit: int
) -> list[Unit]:
    """Return the units of a document in order; they cover every visible character.

    No unit has more tokens than fit into `limit` below its heading path, and with the heading
    before it.
    """
    spans = [_spans(document, section) for section in sections]
    names = sorted({name for section in sections for name in (*section.above, section.own) if name})
    texts = [document.text[span.start : span.end] for group in spans for span in group]
    counts = embedder.count_tokens([*texts, *names])
    costs = dict(zip(names, counts[len(texts) :], strict=True))
    lengths = iter(counts)
    units: list[Unit] = []
    n_heading_tokens = 0
    for section, group in zip(sections, spans, strict=True):
        measured = [(span, next(lengths)) for span in group]
        paths = _paths(section, costs, min(MAX_PATH_TOKENS, limit // 4))
        room = limit - max(cost for _, cost in paths)
        heading = [n for span, n in measured if span.start < section.heading_end]
        n_above = [n_heading_tokens, n_heading_tokens + sum(heading)]
        for span, n_tokens in _whole_listings(measured, max(room - n_above[1], room // 2)):
            is_body = span.start >= section.heading_end
            path, n_path_tokens = paths[is_body]
            depth = 0 if is_body else len(section.above)
            unit = Unit(span.start, span.end, n_tokens, not is_body, path, n_path_tokens, depth)
            budget = max(room - n_above[is_body], room // 2)
            units += _pieces(document.text, unit, embedder, budget)
        n_heading_tokens = n_above[1] if len(heading) == len(group) else 0
    return units


def halve(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut ``text[start:end]`` near its middle; a single character stays whole."""
    if end - start < 2:
        return [(start, end)]  # one character: nothing is left to cut
    cut = _best_cut(text, start, (start + end + 1) // 2)
    return [span for span in (_trimmed(text, start, cut), _trimmed(text, cut, end)) if span]


def _spans(document: Document, section: Section) -> list[_Span]:
    """Return the heading, then the sentences, and the lines of tables and code."""
    heading = _trimmed(document.text, section.start, section.heading_end)
    spans = [_Span(*heading)] if heading else []
    begin = section.heading_end
    for start, end in _listings_in(document, section):
        spans += _sentences(document.text, begin, start)
        spans += _lines(document.text, start, end)
        begin = end
    return spans + _sentences(document.text, begin, section.end)


def _listings_in(document: Document, section: Section) -> Sequence[tuple[int, int]]:
    first = bisect_left(document.listings, (section.heading_end,))
    return document.listings[first : bisect_left(document.listings, (section.end,))]


def _sentences(text: str, start: int, end: int) -> list[_Span]:
    return [_Span(*span) for span in split_sentences(text, start=start, end=end)]


def _lines(text: str, start: int, end: int) -> Iterator[_Span]:
    begin = start
    for line in text[start:end].split("\n"):
        if span := _trimmed(text, begin, begin + len(line)):
            yield _Span(*span, start)
        begin += len(line) + 1


def _whole_listings(measured: Sequence[tuple[_Span, int]], budget: int) -> list[tuple[_Span, int]]:
    """Join the lines of each table or listing that has at most `budget` tokens."""
    joined: list[tuple[_Span, int]] = []
    for listing, group in groupby(measured, key=lambda item: item[0].listing):
        lines = list(group)
        n_tokens = sum(n for _, n in lines)
        if listing < 0 or n_tokens > budget:
            joined += lines
        else:
            joined.append((_Span(lines[0][0].start, lines[-1][0].end, listing), n_tokens))
    return joined


def _paths(
    section: Section, costs: dict[str, int], limit: int
) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return the heading paths, with their costs, over a section's own heading and its body."""
    over_body = (*section.above, section.own)
    return _bounded(section.above, costs, limit), _bounded(over_body, costs, limit)


def _bounded(names: Sequence[str], costs: dict[str, int], limit: int) -> tuple[str, int]:
    """Join a heading path, outermost names dropped until it has at most `limit` tokens."""
    kept = [name for name in names if name]
    while kept and (cost := sum(costs[name] + 1 for name in kept)) > limit:
        kept = kept[1:]
    return (PATH_SEPARATOR.join(kept), cost) if kept else ("", 0)


def _pieces(text: str, unit: Unit, embedder: Embedder, budget: int) -> Iterator[Unit]:
    """Cut a unit of more than `budget` tokens at its own token borders."""
    if unit.n_tokens <= budget:
        yield unit
        return
    tokens = embedder.token_offsets(text[unit.start : unit.end])
    ends = [unit.start + end for _, end in tokens]
    start = unit.start
    while start < unit.end:
        first = bisect_right(ends, start)
        reach = ends[first + budget - 1] if first + budget < len(ends) else unit.end
        cut = unit.end if reach >= unit.end else _best_cut(text, start, reach)
        if span := _trimmed(text, start, cut):
            n_tokens = min(budget, bisect_right(ends, cut) - first)
            is_heading = unit.is_heading and span[1] < unit.end
            cut_unit = replace(unit, start=span[0], end=span[1], n_tokens=n_tokens)
            yield replace(cut_unit, is_heading=is_heading)
        start = cut


def _best_cut(text: str, start: int, reach: int) -> int:
    """Return the best place to cut in the further half of ``(start, reach]``."""
    earliest = start + max(1, int((reach - start) * SEARCH_SHARE))
    window = text[earliest:reach]
    for marks in _CUTS:
        place = max(window.rfind(mark) for mark in marks)
        if place >= 0:
            return earliest + place + 1
    return max(reach, start + 1)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | tuple[()]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else ()
