"""The collection for a view, or the reason why there is none."""

from __future__ import annotations

import streamlit as st

from ragapp import Rag, RagError
from ui import render, state
from ui.labels import Say


def opened_rag(say: Say) -> Rag:
    """Return the collection; where it cannot be opened, say why and end the run."""
    try:
        return state.rag()
    except RagError as error:
        render.failure(error.message, hint=error.hint, code=error.code, say=say)
        st.stop()
