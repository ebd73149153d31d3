"""The fields by which a search is narrowed; their values are `state.narrowing`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import streamlit as st

from ui import labels, state
from ui.keys import Key
from ui.labels import Say, language_name
from ui.narrowing import language_choices

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def filter_fields(say: Say, *, languages: Iterable[str], formats: Iterable[str]) -> None:
    """Draw the fields in the sidebar, with a warning where the days are the wrong way round.

    `languages` and `formats` are the codes that the collection has.
    """
    with st.sidebar:
        st.subheader(say(labels.FILTERS), anchor=False)
        _source(say)
        _kinds(say, language_choices(languages), list(formats))
        _days(say)
        _afterwards(say)


def _source(say: Say) -> None:
    st.text_input(
        say(labels.SOURCE),
        placeholder=say(labels.FILTER_EXAMPLE),
        help=say(labels.FILTER_SOURCE_HELP),
        key=Key.ONLY_SOURCE,
        persist_state="session",
    )


def _afterwards(say: Say) -> None:
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


def _kinds(say: Say, languages: list[str], formats: list[str]) -> None:
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
