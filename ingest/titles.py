"""Which of a file's declared titles say something."""

from __future__ import annotations

import re

MAX_TITLE_CHARACTERS = 200

_PROGRAM_PREFIX = re.compile(r"^(?:microsoft (?:word|powerpoint|excel)|layout \d+) - ", re.I)
_FILE_NAME = re.compile(r"\.(?:docx?|pdf|txt|html?|indd|qxd|tex|dvi|rtf|odt|pptx?|xlsx?|md)$", re.I)
_EMPTY_TITLES = frozenset(
    ("document", "title", "notitle", "unnamed", "none", "null", "new", "page", "index", "home")
) | frozenset(
    ("default", "无标题", "未命名", "标题", "文档", "首页", "无题", "無標題", "未命名文档")
)
_EMPTY_PREFIXES = ("untitled", "no title", "document1", "word document", "幻灯片 1", "powerpoint ")


def meaningful_title(title: str | None) -> str:
    """Return a declared title folded to one line, or "" where it is a placeholder or a file name.

    >>> meaningful_title("Microsoft Word - report.doc"), meaningful_title(" Power  supply ")
    ('', 'Power supply')
    """
    folded = _PROGRAM_PREFIX.sub("", " ".join((title or "")[:2_000].split()))
    lowered = folded.casefold()
    if lowered in _EMPTY_TITLES or lowered.startswith(_EMPTY_PREFIXES):
        return ""
    if _FILE_NAME.search(folded) or "/" in folded.split(" ")[0][1:] or "\ufffd" in folded:
        return ""
    if sum(character.isalpha() for character in folded) < 2:
        return ""
    return folded[:MAX_TITLE_CHARACTERS]
