"""The text of an HTML page that a browser does not show. Pure.

Told apart are parts that the page hides until a script shows them (display:none, opacity 0: menus,
dialogues, mostly boiler-plate) and text that its inline style makes unseen: font-size 0, white on
nothing, moved off the screen. What style sheets say is not known, so where one may paint a
background below white text, the text counts as seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ingest.boilerplate import SILENT_TAGS
from ingest.hidden import hidden_metadata

MAX_STYLE_CHARACTERS = 2_000

_DECLARED = re.compile(
    r"(?:^|[;\s])(?:display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}(?:hidden|collapse))", re.I
)
_TINY = re.compile(
    r"(?:^|[;\s])font-size\s{0,3}:\s{0,3}(?:0(?:\.\d{1,4})?|1|1\.0{1,4})(?:px|pt|em|rem|%)?\s{0,3}"
    r"(?:!|;|$)",
    re.I,
)
_BIG_UNITS = re.compile(r"font-size\s{0,3}:\s{0,3}(?:0\.[1-9]\d{0,3}|1|1\.0{1,4})r?em", re.I)
_CLEAR = re.compile(r"(?:^|[;\s])opacity\s{0,3}:\s{0,3}(?:0|0?\.0\d{0,3})\s{0,3}(?:!|;|$)", re.I)
_WHITE = re.compile(
    r"(?:^|[;\s])color\s{0,3}:\s{0,3}(?:white\b|snow\b|transparent\b|#f[0-9a-f]f[0-9a-f]f[0-9a-f]\b"
    r"|#fff\b|rgba?\(\s{0,3}(?:25[0-5]\s{0,3},?\s{0,3}){3})",
    re.I,
)
_FAR = re.compile(
    r"(?:^|[;\s])(?:left|top|right|bottom|text-indent|margin-left|margin-top)\s{0,3}:\s{0,3}"
    r"-\d{4,6}",
    re.I,
)
_PAINTED = re.compile(r"background", re.I)
_WHITE_GROUND = re.compile(r"background(?:-color)?\s{0,3}:\s{0,3}(?:white|#fff)", re.I)


class HiddenText(NamedTuple):
    """`declared` stands in parts that the page hides, `unseen` in text that is styled away."""

    declared: str
    unseen: str


def markup_metadata(root: Any) -> dict[str, str]:
    """Return the metadata of a page for the hidden text of the element tree `root`."""
    hidden = find_hidden(root)
    return hidden_metadata(hidden.unseen, boilerplate=hidden.declared)


def find_hidden(root: Any) -> HiddenText:
    """Return the hidden texts below an lxml element."""
    declared: list[str] = []
    unseen: list[str] = []
    has_sheet = _has_sheet(root)
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        element, is_unseen = stack.pop()
        if not isinstance(element.tag, str) or element.tag in SILENT_TAGS:
            continue
        if _is_declared_hidden(element) or _CLEAR.search(_style(element)):
            declared += _texts(element)
            continue
        is_unseen = _is_unseen(element, is_unseen, has_sheet=has_sheet)
        if is_unseen and element.text:
            unseen.append(element.text)
        for child in reversed(element):
            stack.append((child, is_unseen))
            if is_unseen and child.tail:
                unseen.append(child.tail)
    return HiddenText("\n".join(declared), "\n".join(unseen))


def _is_declared_hidden(element: Any) -> bool:
    return element.get("hidden") is not None or bool(_DECLARED.search(_style(element)))


def _is_unseen(element: Any, is_inherited: bool, *, has_sheet: bool) -> bool:
    """Tell whether text directly in an element is styled away, by its own style or from above."""
    style = _style(element)
    if is_inherited:
        return not (element.get("class") or "font" in style.lower() or "color" in style.lower())
    if _FAR.search(style):
        return True
    if _TINY.search(style) and not _BIG_UNITS.search(style):
        return True
    is_white = _WHITE.search(style) or _is_white_font(element)
    return bool(is_white) and not _may_be_painted(element, has_sheet=has_sheet)


def _is_white_font(element: Any) -> bool:
    return element.tag == "font" and (element.get("color") or "").lower() in ("white", "#ffffff")


def _may_be_painted(element: Any, *, has_sheet: bool) -> bool:
    """Tell whether a background other than white may lie below an element."""
    for ancestor in (element, *element.iterancestors()):
        style = _style(ancestor)
        if ancestor.get("bgcolor") or ancestor.get("background"):
            return True
        if _PAINTED.search(style) and not _WHITE_GROUND.search(style):
            return True
        if has_sheet and (ancestor.get("class") or ancestor.get("id")):
            return True
    return False


def _has_sheet(root: Any) -> bool:
    """Tell whether a style sheet may paint backgrounds."""
    links = root.iter("link")
    if any("stylesheet" in (link.get("rel") or "").lower() for link in links):
        return True
    return any(_PAINTED.search(style.text or "") for style in root.iter("style"))


def _texts(element: Any) -> Iterator[str]:
    stack = [element]
    while stack:
        node = stack.pop()
        if not isinstance(node.tag, str) or node.tag in SILENT_TAGS:
            continue
        if node.text:
            yield node.text
        for child in node:
            if child.tail:
                yield child.tail
        stack.extend(reversed(node))


def _style(element: Any) -> str:
    return (element.get("style") or "")[:MAX_STYLE_CHARACTERS]
