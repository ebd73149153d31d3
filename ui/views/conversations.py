"""The stored conversations in the sidebar, and what can be done with the one that is open."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ragapp import ConversationInfo, Rag, RagError
from ui import labels, render, state, talks
from ui.keys import Key
from ui.labels import Say
from ui.state import Failure

_N_SHOWN = 20


def restore(rag: Rag) -> None:
    """Open the conversation that the address names, after a reload."""
    if not state.has_begun() and state.conversation_in_address():
        _open(rag, state.conversation_in_address())
    state.keep_conversation_in_address()


def conversation_list(rag: Rag, say: Say) -> None:
    """Draw the conversations in the sidebar, the one asked in last first."""
    found = talks.latest_first(rag.conversations.list())
    if not found:
        return
    with st.sidebar:
        st.subheader(say(labels.CONVERSATIONS), anchor=False)
        wanted = _wanted(found, say) if len(found) > _N_SHOWN else found
        with st.container(gap="xsmall"):
            for info in wanted[:_N_SHOWN]:
                st.button(
                    render.plain(info.name),
                    key=f"{Key.STORED}-{info.name}",
                    type="tertiary",
                    disabled=info.name == state.conversation_name(),
                    on_click=partial(_open, rag, info.name),
                )


def conversation_menu(rag: Rag, say: Say) -> None:
    """Draw renaming, exporting and deleting of the open conversation, once it is stored."""
    name = state.conversation_name()
    found = rag.conversations.find(name) if name else None
    if found is None:
        return
    with st.popover(say(labels.THIS_CONVERSATION), icon=":material/more_horiz:"):
        st.text_input(say(labels.RENAME), value=name, key=f"{Key.NEW_NAME}-{name}")
        st.button(say(labels.RENAME_DO), key=Key.RENAME, on_click=partial(_rename, rag, name))
        st.download_button(
            say(labels.EXPORT_MARKDOWN),
            found.to_markdown(),
            file_name=talks.file_name(name, "md"),
            mime="text/markdown",
            on_click="ignore",
        )
        st.download_button(
            say(labels.EXPORT_JSON),
            talks.as_json(found),
            file_name=talks.file_name(name, "json"),
            mime="application/json",
            on_click="ignore",
        )
        is_sure = st.checkbox(say(labels.DELETE_SURE), key=f"{Key.DELETE_SURE}-{name}")
        st.button(
            say(labels.DELETE_CONVERSATION),
            key=Key.DELETE,
            disabled=not is_sure,
            on_click=partial(_delete, rag, name),
        )


def _wanted(found: list[ConversationInfo], say: Say) -> list[ConversationInfo]:
    words = st.text_input(say(labels.FIND_CONVERSATION), key=Key.FIND_CONVERSATION)
    return [info for info in found if words.casefold() in info.name.casefold()]


def _open(rag: Rag, name: str) -> None:
    try:
        state.open_conversation(name, talks.turns_of(rag, name))
    except RagError as error:
        state.leave_failure(Failure.of(error))


def _rename(rag: Rag, name: str) -> None:
    new_name = str(st.session_state.get(f"{Key.NEW_NAME}-{name}", name)).strip()
    try:
        rag.conversations.rename(name, new_name)
    except RagError as error:
        state.leave_failure(Failure.of(error))
    else:
        state.name_conversation(new_name)


def _delete(rag: Rag, name: str) -> None:
    try:
        rag.conversations.delete(name)
    except RagError as error:
        state.leave_failure(Failure.of(error))
    else:
        state.forget_conversation()
