"""Finds the running heads, running feet and page numbers of a paged document. Pure.

A line is one when it stands at the edge of at least three pages, alike but for one number that
grows with the page, or exactly alike; and when every line nearer to that edge is one too. So a row
of a table that happens to recur inside pages is never touched. Lines without words (printed line
numbers) must recur on a third of all pages; of others at most three go at each edge, so that the
column titles of a table that fills pages are kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

MIN_PAGES = 3
MIN_BARE_SHARE = 0.3
EDGE_LINES = 40
MAX_WORDED_LINES = 3

_NUMBER = re.compile(r"\d{1,6}")
_ROMAN = re.compile(r"(?:^|(?<=\s))[ivxlc]{1,8}$")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
MAX_HEAD_CHARACTERS = 200
MAX_NUMBERS = 12

LITERAL = 10**9  # in place of how far a number is ahead of its page

_Key = tuple[str, str, int]


def running_lines(pages: Sequence[Sequence[str]]) -> list[set[int]]:
    """Return, for each page's lines, the indices of those that are running heads or feet.

    >>> running_lines([["Handbook", "One.", "1"], ["Handbook", "Two.", "2"], ["Handbook", "3"]])
    [{0, 2}, {0, 2}, {0, 1}]
    """
    seen: dict[_Key, set[int]] = defaultdict(set)
    for number, lines in enumerate(pages):
        for edge, places in _edges(lines):
            for place in places:
                for key in _keys(lines[place], edge, number):
                    seen[key].add(number)
    return [_removable(lines, number, len(pages), seen) for number, lines in enumerate(pages)]


def _removable(
    lines: Sequence[str], number: int, n_pages: int, seen: dict[_Key, set[int]]
) -> set[int]:
    removable: set[int] = set()
    for edge, places in _edges(lines):
        n_worded = 0
        for place in places:
            keys = _keys(lines[place], edge, number)
            n_worded += _has_letters(lines[place])
            if n_worded > MAX_WORDED_LINES or not any(
                len(seen[key]) >= _needed_pages(key, n_pages) for key in keys
            ):
                break
            removable.add(place)
    return removable


def _edges(lines: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """Yield ("top" | "bottom", the places of the edge's non-empty lines from the edge inwards)."""
    visible = [place for place, line in enumerate(lines) if line.strip()]
    yield "top", visible[:EDGE_LINES]
    yield "bottom", visible[::-1][:EDGE_LINES]


def _keys(line: str, edge: str, page: int) -> list[_Key]:
    """Return what a running line has in common on all its pages.

    One key is the line itself; one more for each number in it: the line without that number, and
    how far the number is ahead of the page.
    """
    folded = " ".join(line.split()).casefold()
    if len(folded) > MAX_HEAD_CHARACTERS:
        return []
    return [(edge, folded, LITERAL), *_numbered(folded, edge, page)]


def _needed_pages(key: _Key, n_pages: int) -> float:
    is_bare = key[2] == LITERAL and not _has_letters(key[1])
    return max(MIN_PAGES, MIN_BARE_SHARE * n_pages if is_bare else 0)


def _numbered(folded: str, edge: str, page: int) -> Iterator[_Key]:
    if roman := _ROMAN.search(folded):
        yield edge, f"{folded[: roman.start()]}\0", _roman_value(roman.group()) - page
    for count, match in enumerate(_NUMBER.finditer(folded)):
        if count == MAX_NUMBERS:
            break
        rest = f"{folded[: match.start()]}\0{folded[match.end() :]}"
        yield edge, rest, int(match.group()) - page


def _has_letters(folded: str) -> bool:
    return sum(character.isalpha() for character in folded) >= 2


def _roman_value(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral.casefold()]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
