"""Library: what the collection holds; a document opened, read and removed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ragapp import Rag, RagError
from ui import labels, render, state
from ui.keys import Key
from ui.labels import Say
from ui.listing import Row, matching, rows_of, told_apart
from ui.uploads import collection_folder, delete_uploads
from ui.views.failing import show_failure
from ui.views.opening import lead_to_adding, opened_rag

_PART_CHARACTERS = 20_000


def show() -> None:
    """Draw the page."""
    say = state.say()
    st.title(say(labels.LIBRARY), anchor=False)
    rag = opened_rag(say)
    notice = state.take_notice()
    if notice:
        st.success(render.plain(notice), icon=":material/check:")
    rows = rows_of(rag.documents(), collection=collection_folder(rag))
    if not rows:
        lead_to_adding(say)
        return
    found = _filtered(rows, say)
    if found:
        _show_table(found, say)
        _show_opened(rag, found, say)


def _filtered(rows: Sequence[Row], say: Say) -> list[Row]:
    typed = st.text_input(say(labels.FILTER), key=Key.FILTER)
    found = matching(rows, typed)
    if not found:
        st.info(say(labels.NO_MATCH), icon=":material/search_off:")
    elif len(found) < len(rows):
        st.caption(say(labels.FILTERED_COUNT, n=len(found), total=len(rows)))
    else:
        st.caption(say(labels.DOCUMENT_COUNT, n=len(rows)))
    return found


def _show_table(rows: Sequence[Row], say: Say) -> None:
    """Show the documents; a click on a row opens one. Cells are plain text to Streamlit."""

    def open_chosen() -> None:
        row = state.chosen_row()
        state.open_document(rows[row].id if row is not None and row < len(rows) else None)

    st.dataframe(
        [row.cells(say) for row in rows],
        hide_index=True,
        placeholder="",
        column_config={say(labels.COLUMN_TITLE): st.column_config.Column(width="medium")},
        key=Key.TABLE,
        on_select=open_chosen,
        selection_mode="single-row",
    )


def _show_opened(rag: Rag, rows: Sequence[Row], say: Say) -> None:
    by_id = {row.id: row for row in rows}
    if state.opened_document() not in by_id:
        state.open_document(None)
    names = told_apart({row.id: row.name for row in rows})
    chosen = st.selectbox(
        say(labels.OPEN_DOCUMENT),
        list(by_id),
        index=None,
        format_func=names.__getitem__,
        placeholder=say(labels.CHOOSE_DOCUMENT),
        key=Key.OPENED,
    )
    if chosen is not None:
        _show_document(rag, by_id[chosen], say)


def _show_document(rag: Rag, row: Row, say: Say) -> None:
    render.heading(row.title)
    render.note(list(row.sources))
    if row.near_duplicates:
        render.note([say(labels.COLUMN_NEAR), *row.near_duplicates])
    if row.revisions:
        render.note([say(labels.COLUMN_REVISIONS), *row.revisions])
    _removal(rag, row, say)
    try:
        text = rag.document(row.id).text
    except RagError as error:
        show_failure(error, say)
        return
    n_parts = -(-len(text) // _PART_CHARACTERS)
    part = 1
    if n_parts > 1:
        part = st.number_input(say(labels.PART, n=n_parts), 1, n_parts, key=f"{Key.PART}-{row.id}")
    begin = (part - 1) * _PART_CHARACTERS
    render.document(text[begin : begin + _PART_CHARACTERS], language=row.language)


def _removal(rag: Rag, row: Row, say: Say) -> None:
    """Offer to remove the document; the first click asks, the second removes."""
    if not state.is_removing(row.id):
        st.button(
            say(labels.REMOVE),
            icon=":material/delete:",
            on_click=state.ask_to_remove,
            args=(row.id,),
        )
        return
    st.warning(say(labels.REMOVE_QUESTION), icon=":material/warning:")
    with st.container(horizontal=True):
        is_sure = st.button(say(labels.REMOVE_YES), type="primary", icon=":material/delete:")
        st.button(say(labels.REMOVE_NO), on_click=state.ask_to_remove, args=(None,))
    if is_sure:
        _remove(rag, row, say)


def _remove(rag: Rag, row: Row, say: Say) -> None:
    try:
        sources = rag.remove(row.id)
        held = [source for info in rag.documents() for source in info.sources]
        delete_uploads(sources, collection_folder(rag), held=held)
    except (RagError, OSError) as error:
        show_failure(error, say)
        return
    state.ask_to_remove(None)
    state.leave_notice(say(labels.REMOVED))
    st.rerun()


if __name__ == "__main__":
    show()
