"""Evaluate: the collection's own questions asked, the figures of kept runs, and what got worse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ragapp import EvaluationRun, RagError, compare_runs, list_runs
from ui import labels, pages, render, runs, search_labels, state
from ui.keys import Key
from ui.labels import Label, Say
from ui.listing import told_apart
from ui.runs import Asked
from ui.uploads import collection_folder
from ui.views.failing import show_failure
from ui.views.measuring import measuring_fields
from ui.views.opening import lead_to_adding, opened_rag


def show() -> None:
    """Draw the page."""
    say = state.say()
    st.title(say(labels.EVALUATE), anchor=False)
    st.caption(say(search_labels.EVALUATE_INTRO))
    rag = opened_rag(say)
    if not state.has_documents(rag):
        lead_to_adding(say)
        return
    notice = state.take_notice()
    if notice:
        st.success(render.plain(notice), icon=":material/check:")
    measuring_fields(rag, say)
    kept = _kept(collection_folder(rag), say)
    if kept:
        _show_runs(kept, say)


def _kept(folder: Path, say: Say) -> list[EvaluationRun]:
    """Return the kept runs, the newest first; or say that there are none, or why not."""
    try:
        kept = list_runs(folder)
    except RagError as error:
        show_failure(error, say)
        return []
    if not kept:
        st.info(say(search_labels.NO_RUNS), icon=":material/info:")
    return kept[::-1]


def _show_runs(kept: Sequence[EvaluationRun], say: Say) -> None:
    by_id = {run.id: run for run in kept}
    state.forget_runs_but(by_id)
    names = told_apart({run.id: runs.run_name(run, say) for run in kept})
    chosen = st.selectbox(
        say(search_labels.KEPT_RUNS), list(by_id), format_func=names.__getitem__, key=Key.RUN
    )
    others = [run.id for run in kept if run.id != chosen]
    other = st.selectbox(
        say(search_labels.COMPARE_WITH),
        others,
        index=None,
        format_func=names.__getitem__,
        placeholder=say(search_labels.CHOOSE_RUN),
        disabled=not others,
        key=Key.COMPARED,
    )
    with st.expander(say(search_labels.ALL_RUNS, n=len(kept)), icon=":material/list:"):
        render.table(*runs.run_table(kept, say))
    if other is not None:
        before, after = sorted((by_id[chosen], by_id[other]), key=lambda run: run.id)
        _show_comparison(before, after, say)
    _show_run(by_id[chosen], say)
    if other is None:
        _show_questions(search_labels.WORST_FIRST, runs.worst_questions(by_id[chosen]), say)


def _show_run(run: EvaluationRun, say: Say) -> None:
    st.subheader(say(search_labels.FIGURES), anchor=False)
    with st.container(gap="xsmall"):
        for facts in runs.run_facts(run, say):
            render.note(facts)
    st.caption(say(search_labels.FIGURES_HELP))
    figures = run.figures()
    st.vega_lite_chart(runs.figure_chart(figures, say), alt=say(search_labels.CHART))
    render.table(*runs.figure_table(figures, say))
    paired = run.paired()
    if paired:
        st.subheader(say(search_labels.SYSTEMS_COMPARED), anchor=False)
        render.table(*runs.difference_table(paired, say))


def _show_comparison(before: EvaluationRun, after: EvaluationRun, say: Say) -> None:
    st.subheader(say(search_labels.RUNS_COMPARED), anchor=False)
    try:
        found = compare_runs(before, after)
    except RagError as error:
        show_failure(error, say)
        return
    names = [runs.run_name(run, say) for run in (after, before)]
    render.note([" − ".join(names), say(search_labels.SHARED, n=found.n_shared)])
    render.table(*runs.difference_table(found.differences, say))
    if found.worse:
        worse = runs.worse_questions(found, say)
        _show_questions(search_labels.GOT_WORSE, worse, say, n=len(found.worse))
    else:
        st.info(say(search_labels.NONE_WORSE), icon=":material/check:")


def _show_questions(title: Label, questions: Sequence[Asked], say: Say, **numbers: int) -> None:
    """Show questions, each a link to its explanation."""
    if not questions:
        return
    st.subheader(say(title, **numbers), anchor=False)
    st.caption(say(search_labels.LEADS_TO_INSPECT))
    for asked in questions:
        with st.container(gap=None):
            st.page_link(
                pages.INSPECT.path,
                label=render.plain(asked.text),
                icon=pages.INSPECT.icon,
                query_params=state.address_of_query(asked.text),
            )
            render.note([asked.outcome])


if __name__ == "__main__":
    show()
