"""Inspect: one query searched by meaning, by words and by both, and why each hit is where it is."""

from __future__ import annotations

import streamlit as st

from ragapp import Rag, RagError
from ui import labels, render, search_labels, state
from ui.inspection import (
    LEGS,
    Inspection,
    Leg,
    column,
    inspect,
    joined_told,
    passed_over,
    terms_told,
    weights_told,
)
from ui.keys import Key
from ui.labels import Say
from ui.uploads import collection_folder
from ui.views.failing import show_failure
from ui.views.filters import filter_fields
from ui.views.opening import lead_to_adding, opened_rag

_MOST_PASSAGES = 50


def show() -> None:
    """Draw the page."""
    say = state.say()
    st.title(say(labels.INSPECT), anchor=False)
    st.caption(say(search_labels.INSPECT_INTRO))
    rag = opened_rag(say)
    stats = rag.collection.stats()
    if not stats.n_documents:
        lead_to_adding(say)
        return
    filter_fields(say, languages=stats.chunks_by_language, formats=stats.documents_by_format)
    query, n_passages = _fields(rag, say)
    if not query.strip():
        return
    found = _inspected(rag, query, n_passages, say)
    if found is not None:
        _show_facts(found, say)
        _show_columns(found, rag, say)


def _fields(rag: Rag, say: Say) -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.text_input(
            say(search_labels.QUERY),
            placeholder=say(search_labels.QUERY_EXAMPLE),
            key=Key.QUERY,
            bind="query-params",
        )
        n_passages = st.number_input(
            say(search_labels.N_PASSAGES),
            1,
            _MOST_PASSAGES,
            value=min(rag.settings.top_k, _MOST_PASSAGES),
            key=Key.N_PASSAGES,
            width=130,
        )
    return query, int(n_passages)


def _inspected(rag: Rag, query: str, n_passages: int, say: Say) -> Inspection | None:
    """Return the three searches, None where the query or the filter cannot be searched for."""
    where = state.narrowing().where()
    try:
        with st.spinner(say(labels.SEARCHING)):
            return inspect(lambda leg: rag.explain(query, top_k=n_passages, legs=leg, where=where))
    except RagError as error:
        show_failure(error, say)
        return None


def _show_facts(found: Inspection, say: Say) -> None:
    whole = found.whole
    n_out = whole.n_passages - whole.n_allowed
    searched = [say(search_labels.SEARCHED, n=whole.n_allowed, total=whole.n_passages)]
    if n_out:
        searched.append(say(search_labels.FILTERED_OUT, n=n_out))
    with st.container(gap="xsmall"):
        render.note([*state.narrowing().told(say), *searched])
        if whole.terms:
            counts = whole.dense.weight > 0
            render.note(
                [
                    say(
                        search_labels.READABLE if counts else search_labels.UNREADABLE,
                        n=whole.readable,
                    )
                ]
            )
            render.note([say(search_labels.TERMS), *terms_told(found)])
        else:
            render.note([say(search_labels.NO_TERMS)])


def _show_columns(found: Inspection, rag: Rag, say: Say) -> None:
    for number, (leg, place) in enumerate(zip(LEGS, st.columns(len(LEGS)), strict=True)):
        with place:
            _show_column(found, leg, number, rag, say)


def _show_column(found: Inspection, leg: Leg, number: int, rag: Rag, say: Say) -> None:
    folder = collection_folder(rag)
    st.subheader(say(LEGS[leg]), anchor=False)
    render.note(weights_told(found, leg, say))
    passages = column(found, leg, collection=folder, say=say)
    if not passages:
        render.note([say(search_labels.NOTHING_FOUND)])
        return
    render.evidence(passages, title="", turn=number, say=say)
    for line in joined_told(found, leg, say):
        render.note(line)
    others = passed_over(found, leg, collection=folder, say=say)
    if others:
        render.evidence(others, title=say(search_labels.PASSED_OVER), turn=number, say=say)


if __name__ == "__main__":
    show()
