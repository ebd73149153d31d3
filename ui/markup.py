"""Untrusted text -> HTML that shows it and does nothing else.

Answers are read as Markdown without HTML, images and links; all other text is escaped and laid out
as it is. The only links are those from an answer's markers to its own evidence. What comes out is
put on the screen by `ui.render` as HTML, never as Streamlit's Markdown, so that its directives,
LaTeX, emoji shortcodes and diagrams have no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from ui import labels
from ui.evidence import Evidence, Part
from ui.labels import Say

_MARKER = re.compile(r"\[(\d{1,3})\]")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_MEANINGFUL = re.compile(r"(\\[:@]|www|\\[<>=~-](?=\\))(?=.)")
_JOINER = "\u2060"


def answer_markup(text: str, *, turn: int, linked: Collection[int] = ()) -> str:
    """Return an answer's Markdown as HTML; the markers in `linked` lead to evidence of `turn`."""
    rendered = _MARKDOWN.render(seen(text), {"turn": turn, "linked": frozenset(linked)})
    return f'<div class="ragapp-answer">{rendered}</div>'


def text_markup(text: str, *, style: str = "text", language: str = "und") -> str:
    """Return text as it is, line breaks kept, in a block of the style sheet's class `style`."""
    attributes = f'class="ragapp-{escape(style)}"{_language_attribute(language)}'
    return f"<div {attributes}>{escape(seen(text))}</div>"


def evidence_markup(evidence: Evidence, *, turn: int, say: Say, is_cited: bool = True) -> str:
    """Return a passage that opens at a click: where it stands, then its text, quotes marked."""
    anchor = f"quote-{turn}-{evidence.number}" if is_cited else ""
    number = f'<span class="ragapp-number">{evidence.number}</span>' if is_cited else ""
    place = [evidence.title or evidence.source]
    if evidence.page is not None:
        place.append(say(labels.PAGE, n=evidence.page))
    if evidence.title:
        place.append(PurePath(evidence.source).name)
    return (
        f'<details class="ragapp-evidence"><summary>{number}{_joined(place)}</summary>'
        f'<dl class="ragapp-facts">{"".join(_facts(evidence, say))}</dl>'
        f'<div class="ragapp-passage"{_language_attribute(evidence.language)}>'
        f"{_parts_markup(evidence.parts, anchor)}</div></details>"
    )


def table_markup(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain cells; a narrow screen shows each row as a block."""
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = "".join(f"<tr>{_cells(headers, row)}</tr>" for row in rows)
    return (
        f'<table class="ragapp-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


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
        (labels.ALSO_IN, list(evidence.also_in)),
    ]
    for label, values in facts:
        if any(values):
            shown = "<br>".join(escape(seen(value)) for value in values)
            yield f"<dt>{escape(say(label))}</dt><dd>{shown}</dd>"


def _joined(values: Sequence[str]) -> str:
    return " · ".join(f"<bdi>{escape(seen(value))}</bdi>" for value in values)


def _parts_markup(parts: Iterable[Part], anchor: str) -> str:
    """Return the passage; the first quote bears the anchor that the answer's marker leads to."""
    pieces = []
    for part in parts:
        text = escape(seen(part.text))
        if part.is_quote:
            name = f' id="{escape(anchor)}"' if anchor else ""
            text, anchor = f"<mark{name}>{text}</mark>", ""
        pieces.append(text)
    return "".join(pieces)


def _language_attribute(language: str) -> str:
    return f' lang="{escape(language)}"' if re.fullmatch(r"[a-z]{2}", language) else ""


def _link_markers(state: StateCore) -> None:
    """Make a link of each `[n]` in running text that has evidence, a plain mark of the others."""
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = [
                piece for token in block.children for piece in _with_markers(token, state.env)
            ]


def _with_markers(token: Token, env: Mapping[str, object]) -> list[Token]:
    if token.type != "text":
        return [token]
    pieces, place = [], 0
    for found in _MARKER.finditer(token.content):
        pieces.append(_token("text", token.content[place : found.start()], token.level))
        pieces.append(_token("html_inline", _marker_markup(int(found.group(1)), env), token.level))
        place = found.end()
    pieces.append(_token("text", token.content[place:], token.level))
    return [piece for piece in pieces if piece.content]


def _token(kind: str, content: str, level: int) -> Token:
    return Token(kind, "", 0, content=content, level=level)


def _marker_markup(number: int, env: Mapping[str, object]) -> str:
    linked = env["linked"]
    assert isinstance(linked, frozenset)
    if number in linked:
        return f'<a class="ragapp-marker" href="#quote-{env["turn"]}-{number}">{number}</a>'
    return f'<span class="ragapp-marker">{number}</span>'


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    parser.disable(["image", "link", "autolink", "reference", "html_block", "html_inline"])
    parser.enable("table")
    parser.core.ruler.push("markers", _link_markers)
    return parser


_MARKDOWN = _markdown()
