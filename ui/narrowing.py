"""What a visitor narrows a search to -> a filter, and the words that tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_

from ragapp import Date, Filter, Format, Language, Source
from ui import labels
from ui.labels import Label, Say, language_name

_CHINESE = "zh"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Choices that must all hold; an empty one lets everything pass.

    `source` is a pattern, `languages` and `formats` are codes of which one must fit, and the days
    are both included.
    """

    source: str = ""
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    @property
    def is_crossed(self) -> bool:
        """Whether the first day lies after the last one, so that nothing passes."""
        return self.since is not None and self.until is not None and self.since > self.until

    def where(self) -> Filter | None:
        """Return the filter, None where nothing is chosen. Its values are not checked yet."""
        parts: list[Filter] = []
        if self.source.strip():
            parts.append(Source(self.source.strip()))
        if self.languages:
            parts.append(Language(*self.languages))
        if self.formats:
            parts.append(Format(*self.formats))
        if self.since or self.until:
            parts.append(Date(since=self.since, until=self.until))
        return reduce(and_, parts) if parts else None

    def told(self, say: Say) -> list[str]:
        """Return the choices in words, [] for none. The text is untrusted."""
        words = [self.source.strip()] if self.source.strip() else []
        words += [language_name(code, say) for code in self.languages]
        words += self.formats
        days = ((labels.SINCE_SHOWN, self.since), (labels.UNTIL_SHOWN, self.until))
        words += [_day(label, day, say) for label, day in days if day is not None]
        return [say(labels.ONLY), *words] if words else []


def language_choices(codes: Iterable[str]) -> list[str]:
    """Return the languages to choose from: "zh" before its scripts where there are several.

    >>> language_choices(["zh-Hant", "en", "zh-Hans"])
    ['zh', 'zh-Hant', 'en', 'zh-Hans']
    """
    found = list(dict.fromkeys(codes))
    n_chinese = sum(code.split("-")[0] == _CHINESE for code in found)
    if n_chinese > 1 and _CHINESE not in found:
        return [_CHINESE, *found]
    return found


def _day(label: Label, day: date, say: Say) -> str:
    return say(label, year=day.year, month=day.month, day=day.day)
