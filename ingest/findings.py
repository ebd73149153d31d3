"""Where something was found in a text, and the copies of a text in which things are looked for."""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

MAX_FOLDED_CHARACTERS = 4  # longer expansions are no letters, and would swell the copy
PIECE_CHARACTERS = 65_536  # folded at once: a list of characters takes many times their memory

_FULL_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x2010 + i: 0x2D for i in range(4)}
_LOOK_ALIKES = str.maketrans("аеорсухіѕјԁ", "aeopcyxisjd")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of `kind` at the half-open code-point offsets ``[start, end)`` of a text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MatchingCopy:
    """A text folded for matching, piece by piece.

    ``text[starts[i] + k]`` stands at ``offsets[i][k]`` in the original.
    """

    text: str
    starts: Sequence[int]
    offsets: Sequence[Sequence[int]]

    def finding(self, kind: str, start: int, end: int) -> Finding:
        """Return the finding at ``text[start:end]``, not empty, with the original's offsets."""
        return Finding(kind, self._offset(start), self._offset(end - 1) + 1)

    def _offset(self, place: int) -> int:
        piece = bisect_right(self.starts, place) - 1
        return self.offsets[piece][place - self.starts[piece]]


def half_width(text: str) -> str:
    """Return `text` with full-width ASCII and typographic hyphens as ASCII, offsets unchanged.

    >>> half_width("电话：１３８")
    '电话:138'
    """
    return text if text.isascii() else text.translate(_FULL_WIDTH)


def matching_copy(text: str) -> MatchingCopy:
    """Return the text in lower case and NFKC without unseen characters and look-alike letters.

    Tag characters (U+E0020 to U+E007E) become the ASCII letters that they stand for.
    """
    if text.isascii():
        return MatchingCopy(text.lower(), (0,), (range(len(text)),))
    folded: list[str] = []
    starts = [0]
    offsets: list[Sequence[int]] = []
    for begin in range(0, len(text), PIECE_CHARACTERS):
        copy, places = _folded_piece(text[begin : begin + PIECE_CHARACTERS], begin)
        folded.append(copy)
        offsets.append(places)
        starts.append(starts[-1] + len(copy))
    return MatchingCopy("".join(folded), starts[:-1], offsets)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in order of place, overlapping ones as one that covers them all.

    The kind is that of the one that begins first; at equal beginnings, of the one given first.
    """
    result: list[Finding] = []
    for finding in sorted(findings, key=lambda found: found.start):
        if result and finding.start < result[-1].end:
            result[-1] = replace(result[-1], end=max(result[-1].end, finding.end))
        else:
            result.append(finding)
    return result


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings of each kind there are, kinds in alphabetical order."""
    return dict(sorted(Counter(finding.kind for finding in findings).items()))


def _folded_piece(piece: str, begin: int) -> tuple[str, Sequence[int]]:
    """Return a piece of a text folded, and where each character of that stands in the text."""
    if piece.isascii():
        return piece.lower(), range(begin, begin + len(piece))
    folded = [_folded(character) for character in piece]
    copy = "".join(folded)
    if len(copy) == len(piece) and all(folded):
        return copy, range(begin, begin + len(piece))
    return copy, array("I", (begin + i for i, part in enumerate(folded) for _ in part))


@lru_cache(maxsize=65_536)
def _folded(character: str) -> str:
    if 0xE0020 <= ord(character) <= 0xE007E:
        return chr(ord(character) - 0xE0000).lower()
    if unicodedata.category(character) in ("Cf", "Mn", "Co", "Cn") or character == "\u3164":
        return ""
    folded = unicodedata.normalize("NFKC", character).casefold().translate(_LOOK_ALIKES)
    return folded if len(folded) <= MAX_FOLDED_CHARACTERS else character
