"""Which elements of an HTML page are not its content: menus, footers, banners, hidden parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_BANNER_CHARACTERS = 3_000

SILENT_TAGS = frozenset(
    "script style noscript template svg math iframe object embed head "
    "button select textarea input datalist canvas audio video map".split()
)
_MENU_TAGS = frozenset(["nav", "footer"])
_NEVER_TAGS = frozenset(["html", "body", "main", "article"])
_MENU_ROLES = frozenset(["navigation", "banner", "contentinfo", "search", "menu", "menubar"])
_BANNER_ROLES = frozenset(["dialog", "alertdialog"])
_BANNER_WORDS = frozenset(["cookie", "cookies", "consent", "gdpr", "cookiebar", "cookiebanner"])
_MENU_WORDS = frozenset(
    "nav navbar navigation menu breadcrumb breadcrumbs pagination pager "
    "sidebar footer toolbar share social skip navheader navfooter".split()
)
_HIDDEN_STYLE = re.compile(r"(?:display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden)", re.I)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])


class Measure(NamedTuple):
    """What stands below an element: visible characters, those inside links, and headings."""

    n_characters: int
    n_linked: int
    n_headings: int


def measures(root: Any) -> Mapping[Any, Measure]:
    """Return the measure of every element below `root`, in one pass from the leaves up."""
    measured: dict[Any, Measure] = {}
    for element in reversed(list(root.iter())):
        n_characters, n_linked, n_headings = len((element.text or "").strip()), 0, 0
        if element.tag in SILENT_TAGS:
            measured[element] = Measure(0, 0, 0)
            continue
        for child in element:
            below = measured[child]
            n_characters += below.n_characters + len((child.tail or "").strip())
            n_linked += below.n_linked
            n_headings += below.n_headings + (child.tag in _HEADINGS)
        n_linked = n_characters if element.tag == "a" else n_linked
        measured[element] = Measure(n_characters, n_linked, n_headings)
    return measured


def is_boilerplate(element: Any, measure: Measure) -> bool:
    """Tell whether an element with all below it is left out.

    Names of classes and ids are believed only where the content agrees: a banner is short, a menu
    is mostly links.
    """
    tag = element.tag
    if tag in _NEVER_TAGS:
        return False
    if tag in SILENT_TAGS or tag in _MENU_TAGS or _is_hidden(element):
        return True
    role = (element.get("role") or "").strip().lower()
    if role in _MENU_ROLES or tag == "header":
        return measure.n_headings == 0
    words = _names(element)
    if role in _BANNER_ROLES or words & _BANNER_WORDS:
        return measure.n_characters <= MAX_BANNER_CHARACTERS
    return bool(words & _MENU_WORDS) and 2 * measure.n_linked >= measure.n_characters


def _is_hidden(element: Any) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return bool(_HIDDEN_STYLE.search((element.get("style") or "")[:2_000]))


def _names(element: Any) -> set[str]:
    label = f"{element.get('class') or ''} {element.get('id') or ''}"[:1_000]
    return {word.lower() for word in _WORD.findall(label)}
