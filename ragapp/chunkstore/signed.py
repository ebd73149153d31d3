"""Unsigned 64-bit fingerprints in SQLite's signed integers."""

from __future__ import annotations

_SIGN = 1 << 63


def signed(value: int) -> int:
    """Return an unsigned 64-bit value as SQLite stores it.

    >>> signed((1 << 64) - 1)
    -1
    """
    return value - (1 << 64) if value >= _SIGN else value


def unsigned(value: int) -> int:
    """Return a stored value as the unsigned 64-bit one that it was.

    >>> unsigned(-1) == (1 << 64) - 1
    True
    """
    return value % (1 << 64)
