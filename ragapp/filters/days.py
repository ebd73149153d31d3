"""Dates as filters write them: a year, a month or a day, each a half-open stretch of days."""

from __future__ import annotations

import re
from datetime import date, timedelta

from ragapp.errors import UsageError

_WRITTEN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_LAST_YEAR = 9998  # so that the day after is one that Python knows

Days = tuple[date, date]


def days_of(text: str, *, column: str = "date") -> Days:
    """Return the first day of `text` and the day after its last one. Raises UsageError.

    >>> days_of("2025-02")
    (datetime.date(2025, 2, 1), datetime.date(2025, 3, 1))
    """
    found = _WRITTEN.fullmatch(text.strip())
    try:
        days = _days(*(int(part) for part in found.groups() if part)) if found else None
    except ValueError:
        days = None
    if days is None:
        raise UsageError(
            f"{column} {text!r} is no date", hint="expected YYYY, YYYY-MM or YYYY-MM-DD"
        )
    return days


def _days(year: int, month: int = 0, day: int = 0) -> Days | None:
    if not 1 <= year <= _LAST_YEAR:
        return None
    if day:
        first = date(year, month, day)
        return first, first + timedelta(days=1)
    if month:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return date(year, 1, 1), date(year + 1, 1, 1)
