"""Sentence borders in English and Chinese text, as offsets.

Rule-based and local: a border depends only on the characters near it, so an edit moves only the
borders beside it. Line breaks that end a block (a blank line, or a line without closing
punctuation before a list item) are borders too. All patterns are linear on their worst input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CJK_END = "。！？；…"
_CLOSING = "\"'”’」』）)】》]"
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr vs etc e.g i.e fig figs no nos vol pp p ch sec eq al inc ltd "
    "co corp dept est approx jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k a.m p.m "
    "ca cf".split()
)
_BORDER = re.compile(
    rf"[{_CJK_END}]+[{re.escape(_CLOSING)}]{{0,3}}"
    rf"|(?<![.!?])[.!?]++[{re.escape(_CLOSING)}]{{0,3}}+(?=\s|$)"
    r"|\n[ \t]*(?=\n)"
    r"|\n(?=[ \t]*(?:[-*•·#>|]|\d{1,3}[.)、]\s|[（(]?[一二三四五六七八九十]{1,3}[）)、]))"
)
_LAST_WORD = re.compile(r"[\w.]{1,12}$")
_NEXT_VISIBLE = re.compile(r"\s{0,64}(\S)")


def split_sentences(text: str, *, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the half-open offsets of the sentences of ``text[start:end]``, white space trimmed.

    The sentences are in order, do not overlap, and cover every visible character.

    >>> split_sentences("Dr. Wu slept. 她醒了。")
    [(0, 13), (14, 18)]
    """
    stop = len(text) if end is None else end
    return [span for span in _trimmed(text, start, stop) if span[0] < span[1]]


def _trimmed(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _BORDER.finditer(text, start, stop):
        if not _is_border(text, match):
            continue
        yield _trim(text, begin, match.end())
        begin = match.end()
    yield _trim(text, begin, stop)


def _is_border(text: str, match: re.Match[str]) -> bool:
    """Tell a sentence's full stop from that of an abbreviation, an initial or a number."""
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    following = _NEXT_VISIBLE.match(text, match.end())
    if following and following.group(1).islower():
        return False
    word = _LAST_WORD.search(text, max(0, match.start() - 12), match.start())
    if word is None:
        return True
    return not _is_initial(text, word) and word.group().lower() not in _ABBREVIATIONS


def _is_initial(text: str, word: re.Match[str]) -> bool:
    """Tell the J of "J. Smith" from the C of "20 °C." and the s of "15 m/s."."""
    letter = word.group()
    follows_blank = word.start() == 0 or text[word.start() - 1].isspace()
    return len(letter) == 1 and letter.isascii() and letter.isupper() and follows_blank


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
