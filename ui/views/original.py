"""The cited page of the original file, its quotes coloured, in a window over the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath

import streamlit as st

from ingest import citation_boxes
from ragapp import Answer, Citation, Rag
from ui import labels, render, state
from ui.keys import Key
from ui.labels import Say
from ui.pictures import cut_around


def original_buttons(answer: Answer, number: int, say: Say) -> None:
    """Draw a button for each marker of the answer in turn `number` whose source is a PDF."""
    with st.container(horizontal=True, gap="small"):
        for marker, cited in _by_marker(answer).items():
            st.button(
                say(labels.SHOW_ORIGINAL, n=marker, page=cited[0].page or 0),
                key=f"{Key.ORIGINAL}-{number}-{marker}",
                icon=":material/picture_as_pdf:",
                type="tertiary",
                on_click=partial(state.ask_for_original, number, marker),
            )


def show_original(rag: Rag, say: Say) -> None:
    """Open the window that the last click asked for."""
    asked = state.take_original()
    if asked is None:
        return
    turn, marker = asked
    turns = state.conversation()
    answer = turns[turn - 1].answer if 0 < turn <= len(turns) else None
    cited = _by_marker(answer).get(marker) if answer is not None else None
    if cited:
        st.dialog(say(labels.ORIGINAL), width="large")(_draw)(rag, cited, say)


def _draw(rag: Rag, cited: Sequence[Citation], say: Say) -> None:
    render.heading(cited[0].title)
    render.note([PurePath(cited[0].source).name])
    with st.spinner(say(labels.OPENING_ORIGINAL)):
        found = citation_boxes(rag, cited, has_pictures=True)
    for citation, quote in zip(cited, found, strict=True):
        if quote.reason:
            st.warning(render.plain(quote.reason), icon=":material/warning:")
            render.document(citation.quote, language="und")
        for page, png in quote.pictures:
            boxes = [box for box in quote.boxes if box.page == page]
            st.caption(say(labels.PAGE, n=page))
            st.image(cut_around(png, boxes), width="stretch")
            with st.expander(say(labels.WHOLE_PAGE)):
                st.image(png, width="stretch")


def _by_marker(answer: Answer) -> dict[int, list[Citation]]:
    """Return the citations of PDFs by their marker."""
    found: dict[int, list[Citation]] = {}
    for citation in answer.citations:
        is_pdf = PurePath(citation.source).suffix.lower() == ".pdf"
        if is_pdf and citation.page is not None:
            found.setdefault(citation.marker, []).append(citation)
    return found
