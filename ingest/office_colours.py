"""Colours of Office files: what a theme's names stand for, lightened or darkened. Pure."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import Any, NamedTuple

from lxml import etree

SAME_COLOUR = 20  # of 255, in every channel
TRANSPARENT = 6  # of 100

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PARTS = 100_000  # DrawingML writes shares in thousandths of a percent
_NAMED = {"white": "FFFFFF", "snow": "FFFAFA", "ghostWhite": "F8F8FF", "black": "000000"}


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255."""

    red: int
    green: int
    blue: int

    def is_like(self, other: Colour) -> bool:
        """Tell whether an eye hardly parts two colours."""
        return all(abs(a - b) <= SAME_COLOUR for a, b in zip(self, other, strict=True))


WHITE = Colour(255, 255, 255)


def colour_of_hex(text: str) -> Colour | None:
    """Return the colour of "RRGGBB" or "AARRGGBB", None for any other text."""
    try:
        channels = bytes.fromhex(text[-6:])
    except ValueError:
        return None
    return Colour(*channels) if len(channels) == 3 else None


def theme_colours(theme: bytes) -> dict[str, Colour]:
    """Return the colours of a theme by name (dk1, lt1, ..., accent6), {} for one that is broken."""
    try:
        root = etree.fromstring(theme, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return {}
    scheme = root.find(f".//{_A}clrScheme")
    found = {}
    for slot in scheme if scheme is not None else ():
        value = slot[0].get("lastClr") or slot[0].get("val", "") if len(slot) else ""
        if isinstance(slot.tag, str) and (colour := colour_of_hex(value)):
            found[slot.tag.rpartition("}")[2]] = colour
    return found


def with_tint(colour: Colour, tint: float) -> Colour:
    """Return a colour lightened (`tint` up to 1) or darkened (down to -1).

    Source: ECMA-376 part 1, 18.3.1.15.
    """
    if tint < 0:
        return _with_lightness(colour, 1.0 + tint, 0.0)
    return _with_lightness(colour, 1.0 - tint, tint)


class Fill(NamedTuple):
    """What a solid fill paints: `colour` None where it cannot be told; `alpha` from 0 to 100."""

    colour: Colour | None
    alpha: float = 100.0


def solid_fill(element: Any, names: Mapping[str, Colour]) -> Fill:
    """Return what an a:solidFill, or any other element that holds one colour, paints.

    `names` are the colours that stand for the theme's names on the slide (tx1, bg1, accent1, ...).
    """
    named = next((child for child in element if isinstance(child.tag, str)), None)
    if named is None:
        return Fill(None)
    colour = _plain_colour(named, names)
    alpha = 100.0
    lightness = {"lumMod": 1.0, "lumOff": 0.0}
    for change in named:
        name = change.tag.rpartition("}")[2] if isinstance(change.tag, str) else ""
        if name == "alpha":
            alpha = 100.0 * _share(change)
        elif name in lightness:
            lightness[name] = _share(change)
        else:
            colour = None
    if colour is not None:
        colour = _with_lightness(colour, lightness["lumMod"], lightness["lumOff"])
    return Fill(colour, alpha)


def _plain_colour(named: Any, names: Mapping[str, Colour]) -> Colour | None:
    kind, value = named.tag.rpartition("}")[2], named.get("val", "")
    if kind == "srgbClr":
        return colour_of_hex(value)
    if kind == "schemeClr":
        return names.get(value)
    if kind == "sysClr":
        return colour_of_hex(named.get("lastClr", ""))
    return colour_of_hex(_NAMED.get(value, "")) if kind == "prstClr" else None


def _share(change: Any) -> float:
    value = change.get("val", "").removesuffix("%")
    try:
        return float(value) / (100.0 if change.get("val", "").endswith("%") else _PARTS)
    except ValueError:
        return 1.0


def _with_lightness(colour: Colour, factor: float, offset: float) -> Colour:
    if (factor, offset) == (1.0, 0.0):
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255.0 for channel in colour))
    lightness = min(1.0, max(0.0, lightness * factor + offset))
    changed = colorsys.hls_to_rgb(hue, lightness, saturation)
    return Colour(*(round(255.0 * channel) for channel in changed))
