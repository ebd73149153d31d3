"""Below an answer: whether it helped, and a comment, both stored in the collection."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st

from ragapp import Rag, RagError
from ui import labels, state
from ui.keys import Key
from ui.labels import Say
from ui.state import Failure, Turn, Verdict

_MAX_COMMENT_CHARACTERS = 2_000
_CHOICES: tuple[tuple[Verdict, labels.Label, str], ...] = (
    ("up", labels.HELPFUL, ":material/thumb_up:"),
    ("down", labels.NOT_HELPFUL, ":material/thumb_down:"),
)


def rating_fields(rag: Rag, turn: Turn, number: int, say: Say) -> None:
    """Draw the two choices for the `number`-th answer (from 1); once it is rated, a comment."""
    with st.container(horizontal=True):
        for verdict, label, icon in _CHOICES:
            st.button(
                say(label),
                key=f"{Key.RATE}-{verdict}-{number}",
                icon=icon,
                type="primary" if turn.rating == verdict else "tertiary",
                on_click=partial(_rate, rag, number, verdict),
            )
    if turn.rating_id:
        st.text_input(
            say(labels.COMMENT),
            key=f"{Key.COMMENT}-{turn.rating_id}",
            max_chars=_MAX_COMMENT_CHARACTERS,
            on_change=partial(_comment, rag, number),
        )


def _rate(rag: Rag, number: int, verdict: Verdict) -> None:
    turn = state.conversation()[number - 1]
    _store(rag, number, replace(turn, rating=verdict), "")


def _comment(rag: Rag, number: int) -> None:
    turn = state.conversation()[number - 1]
    comment = str(st.session_state.get(f"{Key.COMMENT}-{turn.rating_id}", ""))
    _store(rag, number, turn, comment)


def _store(rag: Rag, number: int, turn: Turn, comment: str) -> None:
    """Store a rating in place of the one that the answer has, if it has one."""
    if turn.answer is None or turn.rating is None:
        return
    try:
        rating_id = rag.feedback(turn.answer, turn.rating, comment)
        with suppress(RagError):  # deleted elsewhere meanwhile
            if turn.rating_id:
                rag.ratings.delete(turn.rating_id)
    except RagError as error:
        state.leave_failure(Failure.of(error))
        return
    if comment:
        st.session_state[f"{Key.COMMENT}-{rating_id}"] = comment
    state.conversation()[number - 1] = replace(turn, rating_id=rating_id)
