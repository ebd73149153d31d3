"""Which lines standing alone are headings, for formats that do not mark them. Pure."""

from __future__ import annotations

import re

MAX_HEADING_CHARACTERS = 80

_CHINESE = re.compile(
    r"第\s?[\d一二三四五六七八九十百零]{1,6}\s?([章节節部篇])[^。，；]*"
    r"|[一二三四五六七八九十]{1,3}、[^。，；]*"
)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})[.、]?\s{1,4}[^\W\d][^。，；]*")
_HAN = re.compile("[\u4e00-\u9fff]")
_CLOSED = (".", "!", "?", ";", ",", ":", "。", "！", "？", "；", "，", "：", "、")


def heading_level(line: str) -> int:
    """Return the level of a line that stands alone in plain text, 0 where it is no heading.

    Headings are numbered, in capitals, or of the Chinese kinds "第一章 ..." and "一、...".

    >>> heading_level("2. WHAT THEN"), heading_level("2.1 Tests"), heading_level("It rains.")
    (2, 3, 0)
    """
    if not _may_be_heading(line):
        return 0
    if level := numbered_level(line):
        return level
    if line.isupper() and sum(map(str.isalpha, line)) >= 4:
        return 2
    return _chinese_level(line)


def section_level(line: str) -> int:
    """Return the level of a line whose number has parts ("3.4 Tests", "第一节 ..."), else 0.

    Stricter than `heading_level`: a PDF's lists and tables begin with plain numbers, too.
    """
    if not _may_be_heading(line):
        return 0
    number = line.split(maxsplit=1)[0].rstrip(".")
    return numbered_level(line) if "." in number else _chinese_level(line)


def numbered_level(line: str) -> int:
    """Return the level of "3. Tests" (2) or "3.4 Tests" (3), 0 for other lines.

    In Chinese such numbers stand below "一、", which is level 3.
    """
    match = _NUMBERED.fullmatch(line) if _may_be_heading(line) else None
    if match is None:
        return 0
    return min(6, (4 if _HAN.search(line) else 2) + match.group(1).count("."))


def _may_be_heading(line: str) -> bool:
    short = 0 < len(line) <= MAX_HEADING_CHARACTERS
    return short and not line.endswith(_CLOSED) and "…" not in line


def _chinese_level(line: str) -> int:
    match = _CHINESE.fullmatch(line)
    if match is None:
        return 0
    if match.group(1) is None:
        return 3
    return 2 if match.group(1) in "节節" else 1
