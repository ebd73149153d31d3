"""The fields with which the collection's own questions are made and asked."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ragapp import (
    EvaluationRun,
    Rag,
    RagError,
    evaluate_questions,
    keep_questions,
    keep_run,
    questions_file,
)
from ui import labels, render, search_labels, state
from ui.inspection import LEGS
from ui.keys import Key
from ui.labels import Say
from ui.runs import system_name
from ui.uploads import collection_folder
from ui.views.failing import show_failure

_MOST_QUESTIONS, _DEFAULT_QUESTIONS = 1000, 100


def measuring_fields(rag: Rag, say: Say) -> None:
    """Draw the fields; at a click run the evaluation, keep it and draw the page anew."""
    with st.container(border=True):
        has_questions = _show_questions_file(rag, say)
        systems = st.multiselect(
            say(search_labels.SYSTEMS),
            list(LEGS),
            default=list(LEGS),
            format_func=lambda system: system_name(system, say),
            key=Key.SYSTEMS,
            select_all=False,
        )
        n_questions = st.number_input(
            say(search_labels.N_QUESTIONS),
            1,
            _MOST_QUESTIONS,
            value=_DEFAULT_QUESTIONS,
            key=Key.N_QUESTIONS,
        )
        has_answers = st.checkbox(say(search_labels.JUDGE_ANSWERS), key=Key.JUDGE_ANSWERS)
        is_wanted = st.button(
            say(search_labels.EVALUATE_NOW), type="primary", icon=":material/play_arrow:"
        )
        if has_questions:
            _remaking(rag, int(n_questions), say)
    if is_wanted and systems:
        _evaluate(rag, systems, has_answers, int(n_questions), say)
    elif is_wanted:
        st.warning(say(search_labels.NO_SYSTEM), icon=":material/edit:")


def _show_questions_file(rag: Rag, say: Say) -> bool:
    """Say where the question set lies, or that there is none yet; tell which."""
    path = questions_file(collection_folder(rag))
    if path.exists():
        render.note([say(search_labels.QUESTIONS_PRESENT), str(path)])
        return True
    st.caption(say(search_labels.QUESTIONS_ABSENT))
    return False


def _remaking(rag: Rag, n_questions: int, say: Say) -> None:
    """Offer to make the questions anew; the first click asks, the second replaces them."""
    if not state.is_remaking():
        st.button(
            say(search_labels.REMAKE),
            icon=":material/refresh:",
            on_click=state.ask_to_remake,
            args=(True,),
        )
        return
    st.warning(say(search_labels.REMAKE_QUESTION), icon=":material/warning:")
    with st.container(horizontal=True):
        is_sure = st.button(say(search_labels.REMAKE_YES), icon=":material/refresh:")
        st.button(say(labels.REMOVE_NO), on_click=state.ask_to_remake, args=(False,))
    if is_sure:
        _remake(rag, n_questions, say)


def _remake(rag: Rag, n_questions: int, say: Say) -> None:
    try:
        with st.spinner(say(search_labels.MAKING)):
            path = keep_questions(rag, n_questions=n_questions, is_forced=True)
            n_made = len(path.read_text(encoding="utf-8").splitlines())
    except (RagError, OSError) as error:
        show_failure(error, say)
        return
    state.ask_to_remake(False)
    state.leave_notice(say(search_labels.REMADE, n=n_made))
    st.rerun()


def _evaluate(
    rag: Rag, systems: Sequence[str], has_answers: bool, n_questions: int, say: Say
) -> None:
    """Run with a progress bar, keep the run and draw the page anew with it; or say what failed.

    A click elsewhere ends the run from within the progress bar; nothing is kept then.
    """
    bar = st.progress(0.0, text=say(search_labels.MAKING))
    latest = st.empty()
    st.button(say(labels.STOP), key=Key.STOP_EVALUATION, icon=":material/stop_circle:")

    def advance(done: int, total: int, question: str) -> None:
        bar.progress(done / total, text=say(search_labels.ASKING, done=done, total=total))
        render.note([question], slot=latest)

    try:
        path = keep_questions(rag, n_questions=n_questions)
        found: EvaluationRun = evaluate_questions(
            rag, path, systems=systems, has_answers=has_answers, on_progress=advance
        )
        keep_run(found, collection_folder(rag))
    except (RagError, OSError) as error:
        bar.empty()
        show_failure(error, say)
        return
    state.choose_run(found.id)
    state.leave_notice(say(search_labels.RUN_KEPT))
    st.rerun()
