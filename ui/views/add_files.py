"""Add files: uploads or a folder of this machine in, what became of each file out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ingest import IngestReport, Progress, ingest_paths
from ragapp import Rag, RagError
from ui import labels, pages, render, state
from ui.keys import Key
from ui.labels import Say
from ui.launch import MAX_UPLOAD_MB
from ui.outcomes import COLUMNS, outcome_counts, outcome_findings, outcome_row
from ui.uploads import collection_folder, save_upload, shown_source
from ui.views.failing import show_failure
from ui.views.opening import opened_rag


def show() -> None:
    """Draw the page."""
    say = state.say()
    st.title(say(labels.ADD_FILES), anchor=False)
    rag = opened_rag(say)
    _uploads(rag, say)
    _folder(rag, say)
    report = state.report()
    if report is not None:
        _show_report(report, rag, say)


def _uploads(rag: Rag, say: Say) -> None:
    files = st.file_uploader(
        say(labels.UPLOAD),
        accept_multiple_files=True,
        key=state.upload_key(),
    )
    st.caption(say(labels.UPLOAD_HELP, n=MAX_UPLOAD_MB))
    if st.button(
        say(labels.ADD_UPLOADS), disabled=not files, type="primary", icon=":material/upload_file:"
    ):
        folder = collection_folder(rag)
        _run(rag, lambda: [save_upload(folder, file.name, file.getvalue()) for file in files], say)


def _folder(rag: Rag, say: Say) -> None:
    typed = st.text_input(say(labels.FOLDER), key=Key.FOLDER)
    st.caption(say(labels.FOLDER_HELP))
    if st.button(say(labels.ADD_FOLDER), icon=":material/drive_folder_upload:"):
        path = typed.strip()
        if path:
            _run(rag, lambda: [_expanded(path)], say)
        else:
            st.warning(say(labels.FOLDER_MISSING), icon=":material/edit:")


def _expanded(path: str) -> Path:
    """Return the path with the home folder in place of `~`, which stays where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _run(rag: Rag, paths: Callable[[], Sequence[Path]], say: Say) -> None:
    """Ingest with a progress bar, keep the report and draw the page anew; or say what failed."""
    bar = st.progress(0.0, text=say(labels.STARTING))
    latest = st.empty()

    def advance(progress: Progress) -> None:
        done, total = progress.done, progress.total
        if progress.eta_s is None:
            bar.progress(done / total, text=say(labels.READING, done=done, total=total))
        else:
            numbers = {"rate": progress.bytes_per_s / 1e6, "seconds": round(progress.eta_s)}
            shown = {"done": done, "total": total, **numbers}
            bar.progress(done / total, text=say(labels.READING_AT_RATE, **shown))
        name = shown_source(progress.latest.path, collection_folder(rag))
        render.note([name], slot=latest)

    try:
        report = ingest_paths(rag, paths(), on_progress=advance)
    except (RagError, OSError) as error:
        bar.empty()
        show_failure(error, say)
        return
    state.keep_report(report)
    st.rerun()


def _show_report(report: IngestReport, rag: Rag, say: Say) -> None:
    st.subheader(say(labels.OUTCOMES), anchor=False)
    if not report.outcomes:
        st.info(say(labels.NO_FILES), icon=":material/info:")
        return
    render.note(outcome_counts(report, say))
    folder = collection_folder(rag)
    for line in outcome_findings(report, collection=folder, say=say):
        render.note([line])
    rows = [outcome_row(outcome, collection=folder, say=say) for outcome in report.outcomes]
    render.table([say(column) for column in COLUMNS], rows)
    st.page_link(pages.ASK.path, label=say(labels.GO_TO_ASK), icon=pages.ASK.icon)


if __name__ == "__main__":
    show()
