"""The fields by which a search is narrowed; their values are `state.narrowing`."""

from __future__ import annotations

from datetime import date

import streamlit as st

from ragapp import Rag
from ui import labels, state
from ui.labels import Say, language_name
from ui.narrowing import language_choices
from ui.state import Key

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def filter_fields(rag: Rag, say: Say) -> None:
    """Draw the fields, and a warning where the days are the wrong way round."""
    st.text_input(
        say(labels.SOURCE),
        placeholder=say(labels.FILTER_EXAMPLE),
        help=say(labels.FILTER_SOURCE_HELP),
        key=Key.ONLY_SOURCE,
        persist_state="session",
    )
    _kinds(rag, say)
    _days(say)
    narrowing = state.narrowing()
    if narrowing.is_crossed:
        st.warning(say(labels.DATES_CROSSED), icon=":material/event_busy:")
    if narrowing.where() is not None:
        st.button(
            say(labels.CLEAR_FILTERS),
            key=Key.CLEAR_FILTERS,
            icon=":material/filter_alt_off:",
            on_click=state.forget_narrowing,
        )


def _kinds(rag: Rag, say: Say) -> None:
    """Draw the languages and formats that the collection has."""
    stats = rag.collection.stats()
    languages, formats = language_choices(stats.chunks_by_language), list(stats.documents_by_format)
    state.forget_choices_but(languages=languages, formats=formats)
    st.multiselect(
        say(labels.COLUMN_LANGUAGE),
        languages,
        format_func=lambda code: language_name(code, say),
        placeholder=say(labels.ANY),
        key=Key.ONLY_LANGUAGES,
        select_all=False,
        persist_state="session",
    )
    st.multiselect(
        say(labels.COLUMN_FORMAT),
        formats,
        placeholder=say(labels.ANY),
        key=Key.ONLY_FORMATS,
        select_all=False,
        persist_state="session",
    )


def _days(say: Say) -> None:
    with st.container(horizontal=True):
        for label, key in ((labels.SINCE, Key.ONLY_SINCE), (labels.UNTIL, Key.ONLY_UNTIL)):
            st.date_input(
                say(label),
                value=None,
                min_value=_FIRST_DAY,
                max_value=_LAST_DAY,
                format="YYYY-MM-DD",
                key=key,
                persist_state="session",
            )
