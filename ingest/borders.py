"""Borders in text that an edit elsewhere leaves where they are.

Every border has a rank that the text at it alone decides: headings before paragraph ends, those
before line ends and sentence ends, then a hash of what follows. Only borders that outrank all
others within a short distance count. Text is parted at the best of them, then each side at its own
best, until everything fits; then the lowest-ranked borders between parts that fit together go.
An inserted paragraph changes the borders within that distance. A part further on still lies between
the same two borders, which still outrank all within, so what changes is one part on either side
and what lies between: as a rule at most three.
Source: Seidel and Aragon 1996, "Randomized search trees", whose shape depends on the keys and
their priorities alone, not on the order of the changes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

from ingest.units import Unit

_CONTEXT = 64
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
    offsets = _offsets(units)
    parted = [0, offsets[-1]]
    chosen: list[int] = []
    for place in _by_rank(text, units, places):
        if _is_apart(parted, offsets[place], distance_tokens):
            insort(parted, offsets[place])
            chosen.append(place)
    return sorted(chosen)


def inner_borders(
    text: str, units: Sequence[Unit], *, distance_tokens: int, longest_tokens: int
) -> list[int]:
    """Return the places in `units` before which text without a heading border is parted.

    What has at most `longest_tokens` is not parted. Neighbouring borders, and the text's ends, are
    at least `distance_tokens` apart; no border stands below a heading.
    """
    offsets = _offsets(units)
    parted = [0, offsets[-1]]
    chosen: list[int] = []
    for place in _strongest(text, units, offsets, distance_tokens):
        right = bisect_left(parted, offsets[place])
        if parted[right] - parted[right - 1] > longest_tokens:
            parted.insert(right, offsets[place])
            chosen.append(place)
    return sorted(set(chosen) - _needless(chosen, offsets, parted, longest_tokens))


def _strongest(
    text: str, units: Sequence[Unit], offsets: Sequence[int], distance_tokens: int
) -> list[int]:
    """Return the places that outrank all others within the distance, by rank."""
    places = [place for place in range(1, len(units)) if not units[place - 1].is_heading]
    seen = [0, offsets[-1]]
    strongest: list[int] = []
    for place in _by_rank(text, units, places):
        if _is_apart(seen, offsets[place], distance_tokens):
            strongest.append(place)
        insort(seen, offsets[place])
    return strongest


def _needless(
    chosen: Sequence[int], offsets: Sequence[int], parted: list[int], longest_tokens: int
) -> set[int]:
    """Return the borders, the last chosen first, between parts that fit together; edit `parted`."""
    needless: set[int] = set()
    for place in reversed(chosen):
        i = bisect_left(parted, offsets[place])
        if parted[i + 1] - parted[i - 1] <= longest_tokens:
            del parted[i]
            needless.add(place)
    return needless


def _offsets(units: Sequence[Unit]) -> list[int]:
    """Return the tokens before each unit, and before the end."""
    return [0, *accumulate(unit.n_tokens for unit in units)]


def _is_apart(borders: Sequence[int], offset: int, distance_tokens: int) -> bool:
    right = bisect_left(borders, offset)
    if right == 0:
        return False
    return min(offset - borders[right - 1], borders[right] - offset) >= max(1, distance_tokens)


def _by_rank(text: str, units: Sequence[Unit], places: Sequence[int]) -> list[int]:
    return sorted(places, key=lambda place: (_rank(text, units, place), place))


def _rank(text: str, units: Sequence[Unit], place: int) -> _Rank:
    after = units[place]
    start = text[after.start : after.start + _CONTEXT].encode(errors="surrogatepass")
    kind = _kind(text[units[place - 1].end : after.start], after)
    return kind, after.depth, blake2b(start, digest_size=8).digest()


def _kind(gap: str, after: Unit) -> int:
    """Return 0 above a heading, 1 between paragraphs, 2 between lines, 3 within a line."""
    if after.is_heading:
        return 0
    return 3 - min(2, gap.count("\n"))
