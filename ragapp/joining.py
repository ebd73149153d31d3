"""Hits -> passages: neighbouring chunks of one document become one stretch of its text.

Chunks overlap, so two neighbours would show, and pay for, the same sentences twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragapp.types import Hit

_WIDEST_GAP = 16  # characters of white space between chunks that touch

TextOf = Callable[[Hit, int, int], str | None]


def join(hits: Sequence[Hit], text_of: TextOf) -> list[Hit]:
    """Return the hits with those joined whose spans overlap or touch, in the order of the best.

    ``text_of(hit, start, end)`` gives ``[start, end)`` of the text of a hit's document, None where
    it is gone. Spans touch where nothing but white space lies between them. A joined hit is
    ``document.text[start:end]`` as its `parts` are, which lie in the order of the text; it has the
    rank, scores and source of the best of them, and the page and headings of the first.
    """
    placed = [(place, hit) for place, hit in enumerate(hits)]
    passages: list[tuple[int, Hit]] = []
    for place, hit in sorted(placed, key=lambda item: _in_text(item[1])):
        joined = _together(*passages[-1], place, hit, text_of) if passages else None
        if joined is None:
            passages.append((place, hit))
        else:
            passages[-1] = joined
    return [hit for _, hit in sorted(passages, key=lambda item: item[0])]


def parts_of(hit: Hit) -> tuple[Hit, ...]:
    """Return the hits that a passage was joined of, in the order of the text."""
    return hit.parts or (hit,)


def nothing_known(_hit: Hit, _start: int, _end: int) -> None:
    """Stand for texts that are not at hand: spans that overlap or meet are joined all the same."""
    return


def _in_text(hit: Hit) -> tuple[str, str, int, int]:
    return hit.collection, hit.document_id, hit.start, hit.end


def _together(
    place: int, first: Hit, other_place: int, second: Hit, text_of: TextOf
) -> tuple[int, Hit] | None:
    """Return both as one with the better's place, None where they are no neighbours.

    `first` starts first.
    """
    if (first.collection, first.document_id) != (second.collection, second.document_id):
        return None
    text = _joined_text(first, second, text_of)
    if text is None:
        return None
    joined = replace(
        first if place < other_place else second,
        start=first.start,
        end=first.start + len(text),
        text=text,
        page=first.page,
        heading=first.heading,
        also_in=tuple(source for source in first.also_in if source in second.also_in),
        also_at=(),
        parts=(*parts_of(first), *parts_of(second)),
    )
    return min(place, other_place), joined


def _joined_text(first: Hit, second: Hit, text_of: TextOf) -> str | None:
    gap = second.start - first.end
    if gap <= 0:
        shared = first.text[second.start - first.start :]
        n_shared = min(len(shared), len(second.text))
        is_same = shared[:n_shared] == second.text[:n_shared]
        return first.text + second.text[n_shared:] if is_same else None
    if gap > _WIDEST_GAP:
        return None
    between = text_of(first, first.end, second.start)
    if between is None or between.strip():
        return None
    return first.text + between + second.text
