"""The one family of functions by which untrusted text reaches the screen.

Answers, quotes, passages, titles, file names and error messages come from outside; views hand them
to these functions and to no Streamlit element that reads Markdown or HTML. `ui.markup` makes the
text harmless, this module alone gives it to Streamlit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import streamlit as st

from ui import labels, markup
from ui.evidence import Evidence
from ui.labels import Label, Say

_STYLE_SHEET = Path(__file__).with_name("style.css")
# Streamlit's upload field speaks English only; its words are drawn over in the page's language.
_UPLOAD_FIELD = """
[data-testid="stFileUploaderDropzone"] > span [data-testid="stBaseButton-secondary"] p,
[data-testid="stFileUploaderDropzoneInstructions"] span {{ font-size: 0; }}
[data-testid="stFileUploaderDropzone"] > span [data-testid="stBaseButton-secondary"] p::after {{
  content: "{button}"; font-size: 0.875rem; }}
[data-testid="stFileUploaderDropzoneInstructions"] span::after {{
  content: "{drop}"; font-size: 0.875rem; }}
"""


class Slot(Protocol):
    """A place on the page that can be filled again and again, such as `st.empty()`."""

    def html(self, body: str) -> object:
        """Show `body` in place of what was there."""


def style(say: Say) -> None:
    """Load the style sheet; call it once a run."""
    field = _UPLOAD_FIELD.format(button=say(labels.UPLOAD_BUTTON), drop=say(labels.UPLOAD_DROP))
    st.html(f"<style>{_STYLE_SHEET.read_text(encoding='utf-8')}{field}</style>")


def question(text: str) -> None:
    """Show a question as it was typed."""
    st.html(markup.text_markup(text))


def answer(
    text: str, *, turn: int, cited: Sequence[Evidence] = (), slot: Slot | None = None
) -> None:
    """Show an answer, whole or on its way; its markers lead to what it cites in `turn`."""
    _put(markup.answer_markup(text, turn=turn, cited=cited), slot)


def refusal(text: str, say: Say) -> None:
    """Show that the documents do not hold the answer, set apart from answers."""
    title = markup.text_markup(say(labels.REFUSED), style="refusal-title")
    st.html(f'<div class="ragapp-refusal">{title}{markup.text_markup(text)}</div>')


def evidence(
    passages: Iterable[Evidence], *, title: str, turn: int, say: Say, is_cited: bool = True
) -> None:
    """Show passages under a title, each closed until it is opened."""
    body = "".join(
        markup.evidence_markup(passage, turn=turn, say=say, is_cited=is_cited)
        for passage in passages
    )
    st.html(f"{markup.text_markup(title, style='evidence-title')}{body}")


def document(text: str, *, language: str) -> None:
    """Show a document's text in a block that scrolls."""
    st.html(markup.text_markup(text, style="document", language=language))


def heading(text: str) -> None:
    """Show a document's title."""
    st.html(markup.text_markup(text, style="heading"))


def note(texts: Sequence[str], *, slot: Slot | None = None) -> None:
    """Show small facts on one line."""
    _put(markup.text_markup(" · ".join(text for text in texts if text), style="note"), slot)


def copyable(text: str) -> None:
    """Show text as it is in a block with a button that copies it."""
    st.code(text, language=None, wrap_lines=True, height=240)


def bars(rows: Sequence[tuple[str, float]], *, unit: Label, say: Say) -> None:
    """Show numbers as bars below each other, the largest over the whole width."""
    st.html(markup.bars_markup([(name, value, say(unit, n=value)) for name, value in rows]))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show a table of plain cells."""
    st.html(markup.table_markup(headers, rows))


def failure(message: str, *, hint: str, code: str, say: Say) -> None:
    """Show an error as one sentence and what to do next.

    Messages are in English; a Chinese page puts the kind of error before them.
    """
    label = labels.ERRORS.get(code, labels.ERROR_ANY)
    kind = "" if say(label) == label.en else f"{say(label)}："
    sentences = [f"{text[0].upper()}{text[1:].rstrip('.')}." for text in (message, hint) if text]
    st.error(plain(kind + " ".join(sentences)), icon=":material/error:")


def plain(text: str) -> str:
    """Return untrusted text for a Streamlit label, with no Markdown left in it."""
    return markup.plain_label(text)


def _put(body: str, slot: Slot | None) -> None:
    if slot is None:
        st.html(body)
    else:
        slot.html(body)
