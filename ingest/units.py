"""Document -> units, the smallest parts that a chunk is made of: headings, sentences, pieces."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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

    `n_path_tokens` is what the path costs when it is embedded before the unit.
    """

    start: int
    end: int
    n_tokens: int
    is_heading: bool
    path: str
    n_path_tokens: int


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
    text: str, sections: Sequence[Section], *, embedder: Embedder, limit: int
) -> list[Unit]:
    """Return the units of `text` in order; they cover every visible character.

    No unit has more tokens than fit into `limit` below its heading path, and with the heading
    before it.
    """
    spans = [span for section in sections for span in _spans(text, section)]
    names = sorted({name for section in sections for name in (*section.above, section.own) if name})
    counts = embedder.count_tokens([*(text[start:end] for start, end in spans), *names])
    costs = dict(zip(names, counts[len(spans) :], strict=True))
    max_path_tokens = min(MAX_PATH_TOKENS, limit // 4)
    units: list[Unit] = []
    place = n_heading_tokens = 0
    for section in sections:
        paths = (
            _bounded(section.above, costs, max_path_tokens),
            _bounded((*section.above, section.own), costs, max_path_tokens),
        )
        for start, end in _spans(text, section):
            is_heading = start < section.heading_end
            path, n_path_tokens = paths[0] if is_heading else paths[1]
            unit = Unit(start, end, counts[place], is_heading, path, n_path_tokens)
            room = limit - max(cost for _, cost in paths)
            units += _pieces(text, unit, embedder, max(room - n_heading_tokens, room // 2))
            n_heading_tokens = n_heading_tokens + counts[place] if is_heading else 0
            place += 1
    return units


def halve(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut ``text[start:end]`` near its middle; a single character stays whole."""
    if end - start < 2:
        return [(start, end)]  # one character: nothing is left to cut
    cut = _best_cut(text, start, (start + end + 1) // 2)
    return [span for span in (_trimmed(text, start, cut), _trimmed(text, cut, end)) if span]


def _spans(text: str, section: Section) -> list[tuple[int, int]]:
    heading = _trimmed(text, section.start, section.heading_end)
    body = split_sentences(text, start=section.heading_end, end=section.end)
    return [heading, *body] if heading else body


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
            yield Unit(*span, n_tokens, is_heading, unit.path, unit.n_path_tokens)
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
