"""The page: language, navigation, and the view that is asked for.

Streamlit runs this file anew at every interaction; `ui.launch` starts it.
"""

from __future__ import annotations

import streamlit as st

from ui import render, state
from ui.keys import Key
from ui.labels import LANGUAGE_NAMES, LANGUAGE_SELECTOR
from ui.pages import PAGES

# A favicon of the material set would be fetched from another host.
_ICON = "📖"


def main() -> None:
    """Draw the frame and run the view."""
    st.set_page_config(page_title="ragapp", page_icon=_ICON)
    state.language()
    with st.sidebar:
        st.selectbox(
            LANGUAGE_SELECTOR,
            list(LANGUAGE_NAMES),
            format_func=LANGUAGE_NAMES.__getitem__,
            key=Key.LANGUAGE,
        )
    say = state.say()
    render.style(say)
    pages = [
        st.Page(
            page.path,
            title=say(page.title),
            icon=page.icon,
            url_path=page.slug,
            default=page is PAGES[0],
        )
        for page in PAGES
    ]
    selected = st.navigation(pages)
    is_wide = any(page.is_wide and page.slug == selected.url_path for page in PAGES)
    st.set_page_config(layout="wide" if is_wide else "centered")
    state.keep_language_in_address()
    selected.run()


if __name__ == "__main__":
    main()
