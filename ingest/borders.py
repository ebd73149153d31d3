"""Borders in text that an edit elsewhere leaves where they are.

Every border has a rank that the text beside it alone decides: headings before paragraph ends,
those before line ends and sentence ends, then a hash. Text is parted at its best-ranked border,
then each side at its own best, until everything fits. An inserted paragraph changes what it stands
in and at most what is next to it: every part further on still has the same two borders, and they
still outrank all within.
Source: Seidel and Aragon 1996, "Randomized search trees", whose shape depends on the keys and
their priorities alone, not on the order of the changes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

from ingest.units import Unit

_CONTEXT = 48
_Rank = tuple[int, int, bytes]


def heading_borders(text: str, units: Sequence[Unit], *, distance_tokens: int) -> list[int]:
    """Return the places of the headings in `units` before which the text is parted.

    Higher levels go first. Neighbouring borders, and the text's ends, are at least
    `distance_tokens` apart, and there is more than headings between them.
    """
    last_body = max((i for i, unit in enumerate(units) if not unit.is_heading), default=0)
    places = [
        place
        for place in range(1, last_body)
        if units[place].is_heading and not units[place - 1].is_heading
    ]
    return _chosen(text, units, places, distance_tokens=distance_tokens, longest_tokens=0)


def inner_borders(
    text: str, units: Sequence[Unit], *, distance_tokens: int, longest_tokens: int
) -> list[int]:
    """Return the places in `units` before which text without a heading border is parted.

    What has at most `longest_tokens` is not parted. Neighbouring borders, and the text's ends, are
    at least `distance_tokens` apart; no border stands below a heading.
    """
    places = [place for place in range(1, len(units)) if not units[place - 1].is_heading]
    return _chosen(
        text, units, places, distance_tokens=distance_tokens, longest_tokens=longest_tokens
    )


def _chosen(
    text: str,
    units: Sequence[Unit],
    places: Sequence[int],
    *,
    distance_tokens: int,
    longest_tokens: int,
) -> list[int]:
    offsets = [0, *accumulate(unit.n_tokens for unit in units)]  # offsets[i]: tokens before unit i
    parted = [0, offsets[-1]]
    chosen: list[int] = []
    for place in sorted(places, key=lambda place: (_rank(text, units, place), place)):
        offset = offsets[place]
        right = bisect_left(parted, offset)
        if right == 0 or parted[right] - parted[right - 1] <= longest_tokens:
            continue
        if min(offset - parted[right - 1], parted[right] - offset) >= max(1, distance_tokens):
            parted.insert(right, offset)
            chosen.append(place)
    return sorted(chosen)


def _rank(text: str, units: Sequence[Unit], place: int) -> _Rank:
    before, after = units[place - 1], units[place]
    left = text[max(before.start, before.end - _CONTEXT) : before.end]
    right = text[after.start : min(after.end, after.start + _CONTEXT)]
    digest = blake2b(f"{left}\0{right}".encode(errors="surrogatepass"), digest_size=8).digest()
    return _kind(text[before.end : after.start], after), after.depth, digest


def _kind(gap: str, after: Unit) -> int:
    """Return 0 above a heading, 1 between paragraphs, 2 between lines, 3 within a line."""
    if after.is_heading:
        return 0
    return 3 - min(2, gap.count("\n"))
