"""Ask: a conversation over the documents, each answer with the passages it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from ragapp import Answer, AnswerStream, Rag, RagError, talk
from ui import labels, render, state, talks
from ui.evidence import cited_evidence, nearest_evidence
from ui.keys import Key
from ui.labels import Say
from ui.narrowing import Narrowing
from ui.state import Failure, Turn
from ui.views.conversations import conversation_list, conversation_menu, restore
from ui.views.filters import filter_fields
from ui.views.opening import lead_to_adding, opened_rag
from ui.views.original import original_buttons, show_original
from ui.views.rating import rating_fields
from ui.views.reasons import reasons


def show() -> None:
    """Draw the page."""
    say = state.say()
    rag = opened_rag(say)
    restore(rag)
    _head(rag, say)
    conversation_list(rag, say)
    stats = rag.collection.stats()
    is_ready = stats.n_documents > 0
    if is_ready:
        languages, formats = stats.chunks_by_language, stats.documents_by_format
        filter_fields(say, languages=languages, formats=formats)
        _show_narrowing(state.narrowing(), say)
    for number, turn in enumerate(state.conversation(), start=1):
        _show_turn(rag, turn, number, say)
    show_original(rag, say)
    if not is_ready:
        lead_to_adding(say)
    question = st.chat_input(say(labels.ASK_PLACEHOLDER), key=Key.QUESTION, disabled=not is_ready)
    if question:
        _ask(rag, question, say)


def _head(rag: Rag, say: Say) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.title(say(labels.ASK), anchor=False, width="content")
        if state.conversation():
            conversation_menu(rag, say)
            st.button(
                say(labels.NEW_CONVERSATION),
                key=Key.NEW_CONVERSATION,
                icon=":material/add_comment:",
                on_click=state.forget_conversation,
            )
    if not state.conversation():
        st.caption(say(labels.ASK_INTRO))
    failure = state.take_failure()
    if failure is not None:
        render.failure(failure.message, hint=failure.hint, code=failure.code, say=say)


def _ask(rag: Rag, question: str, say: Say) -> None:
    """Stream the answer to a new question, then draw the page anew with it in the conversation."""
    number = len(state.conversation()) + 1
    with st.chat_message("user"):
        render.question(question)
        _show_narrowing(state.narrowing(), say)
    with st.chat_message("assistant"):
        slot = st.empty()
        st.button(say(labels.STOP), key=Key.STOP, icon=":material/stop_circle:")
        render.note([say(labels.SEARCHING)], slot=slot)
        asked = Turn(question, state.narrowing())
        _stream(rag, asked, number, slot, partial(_begun, rag, asked))
    st.rerun()


def _stream(
    rag: Rag, asked: Turn, number: int, slot: render.Slot, begin: Callable[[], AnswerStream]
) -> None:
    """Show the answer as it comes and keep the turn, whatever ends it.

    A click elsewhere ends the run from within `render.answer`: the model is stopped then, and what
    has come is kept.
    """
    turns = state.conversation()
    turns.append(asked)
    stream, text = None, ""
    try:
        stream = begin()
        for piece in stream:
            text += piece
            turns[-1] = replace(asked, partial=text)
            render.answer(text, turn=number, slot=slot)
        turns[-1] = _answered(asked, stream.answer, rag)
    except RagError as error:
        turns[-1] = replace(asked, failure=Failure.of(error))
    finally:
        if stream is not None:
            stream.cancel()


def _begun(rag: Rag, asked: Turn) -> AnswerStream:
    name = _conversation_name(rag, asked.question)
    return talk(rag, name, asked.question, where=asked.narrowing.where(), trace=True)


def _conversation_name(rag: Rag, question: str) -> str:
    """Return the name of the conversation in the session; a new one is named by its question."""
    if not state.conversation_name():
        taken = {info.name for info in rag.conversations.list()}
        state.name_conversation(talks.new_name(question, taken))
    return state.conversation_name()


def _answered(asked: Turn, answer: Answer, rag: Rag) -> Turn:
    evidence = cited_evidence(answer, rag) or nearest_evidence(answer, rag)
    return replace(asked, question=answer.question, answer=answer, evidence=evidence)


def _show_turn(rag: Rag, turn: Turn, number: int, say: Say) -> None:
    with st.chat_message("user"):
        render.question(turn.question)
        _show_narrowing(turn.narrowing, say)
    with st.chat_message("assistant"):
        if turn.failure is not None:
            failure = turn.failure
            render.failure(failure.message, hint=failure.hint, code=failure.code, say=say)
        elif turn.answer is not None:
            _show_answer(turn.answer, turn, number, say)
            rating_fields(rag, turn, number, say)
        else:
            if turn.partial:
                render.answer(turn.partial, turn=number)
            st.caption(say(labels.STOPPED))


def _show_narrowing(narrowing: Narrowing, say: Say) -> None:
    if narrowing.where() is not None:
        render.note(narrowing.told(say))


def _show_answer(answer: Answer, turn: Turn, number: int, say: Say) -> None:
    is_cited = bool(answer.citations)
    if answer.abstained:
        render.refusal(answer.text, say)
    else:
        render.answer(answer.text, turn=number, cited=turn.evidence if is_cited else ())
        if not is_cited:
            st.warning(say(labels.NO_CITATION), icon=":material/rule:")
    _show_unsupported(answer, say)
    if answer.dropped_turns:
        render.note([say(labels.TURNS_DROPPED, n=answer.dropped_turns)])
    if not answer.hits and turn.narrowing.where() is not None:
        st.info(say(labels.NOTHING_PASSES), icon=":material/filter_alt:")
    if turn.evidence:
        render.evidence(
            turn.evidence,
            title=say(labels.SOURCES if is_cited else labels.NEAREST),
            turn=number,
            say=say,
            is_cited=is_cited,
        )
    original_buttons(answer, number, say)
    _show_cost(answer, say)
    reasons(answer, say)


def _show_unsupported(answer: Answer, say: Say) -> None:
    """Tell the sentences that no passage supports, and why."""
    told = [statement for statement in answer.statements if not statement.is_grounded]
    if told:
        st.warning(say(labels.UNSUPPORTED), icon=":material/gpp_maybe:")
    for statement in told:
        reasons = [say(labels.OBJECTIONS[objection]) for objection in statement.objections]
        render.note([statement.text, *reasons])


def _show_cost(answer: Answer, say: Say) -> None:
    timings, usage = answer.timings_ms, answer.usage
    seconds = {
        "total": timings.total / 1000,
        "retrieve": timings.retrieve / 1000,
        "first_token": timings.first_token / 1000,
    }
    tokens = {
        "prompt": usage.prompt_tokens,
        "cached": usage.cached_tokens,
        "new": usage.new_tokens,
    }
    used = say(labels.USAGE, **tokens) if usage.prompt_tokens else ""
    render.note([answer.engine, say(labels.TIMINGS, **seconds), used])


if __name__ == "__main__":
    show()
