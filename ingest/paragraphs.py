"""Lines as a typesetter broke them -> paragraphs. Pure.

For formats whose line ends are not the author's: PDF and plain text. Lines of one paragraph are
joined, with a space in scripts that use one and without in Chinese and Japanese, words broken at a
hyphen are made whole. List items, table rows and lines that end early stay on lines of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingest.headings import section_level

SHORT_LINE_SHARE = 0.6
ENDING_LINE_SHARE = 0.85

_CJK_START = re.compile(
    "[\u2e80-\u2fdf\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_WIDE_MARK = re.compile("[\u3000-\u303f\uff00-\uffef]")
_LIST_ITEM = re.compile(
    r"[-*+–—]\s|[•·▪➢✓◦‣○●■□◆]|\(?\d{1,3}[.)](?:\s|[^\W\d_])|\(?[a-zA-Z][.)]\s"
    r"|\d{1,3}、|[(（]?[一二三四五六七八九十]{1,3}[)）、]"
)
_CHAPTER = re.compile(
    r"第\s?[\d一二三四五六七八九十百零]{1,6}\s?[章节節部條条篇]"
    r"|\d{1,2}(?:\.\d{1,2}){1,4}\s{1,4}[^\W\d_]"
)
_BROKEN_WORD = re.compile(r"[A-Za-zÀ-ÿ]-$")
_WORD_END = re.compile(r"[A-Za-zÀ-ÿ]{1,40}$")
_WORD_START = re.compile(r"[a-zà-ÿ]{1,40}")
_HYPHENATED = re.compile(r"(?<![A-Za-zÀ-ÿ])[A-Za-zÀ-ÿ]{1,40}-[a-zà-ÿ]{1,40}")
_NUMBER = re.compile(r"[(+$€£¥-]?\d[\d.,:/%)-]{0,30}%?")
_GAP = re.compile(r"\S(?: {3,}|\t)(?=\S)")
_LEADERS = re.compile(r"(?:[.·…_] ?){5,}")
_SENTENCE_END = (".", "!", "?", ":", "。", "！", "？", "：", "；", "”", "」", '."', ".”")


def join_wrapped(text: str) -> str:
    """Return `text` with every line end folded away, as between Chinese characters, or to a space.

    >>> join_wrapped("the dome\\nshutter"), join_wrapped("圆顶\\n挡板")
    ('the dome shutter', '圆顶挡板')
    """
    joined = ""
    parts: list[str] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        parts.append(_glue(joined, line))
        parts.append(line)
        joined = line
    return "".join(parts)


def join_lines(text: str) -> list[str]:
    """Return the paragraphs of hard-wrapped `text`; lists and tables keep their lines.

    A blank line ends a paragraph, and so does a line that ends clearly short of the usual width. A
    hyphen at a line end is dropped unless the same text writes the word with a hyphen elsewhere.
    """
    lines = [_LEADERS.sub(" … ", line).rstrip() for line in text.split("\n")]
    width = _usual_width(lines)
    hyphenated = frozenset(_HYPHENATED.findall(text))
    paragraphs = [_joined(group, hyphenated) for group in _groups(lines, width)]
    return [paragraph for paragraph in paragraphs if paragraph]


def is_list_item(line: str) -> bool:
    """Tell whether a line begins like an item of a list."""
    return bool(_LIST_ITEM.match(line.lstrip()))


def is_table_row(line: str) -> bool:
    """Tell whether a line looks like a row of a table: wide gaps, or mostly numbers."""
    if sum(1 for _ in _GAP.finditer(line)) >= 2:
        return True
    words = line.split()
    n_numbers = sum(bool(_NUMBER.fullmatch(word)) for word in words)
    return n_numbers >= 2 and n_numbers >= 0.4 * len(words) and not line.endswith((".", "。"))


def _usual_width(lines: Sequence[str]) -> float:
    """Return the width that full lines have: the 80th percentile, Chinese counted double."""
    widths = sorted(_width(line) for line in lines if line.strip())
    return widths[int(0.8 * (len(widths) - 1))] if widths else 0.0


def _width(line: str) -> float:
    return len(line) + sum(character > "\u2e7f" for character in line)


def _groups(lines: Sequence[str], width: float) -> Iterator[list[str]]:
    """Yield the lines of each paragraph, or of each run of list items and table rows."""
    group: list[str] = []
    for line in lines:
        if group and (not line.strip() or _breaks(group, line, width)):
            yield group
            group = []
        if line.strip():
            group.append(line)
    if group:
        yield group


def _breaks(group: Sequence[str], line: str, width: float) -> bool:
    """Decide whether `line` begins a new paragraph after the lines of `group`."""
    last = group[-1]
    stripped = line.lstrip()
    if is_table_row(line) or is_table_row(last):
        return is_table_row(line) != is_table_row(last)
    if len(group) == 1 and _is_heading_above(last.strip(), stripped):
        return True
    if _LIST_ITEM.match(stripped):
        return not is_list_item(group[0])
    share = _width(last) / width if width else 1.0
    if _CHAPTER.match(stripped) or "…" in last[-12:]:
        return share < ENDING_LINE_SHARE or last.endswith(_SENTENCE_END)
    if last.endswith(_SENTENCE_END):
        return share < ENDING_LINE_SHARE
    return share < SHORT_LINE_SHARE and not stripped[0].islower()


def _is_heading_above(line: str, following: str) -> bool:
    """Tell a numbered heading from the first line of a paragraph and from an item of a list."""
    level = section_level(line)
    return level > 0 and level != section_level(following) and not following[0].islower()


def _joined(group: Sequence[str], hyphenated: frozenset[str]) -> str:
    parts: list[str] = []
    before = ""
    for line in map(str.strip, group):
        glue = "\n" if is_table_row(line) or is_list_item(line) else _glue(before, line)
        if glue == " " and (word := _unbroken(before, line)):
            glue = ""
            if word not in hyphenated:
                parts[-1] = parts[-1][:-1]
        parts += [glue if before else "", line]
        before = line
    return "".join(parts)


def _glue(before: str, after: str) -> str:
    if not before:
        return ""
    left, right = _CJK_START.match(before[-1]), _CJK_START.match(after)
    if left and right:
        return ""
    return "" if _WIDE_MARK.match(before[-1]) or _WIDE_MARK.match(after) else " "


def _unbroken(before: str, after: str) -> str:
    """Return the hyphenated word that a line end broke, "" where none was broken."""
    start = _WORD_START.match(after)
    if not start or not _BROKEN_WORD.search(before, max(0, len(before) - 2)):
        return ""
    end = _WORD_END.search(before, max(0, len(before) - 41), len(before) - 1)
    return f"{end.group()}-{start.group()}" if end else ""
