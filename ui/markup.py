"""Untrusted text -> HTML that shows it and does nothing else.

Answers are read as Markdown without HTML, images and links; all other text is escaped and laid out
as it is. The only links are those from an answer's markers to its own evidence. What comes out is
put on the screen by `ui.render` as HTML, never as Streamlit's Markdown, so that its directives,
LaTeX, emoji shortcodes and diagrams have no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from ui import labels
from ui.evidence import Elsewhere, Evidence
from ui.labels import Say

_MARKER = re.compile(r"\[(\d{1,3})\]")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_MEANINGFUL = re.compile(r"(\\[:@]|www|\\[<>=~-](?=\\))(?=.)")
_JOINER = "\u2060"


@dataclass(slots=True)
class _Markers:
    """Where the markers of an answer lead, and how often each has been met so far."""

    turn: int
    orders: dict[int, tuple[int, ...]]
    n_met: dict[int, int] = field(default_factory=dict)

    def markup(self, number: int) -> str:
        """Return the next occurrence of marker `number`: a link where it has evidence."""
        order = self.orders.get(number)
        if not order:
            return f'<span class="ragapp-marker">{number}</span>'
        met = self.n_met.get(number, 0)
        self.n_met[number] = met + 1
        anchor = _anchor(self.turn, number, order[min(met, len(order) - 1)])
        return f'<a class="ragapp-marker" href="#{anchor}">{number}</a>'


def answer_markup(text: str, *, turn: int, cited: Iterable[Evidence] = ()) -> str:
    """Return an answer's Markdown as HTML; its markers lead to the quotes of `cited`."""
    orders = {evidence.number: evidence.order for evidence in cited}
    rendered = _MARKDOWN.render(seen(text), {"markers": _Markers(turn, orders)})
    return f'<div class="ragapp-answer">{rendered}</div>'


def text_markup(text: str, *, style: str = "text", language: str = "und") -> str:
    """Return text as it is, line breaks kept, in a block of the style sheet's class `style`."""
    attributes = f'class="ragapp-{escape(style)}"{_language_attribute(language)}'
    return f"<div {attributes}>{escape(seen(text))}</div>"


def evidence_markup(evidence: Evidence, *, turn: int, say: Say, is_cited: bool = True) -> str:
    """Return a passage that opens at a click: where it stands, then its text, quotes marked."""
    number = f'<span class="ragapp-number">{evidence.number}</span>' if is_cited else ""
    aside = f'<span class="ragapp-aside">{escape(seen(evidence.aside))}</span>'
    place = [evidence.title or evidence.source]
    if evidence.page is not None:
        place.append(say(labels.PAGE, n=evidence.page))
    if evidence.title:
        place.append(PurePath(evidence.source).name)
    return (
        f'<details class="ragapp-evidence"><summary>{number}{_joined(place)}{aside}</summary>'
        f'<dl class="ragapp-facts">{"".join(_facts(evidence, say))}</dl>'
        f'<div class="ragapp-passage"{_language_attribute(evidence.language)}>'
        f"{_parts_markup(evidence, turn)}</div></details>"
    )


def table_markup(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain cells; a narrow screen shows each row as a block."""
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = "".join(f"<tr>{_cells(headers, row)}</tr>" for row in rows)
    return (
        f'<table class="ragapp-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def bars_markup(rows: Sequence[tuple[str, float, str]]) -> str:
    """Return a bar for each (name, number >= 0, the number as shown)."""
    longest = max((value for _, value, _ in rows), default=0.0) or 1.0
    bars = "".join(
        f'<div class="ragapp-bar"><span>{escape(seen(name))}</span>'
        f'<span class="ragapp-bar-track"><i style="width:{100 * value / longest:.1f}%"></i></span>'
        f"<span>{escape(shown)}</span></div>"
        for name, value, shown in rows
    )
    return f'<div class="ragapp-bars">{bars}</div>'


def plain_label(text: str) -> str:
    """Return text for a place where Streamlit reads Markdown, with nothing left to read in it.

    Punctuation is escaped, and an invisible joiner parts what is looked for after the escapes are
    gone: shortcodes, directives, bare addresses, arrows.
    """
    line = " ".join(seen(text).split())
    escaped = _PUNCTUATION.sub(r"\\\1", line)
    return _MEANINGFUL.sub(rf"\1{_JOINER}", escaped)


def seen(text: str) -> str:
    """Return text without control, invisible and direction-changing characters."""
    return _UNSEEN.sub("", text)


def _cells(headers: Sequence[str], row: Sequence[str]) -> str:
    return "".join(
        f'<td data-label="{escape(header)}">{escape(seen(cell))}</td>'
        for header, cell in zip(headers, row, strict=True)
    )


def _facts(evidence: Evidence, say: Say) -> Iterator[str]:
    facts = [
        (labels.SOURCE, [evidence.source]),
        (labels.HEADING, [evidence.heading]),
        (labels.ALSO_IN, [_place(other, say) for other in evidence.also_in]),
        (labels.OTHER_FACTS, list(evidence.revisions)),
        (labels.CONTRADICTED, list(evidence.contradicted)),
        (labels.WARNING, [say(labels.HOLDS_INSTRUCTIONS)] if evidence.has_instructions else []),
    ]
    for name, values in [*((say(label), values) for label, values in facts), *evidence.facts]:
        if any(values):
            shown = "<br>".join(escape(seen(value)) for value in values)
            yield f"<dt>{escape(name)}</dt><dd>{shown}</dd>"


def _place(other: Elsewhere, say: Say) -> str:
    page = [] if other.page is None else [say(labels.PAGE, n=other.page)]
    nearly = [] if other.is_exact else [say(labels.NEARLY)]
    return " · ".join([other.source, *page, *nearly])


def _joined(values: Sequence[str]) -> str:
    return " · ".join(f"<bdi>{escape(seen(value))}</bdi>" for value in values)


def _parts_markup(evidence: Evidence, turn: int) -> str:
    """Return the passage; each quote bears the anchor that the answer's markers lead to."""
    pieces = []
    for part in evidence.parts:
        text = escape(seen(part.text))
        if part.quote:
            anchor = _anchor(turn, evidence.number, part.quote)
            text = f'<mark id="{anchor}">{text}</mark>'
        pieces.append(text)
    return "".join(pieces)


def _anchor(turn: int, number: int, quote: int) -> str:
    return f"quote-{turn}-{number}-{quote}"


def _language_attribute(language: str) -> str:
    return f' lang="{escape(language)}"' if re.fullmatch(r"[a-z]{2}", language) else ""


def _link_markers(state: StateCore) -> None:
    """Make a link of each `[n]` in running text that has evidence, a plain mark of the others."""
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = [
                piece
                for token in block.children
                for piece in _with_markers(token, state.env["markers"])
            ]


def _with_markers(token: Token, markers: _Markers) -> list[Token]:
    if token.type != "text":
        return [token]
    pieces, place = [], 0
    for found in _MARKER.finditer(token.content):
        pieces.append(_token("text", token.content[place : found.start()], token.level))
        pieces.append(_token("html_inline", markers.markup(int(found.group(1))), token.level))
        place = found.end()
    pieces.append(_token("text", token.content[place:], token.level))
    return [piece for piece in pieces if piece.content]


def _token(kind: str, content: str, level: int) -> Token:
    return Token(kind, "", 0, content=content, level=level)


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    parser.disable(["image", "link", "autolink", "reference", "html_block", "html_inline"])
    parser.enable("table")
    parser.core.ruler.push("markers", _link_markers)
    return parser


_MARKDOWN = _markdown()
