"""Borders in long text that depend only on what stands near them.

A border is chosen when it ranks before every other border within a given distance: paragraph ends
before sentence ends, then by a hash of the text on both sides. An edit can therefore only move
borders within that distance, and the chunks further on keep their vectors.
Source: local-minimum chunking, Bjorner, Blass and Gurevich 2010, "Content-dependent chunking for
differential compression, the local maximum approach".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

from ingest.units import Unit

_CONTEXT = 48
_Rank = tuple[bool, bytes]


def local_borders(
    text: str, units: Sequence[Unit], first: int, end: int, *, distance_tokens: int
) -> list[int]:
    """Return the places in `units`, between `first` and `end`, before which the text is parted.

    Neighbouring borders, and the run's ends, are more than `distance_tokens` apart.
    """
    sizes = [unit.n_tokens for unit in units[first:end]]
    offsets = [0, *accumulate(sizes)]  # offsets[i]: tokens before unit first + i
    ranks = [_rank(text, units, place) for place in range(first + 1, end)]
    chosen: list[int] = []
    for i in range(1, len(sizes)):
        low, high = offsets[i] - distance_tokens, offsets[i] + distance_tokens
        if low <= 0 or high >= offsets[-1]:
            continue
        if chosen and offsets[chosen[-1] - first] >= low:
            continue  # repeated text ranks alike: the first of several stands
        near = slice(bisect_left(offsets, low) - 1, bisect_right(offsets, high) - 1)
        if ranks[i - 1] == min(ranks[near]):
            chosen.append(first + i)
    return chosen


def _rank(text: str, units: Sequence[Unit], place: int) -> _Rank:
    before, after = units[place - 1], units[place]
    left = text[max(before.start, before.end - _CONTEXT) : before.end]
    right = text[after.start : min(after.end, after.start + _CONTEXT)]
    is_inside_paragraph = "\n" not in text[before.end : after.start]
    digest = blake2b(f"{left}\0{right}".encode(errors="surrogatepass"), digest_size=8).digest()
    return is_inside_paragraph, digest
