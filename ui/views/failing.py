"""An error on a page, as a visitor may see it."""

from __future__ import annotations

from ragapp import RagError
from ui import render
from ui.labels import Say
from ui.state import Failure


def show_failure(error: RagError | OSError, say: Say) -> None:
    """Show what went wrong as one sentence and what to do next."""
    failure = Failure.of(error)
    render.failure(failure.message, hint=failure.hint, code=failure.code, say=say)
