"""Which lines standing alone are headings, for formats that do not mark them. Pure."""

from __future__ import annotations

import re

MAX_HEADING_CHARACTERS = 80

_CHINESE = re.compile(
    r"第\s?[\d一二三四五六七八九十百零]{1,6}\s?([章节節部篇])[^。，；]*"
    r"|[一二三四五六七八九十]{1,3}、[^。，；]*"
)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})[.、]?\s{1,4}[^\W\d][^。，；]*")
_CLOSED = (".", "!", "?", ";", ",", ":", "。", "！", "？", "；", "，", "：", "、")


def heading_level(line: str) -> int:
    """Return the level of a line that stands alone in plain text, 0 where it is no heading.

    Headings are numbered, in capitals, or of the Chinese kinds "第一章 ..." and "一、...".

    >>> heading_level("2. WHAT THEN"), heading_level("2.1 Tests"), heading_level("It rains.")
    (2, 3, 0)
    """
    if not _may_be_heading(line):
        return 0
    if match := _NUMBERED.fullmatch(line):
        return min(6, 2 + match.group(1).count("."))
    if line.isupper() and sum(map(str.isalpha, line)) >= 4:
        return 2
    return _chinese_level(line)


def section_level(line: str) -> int:
    """Return the level of a line whose number has parts ("3.4 Tests", "第一节 ..."), else 0.

    Stricter than `heading_level`: a PDF's lists and tables begin with plain numbers, too.
    """
    if not _may_be_heading(line):
        return 0
    match = _NUMBERED.fullmatch(line)
    if match and "." in match.group(1):
        return min(6, 2 + match.group(1).count("."))
    return _chinese_level(line)


def _may_be_heading(line: str) -> bool:
    short = 0 < len(line) <= MAX_HEADING_CHARACTERS
    return short and not line.endswith(_CLOSED) and "…" not in line


def _chinese_level(line: str) -> int:
    match = _CHINESE.fullmatch(line)
    if match is None:
        return 0
    return 3 if match.group(1) is None else 2
