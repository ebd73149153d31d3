"""Lines -> texts of a bounded size, for formats whose lines are not to be joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BLOCK_CHARACTERS = 1_200


def bounded(lines: Iterable[str], *, max_characters: int = BLOCK_CHARACTERS) -> Iterator[str]:
    """Yield the lines that hold text, joined as far as they fit; a longer one stands alone.

    >>> list(bounded(["a: 1", "", "b: 2", "c: 3"], max_characters=10))
    ['a: 1\\nb: 2', 'c: 3']
    """
    kept: list[str] = []
    n_characters = 0
    for line in lines:
        if not line.strip():
            continue
        if kept and n_characters + len(line) + 1 > max_characters:
            yield "\n".join(kept)
            kept, n_characters = [], 0
        kept.append(line)
        n_characters += len(line) + 1
    if kept:
        yield "\n".join(kept)
