"""What lies below the shapes of a slide: its background, and what other shapes paint there.

Whatever cannot be told for sure (a picture, a gradient, a table's style) counts as unknown, so that
white text on it is taken for seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pptx.opc.constants import RELATIONSHIP_TYPE

from ingest.office_colours import WHITE, Colour, solid_fill, theme_colours

MAX_NESTING = 50

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_LEAVES = (f"{P}sp", f"{P}graphicFrame", f"{P}pic", f"{P}contentPart")
_FILLS = ("noFill", "solidFill", "gradFill", "blipFill", "pattFill", "grpFill")
_OPAQUE = 99.0
_FIRST_BACKGROUND = "1001"  # the first of a theme's background fills


class Box(NamedTuple):
    """Left, top, right and bottom, in the units of the slide."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Tell whether two boxes overlap."""
        beside = self.right <= other.left or self.left >= other.right
        return not (beside or self.bottom <= other.top or self.top >= other.bottom)

    def holds(self, other: Box) -> bool:
        """Tell whether another box lies inside."""
        is_wide = self.left <= other.left and self.right >= other.right
        return is_wide and self.top <= other.top and self.bottom >= other.bottom


class Placed(NamedTuple):
    """A shape with its box, None where the slide itself does not tell it."""

    shape: Any
    box: Box | None


class Paint(NamedTuple):
    """What a shape paints: `colour` is None where it cannot be told."""

    box: Box | None
    colour: Colour | None


class _Scale(NamedTuple):
    """From the coordinates inside a group to those of the slide, by axis: x * factor + offset."""

    factor_x: float = 1.0
    offset_x: float = 0.0
    factor_y: float = 1.0
    offset_y: float = 0.0

    def box(self, box: Box) -> Box:
        """Return a box in the coordinates of the slide."""
        left, right = (self.factor_x * x + self.offset_x for x in (box.left, box.right))
        top, bottom = (self.factor_y * y + self.offset_y for y in (box.top, box.bottom))
        return Box(left, top, right, bottom)


@dataclass(frozen=True, slots=True)
class Ground:
    """What lies below a slide's own shapes. `names` are the colours of the theme's names on it."""

    names: Mapping[str, Colour]
    background: Colour | None
    painted: tuple[Paint, ...]
    filled_places: frozenset[str]

    def paint_of(self, item: Placed) -> Paint | None:
        """Return what a shape paints below later ones, None for one that is see-through."""
        if item.shape.tag != f"{P}sp":
            return Paint(item.box, None)
        fill = fill_in(item.shape.find(f"{P}spPr"))
        if fill is None:
            is_filled = _is_styled(item.shape) or bool(self.filled_places & _places(item.shape))
            return Paint(item.box, None) if is_filled else None
        return None if fill.tag == f"{A}noFill" else Paint(item.box, opaque(fill, self.names))


def ground_of(slide: Any) -> Ground:
    """Return what a slide's layout and master paint below its shapes: unknown without a layout."""
    try:
        layout = slide.slide_layout
        master = layout.slide_master
    except (KeyError, AttributeError):  # python-pptx finds no such part, or one of another kind
        return Ground({}, None, (), frozenset())
    names = _names(slide, layout, master, theme_colours(_theme(master)))
    below = [item for level in (master, layout) for item in placed_shapes(level.shapes._spTree)]
    filled = [item.shape for item in below if _is_filled(item.shape)]
    ground = Ground(
        names,
        _background((slide, layout, master), names),
        (),
        frozenset(place for shape in filled for place in _places(shape)),
    )
    if slide._element.get("showMasterSp") in ("0", "false"):
        return ground
    painted = [ground.paint_of(item) for item in below if not _places(item.shape)]
    return replace(ground, painted=tuple(paint for paint in painted if paint is not None))


def placed_shapes(tree: Any) -> Iterator[Placed]:
    """Yield the shapes of a slide in painting order, those inside groups in their place."""
    yield from _placed(tree, _Scale(), depth=0)


def fill_in(properties: Any) -> Any:
    """Return the fill element among the properties of a shape, cell or run, or None."""
    found = properties if properties is not None else ()
    wanted = {f"{A}{name}" for name in _FILLS}
    return next((child for child in found if child.tag in wanted), None)


def opaque(fill: Any, names: Mapping[str, Colour]) -> Colour | None:
    """Return the colour of a solid fill that hides what lies below it, None for any other."""
    if fill.tag != f"{A}solidFill":
        return None
    painted = solid_fill(fill, names)
    return painted.colour if painted.alpha >= _OPAQUE else None


