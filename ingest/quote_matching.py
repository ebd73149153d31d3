"""Where a quote of cleaned text stands among the characters of a page as they were drawn. Pure.

Both are compared by their letters and digits alone, in one case and width, without accents: what
cleaning changes (ligatures, hyphens at line ends, spaces, hidden characters) is no difference then.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONTEXT_CHARACTERS = 60  # before and after a quote: enough to tell its places apart
MIN_COVERED = 0.9  # of a quote's letters, where a page holds it in pieces
MAX_PLACES = 1_000
_SHORTEST_PIECE = 8
_SHORTEST_WIDE_PIECE = 4  # of Chinese and other scripts beyond ASCII

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters and digits of a text, folded, and the index of the character each comes from."""

    text: str
    places: tuple[int, ...]

    @classmethod
    def of(cls, characters: Sequence[str]) -> Letters:
        """Return the letters of a string, or of a page's characters, each a string."""
        folded = [(letter, i) for i, text in enumerate(characters) for letter in _folded(text)]
        return cls("".join(letter for letter, _ in folded), tuple(i for _, i in folded))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Letters ``[start, end)`` of a quote, which a page holds."""

    start: int
    end: int


def find_quote(
    quote: str, characters: Sequence[str], *, before: str = "", after: str = ""
) -> list[Range]:
    """Return the ranges of `characters` that hold the quote, in its order; [] where none do.

    `before` and `after` are the text around it: of several places the one amid it is taken. A page
    whose order differs gives several ranges, if they hold nine tenths of the quote.

    >>> find_quote("cooperate fully", list("We co\\ufffe\\r\\noperate fully."))
    [(3, 19)]
    """
    page, wanted = Letters.of(characters), Letters.of(quote).text
    if not wanted:
        return []
    around = Letters.of(before).text, Letters.of(after).text
    whole = _best(list(_occurrences(wanted, page.text)), len(wanted), page.text, around)
    found = [(whole, len(wanted))] if whole is not None else _in_pieces(wanted, page.text, around)
    ranges = [(page.places[start], page.places[start + length - 1] + 1) for start, length in found]
    return _with_marks(_joined(ranges), quote, characters)


def _folded(text: str) -> Iterator[str]:
    if text.isascii():
        return filter(str.isalnum, text.lower())
    return filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold())


def _occurrences(wanted: str, text: str) -> Iterator[int]:
    place = text.find(wanted)
    n_left = MAX_PLACES
    while place >= 0 and n_left:
        yield place
        n_left -= 1
        place = text.find(wanted, place + 1)


def _best(places: Sequence[int], length: int, text: str, around: tuple[str, str]) -> int | None:
    """Return the place whose surroundings are most like those wanted, None where there is none."""
    before, after = around
    if len(places) < 2:
        return places[0] if places else None

    def likeness(place: int) -> int:
        above = text[max(0, place - len(before)) : place]
        below = text[place + length : place + length + len(after)]
        return _n_shared(before[::-1], above[::-1]) + _n_shared(after, below)

    return max(places, key=lambda place: (likeness(place), -place))


def _n_shared(first: str, second: str) -> int:
    """Return how many characters two strings begin with alike."""
    n = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        n += 1
    return n


def _in_pieces(wanted: str, text: str, around: tuple[str, str]) -> list[Range]:
    """Return (place, length) of the pieces of a quote that stands in a page in another order."""
    pieces = _pieces(wanted, text)
    if sum(piece.end - piece.start for piece in pieces) < MIN_COVERED * len(wanted):
        return []
    longest = max(pieces, key=lambda piece: piece.end - piece.start)
    length = longest.end - longest.start
    places = list(_occurrences(wanted[longest.start : longest.end], text))
    context = (around[0] + wanted[: longest.start], wanted[longest.end :] + around[1])
    anchor = _best(places, length, text, context)
    assert anchor is not None
    return [_nearest(piece, wanted, text, anchor - longest.start) for piece in pieces]


def _pieces(wanted: str, text: str) -> list[_Piece]:
    """Return the longest pieces of `wanted` that stand in the text, one after the other."""
    pieces: list[_Piece] = []
    start, n_missed = 0, 0
    while start < len(wanted) and n_missed <= (1 - MIN_COVERED) * len(wanted):
        length = _longest_prefix(wanted, start, text)
        if length and length >= _shortest(wanted[start : start + length]):
            pieces.append(_Piece(start, start + length))
            start += length
        else:
            start, n_missed = start + 1, n_missed + 1
    return pieces


def _shortest(piece: str) -> int:
    return _SHORTEST_PIECE if piece.isascii() else _SHORTEST_WIDE_PIECE


def _longest_prefix(wanted: str, start: int, text: str) -> int:
    lengths = range(1, len(wanted) - start + 1)
    return bisect_left(lengths, 1, key=lambda n: int(wanted[start : start + n] not in text))


def _nearest(piece: _Piece, wanted: str, text: str, origin: int) -> Range:
    """Return (place, length) of a piece, nearest to where it would stand in one with the others."""
    places = _occurrences(wanted[piece.start : piece.end], text)
    place = min(places, key=lambda place: abs(place - piece.start - origin))
    return place, piece.end - piece.start


def _joined(ranges: Sequence[Range]) -> list[Range]:
    joined: list[Range] = []
    for start, end in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _with_marks(ranges: list[Range], quote: str, characters: Sequence[str]) -> list[Range]:
    """Return the ranges with the marks before the quote's first letter and after its last."""
    if not ranges:
        return []
    last = len(quote)
    while last and not any(_folded(quote[last - 1])):
        last -= 1
    first = next(i for i, character in enumerate(quote) if any(_folded(character)))
    start = ranges[0][0] - _n_marks(quote[:first][::-1], characters[: ranges[0][0]][::-1])
    ranges[0] = (start, ranges[0][1])
    end = ranges[-1][1] + _n_marks(quote[last:], characters[ranges[-1][1] :])
    ranges[-1] = (ranges[-1][0], end)
    return ranges


def _n_marks(marks: str, characters: Sequence[str]) -> int:
    """Return how many of the characters are the marks, in order, with what is blank between."""
    n_taken = place = 0
    for mark in filter(None, map(str.strip, marks)):
        while place < len(characters) and not characters[place].strip():
            place += 1
        if place == len(characters) or _mark(characters[place]) != _mark(mark):
            break
        place += 1
        n_taken = place
    return n_taken


def _mark(character: str) -> str:
    return unicodedata.normalize("NFKC", character)
