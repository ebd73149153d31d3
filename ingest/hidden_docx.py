"""The text of a Word file that is not seen: hidden by its author, white on nothing, or tiny.

What Word itself calls hidden (w:vanish, also by a style) is exact and is taken out. White and tiny
text stays, since a shape or a table's style may paint what lies below it; it is looked for only
where nothing of the kind is near.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.hidden import hidden_metadata

MAX_HALF_POINTS = 2
WHITE = 0xF0

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = ("0", "false", "off")
_PAINTED = ("shd", "highlight", "tblStyle", "txbxContent", "drawing", "pict")


def take_out_hidden(root: Any, styles: Any, *, has_background: bool = False) -> dict[str, str]:
    """Remove the hidden runs below `root` and return the page metadata for all unseen text.

    `styles` is the root element of the file's styles.
    """
    vanishing = _styles_with(styles, "vanish")
    painted = _styles_with(styles, "shd")
    unseen: list[str] = []
    for run in list(root.iter(f"{_W}r")):
        text = "".join(part.text or "" for part in run.iter(f"{_W}t"))
        if not text.strip():
            continue
        if _is_vanished(run, vanishing):
            unseen.append(text)
            run.getparent().remove(run)
        elif _is_tiny(run) or (
            _is_white(run) and not has_background and not _is_painted(run, painted)
        ):
            unseen.append(text)
    return hidden_metadata("".join(unseen))


def _styles_with(styles: Any, name: str) -> set[str]:
    """Return the ids of the styles that switch a property on, those based on another one too."""
    found: set[str] = set()
    parents: dict[str, str] = {}
    for style in styles.iter(f"{_W}style"):
        style_id = style.get(f"{_W}styleId", "")
        parents[style_id] = _value(style, "basedOn")
        if any(_is_on(style.find(f"{_W}{part}"), name) for part in ("rPr", "pPr")):
            found.add(style_id)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _is_vanished(run: Any, vanishing: set[str]) -> bool:
    properties = run.find(f"{_W}rPr")
    if properties is not None and properties.find(f"{_W}vanish") is not None:
        return _is_on(properties, "vanish")
    if _value(properties, "rStyle") in vanishing:
        return True
    paragraph = next(run.iterancestors(f"{_W}p"), None)
    own = paragraph.find(f"{_W}pPr") if paragraph is not None else None
    return _value(own, "pStyle") in vanishing


def _is_tiny(run: Any) -> bool:
    size = _value(run.find(f"{_W}rPr"), "sz")
    return size.isdigit() and int(size) <= MAX_HALF_POINTS


def _is_white(run: Any) -> bool:
    colour = _value(run.find(f"{_W}rPr"), "color")
    try:
        channels = bytes.fromhex(colour)
    except ValueError:
        return False
    return len(channels) == 3 and min(channels) >= WHITE


def _is_painted(run: Any, painted_styles: set[str]) -> bool:
    """Tell whether anything around a run may be of another colour than the paper."""
    around = [
        child
        for ancestor in (run, *run.iterancestors())
        for child in (ancestor, *_properties(ancestor))
    ]
    if any(_local_name(item) in _PAINTED and not _is_paper(item) for item in around):
        return True
    styles = {item.get(f"{_W}val") for item in around if _local_name(item) in ("pStyle", "rStyle")}
    return bool(styles & painted_styles)


def _is_paper(shading: Any) -> bool:
    """Tell a shading that leaves the paper white."""
    fill = (shading.get(f"{_W}fill") or "").lower()
    return _local_name(shading) == "shd" and fill in ("auto", "ffffff")


def _properties(element: Any) -> Iterator[Any]:
    for child in element:
        if _local_name(child) in ("rPr", "pPr", "tcPr", "trPr", "tblPr", "spPr"):
            yield from child


def _is_on(properties: Any, name: str) -> bool:
    if properties is None or (item := properties.find(f"{_W}{name}")) is None:
        return False
    return item.get(f"{_W}val", "true") not in _OFF


def _value(properties: Any, name: str) -> str:
    item = properties.find(f"{_W}{name}") if properties is not None else None
    return str(item.get(f"{_W}val", "")) if item is not None else ""


def _local_name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