def _placed(parent: Any, scale: _Scale, *, depth: int) -> Iterator[Placed]:
    for child in parent:
        if child.tag in _LEAVES:
            box = _box(child)
            yield Placed(child, scale.box(box) if box is not None else None)
        elif child.tag == f"{P}grpSp" and depth < MAX_NESTING:
            yield from _placed(child, _inside(child, scale), depth=depth + 1)
        elif child.tag != _FALLBACK and isinstance(child.tag, str) and depth < MAX_NESTING:
            yield from _placed(child, scale, depth=depth + 1)


def _places(shape: Any) -> frozenset[str]:
    """Return by which names a shape fills a place of the layout, none for one that does not."""
    holder = next(shape.iter(f"{P}ph"), None)
    if holder is None:
        return frozenset()
    kind = holder.get("type", "obj")
    same = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
    return frozenset({same.get(kind, kind), f"idx {holder.get('idx', '0')}"})


def _is_filled(shape: Any) -> bool:
    fill = fill_in(shape.find(f"{P}spPr"))
    return _is_styled(shape) if fill is None else fill.tag != f"{A}noFill"


def _is_styled(shape: Any) -> bool:
    """Tell whether a shape is filled by a style of the theme."""
    reference = shape.find(f"{P}style/{A}fillRef")
    return reference is not None and reference.get("idx") not in ("0", "1000")


def _box(shape: Any) -> Box | None:
    """Return the box that a shape states; of a turned one, a box around any turn of it."""
    transform = next(shape.iterfind(f"{P}spPr/{A}xfrm"), None)
    transform = transform if transform is not None else shape.find(f"{P}xfrm")
    if transform is None or (numbers := _numbers(transform, "off", "ext")) is None:
        return None
    x, y, width, height = numbers
    if transform.get("rot") not in (None, "0"):
        reach = (width**2 + height**2) ** 0.5 / 2
        x, y = x + width / 2, y + height / 2
        return Box(x - reach, y - reach, x + reach, y + reach)
    return Box(x, y, x + width, y + height)


def _inside(group: Any, outer: _Scale) -> _Scale:
    """Return the scale of what is inside a group."""
    transform = group.find(f"{P}grpSpPr/{A}xfrm")
    own = _numbers(transform, "off", "ext") if transform is not None else None
    inner = _numbers(transform, "chOff", "chExt") if transform is not None else None
    if own is None or inner is None or not inner[2] or not inner[3]:
        return outer
    factor_x, factor_y = own[2] / inner[2], own[3] / inner[3]
    return _Scale(
        outer.factor_x * factor_x,
        outer.factor_x * (own[0] - inner[0] * factor_x) + outer.offset_x,
        outer.factor_y * factor_y,
        outer.factor_y * (own[1] - inner[1] * factor_y) + outer.offset_y,
    )


def _numbers(transform: Any, place: str, size: str) -> tuple[float, float, float, float] | None:
    at, extent = transform.find(f"{A}{place}"), transform.find(f"{A}{size}")
    if at is None or extent is None:
        return None
    try:
        return (
            float(at.get("x")),
            float(at.get("y")),
            float(extent.get("cx")),
            float(extent.get("cy")),
        )
    except (TypeError, ValueError):
        return None


def _theme(master: Any) -> bytes:
    try:
        return bytes(master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob)
    except KeyError:
        return b""


def _names(slide: Any, layout: Any, master: Any, theme: Mapping[str, Colour]) -> dict[str, Colour]:
    """Return the colours that names stand for on a slide, by the nearest colour map."""
    maps = [level._element.find(f"{P}clrMapOvr/{A}overrideClrMapping") for level in (slide, layout)]
    maps.append(master._element.find(f"{P}clrMap"))
    nearest: Any = next((found for found in maps if found is not None), {})
    mapped = {name: theme[slot] for name, slot in nearest.items() if slot in theme}
    return {**theme, **mapped}


def _background(levels: tuple[Any, ...], names: Mapping[str, Colour]) -> Colour | None:
    """Return the colour of a slide's background, white where none is stated, None if unknown."""
    for level in levels:
        background = level._element.find(f"{P}cSld/{P}bg")
        if background is None:
            continue
        properties, reference = background.find(f"{P}bgPr"), background.find(f"{P}bgRef")
        if properties is not None:
            fill = fill_in(properties)
            return opaque(fill, names) if fill is not None else None
        if reference is not None and reference.get("idx") == _FIRST_BACKGROUND:
            return solid_fill(reference, names).colour
        return None
    return WHITE
