"""Health: what the collection, the models and this machine are like, and a backup."""

from __future__ import annotations

import streamlit as st

from ragapp import Rag, RagError, list_models, recommend_models
from ui import health_labels, labels, render, state
from ui.keys import Key
from ui.labels import Label, Say
from ui.views.failing import show_failure
from ui.views.opening import opened_rag

_GB = 1e9
_SHORT = 12


def show() -> None:
    """Draw the page."""
    say = state.say()
    st.title(say(labels.HEALTH), anchor=False)
    rag = opened_rag(say)
    with st.container(horizontal=True):
        is_asked = st.button(say(health_labels.CHECK), key=Key.CHECK, type="primary")
        is_deep = st.button(
            say(health_labels.DEEP_CHECK),
            key=Key.DEEP_CHECK,
            help=say(health_labels.DEEP_CHECK_HELP),
        )
    if is_asked or is_deep:
        _show_findings(rag, say, is_deep=is_deep)
        _show_models(say)
    _show_backup(rag, say)


def _show_findings(rag: Rag, say: Say, *, is_deep: bool) -> None:
    """Show what `ragapp doctor` finds."""
    try:
        with st.spinner(say(health_labels.CHECKING)):
            health = rag.health(is_deep=is_deep)
    except RagError as error:
        show_failure(error, say)
        return
    for problem in health.problems:
        st.error(render.plain(problem), icon=":material/error:")
    for warning in health.warnings:
        st.warning(render.plain(warning), icon=":material/warning:")
    if not health.problems:
        st.success(say(health_labels.NO_PROBLEMS), icon=":material/check:")
    headers = [say(health_labels.COLUMN_FACT), say(health_labels.COLUMN_VALUE)]
    render.table(headers, [list(fact) for fact in health.facts.items()])


def _show_models(say: Say) -> None:
    st.subheader(say(health_labels.MODELS), anchor=False)
    try:
        models, found = list_models(), recommend_models()
    except RagError as error:
        show_failure(error, say)
        return
    st.caption(say(health_labels.MODELS_HERE, n=len(models)))
    if models:
        headers = [
            say(health_labels.COLUMN_MODEL),
            say(health_labels.COLUMN_REVISION),
            say(health_labels.COLUMN_SIZE),
        ]
        rows = [[m.name, m.revision[:_SHORT], _gigabytes(m.n_bytes)] for m in models]
        render.table(headers, rows)
    st.caption(
        say(
            health_labels.MODELS_RECOMMENDED,
            memory=found.memory / _GB,
            gpu=found.gpu_memory / _GB,
            n=found.context_tokens,
        )
    )
    headers = [
        say(health_labels.COLUMN_MODEL),
        say(health_labels.COLUMN_VERDICT),
        say(health_labels.COLUMN_SIZE),
    ]
    rows = [
        [fit.model.name, _verdict(fit.verdict, say), _gigabytes(fit.n_bytes)] for fit in found.fits
    ]
    render.table(headers, rows)


def _show_backup(rag: Rag, say: Say) -> None:
    st.subheader(say(health_labels.BACKUP), anchor=False)
    path = st.text_input(
        say(health_labels.BACKUP_FILE), help=say(health_labels.BACKUP_HELP), key=Key.BACKUP_FILE
    )
    if not st.button(say(health_labels.BACKUP_DO), key=Key.BACKUP, disabled=not path.strip()):
        return
    try:
        with st.spinner(say(health_labels.CHECKING)):
            report = rag.backup(path.strip())
    except RagError as error:
        show_failure(error, say)
    else:
        numbers = {"n": report.n_documents, "size": report.n_bytes / 1e6}
        st.success(say(health_labels.BACKED_UP, **numbers), icon=":material/check:")
        render.note([report.path])


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / _GB:.1f}"


def _verdict(verdict: str, say: Say) -> str:
    known: Label | None = health_labels.VERDICTS.get(verdict)
    return verdict if known is None else say(known)


if __name__ == "__main__":
    show()
