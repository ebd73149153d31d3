"""The collection for a view, or the reason why there is none."""

from __future__ import annotations

import streamlit as st

from ragapp import Rag, RagError
from ui import labels, pages, state
from ui.labels import Say
from ui.views.failing import show_failure


def opened_rag(say: Say) -> Rag:
    """Return the collection; where it cannot be opened, say why and end the run."""
    try:
        return state.rag()
    except RagError as error:
        show_failure(error, say)
        st.stop()


def lead_to_adding(say: Say) -> None:
    """Say that there are no documents yet, with the way to the page that adds some."""
    st.info(say(labels.EMPTY_COLLECTION), icon=":material/info:")
    st.page_link(pages.ADD_FILES.path, label=say(labels.GO_TO_ADD_FILES), icon=pages.ADD_FILES.icon)
