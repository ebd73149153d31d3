"""The page run by Streamlit's own test driver, and what a test looks at."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import ui.app
from ragapp import RagError
from ui import labels, state

APP = ui.app.__file__
TIMEOUT_S = 60
ENGLISH = (
    "# Harbour rules\n\nThe harbour office opens at seven in the morning.\n\n"
    "Boats longer than twenty metres need a pilot.\n"
)
CHINESE = "# 港口须知\n\n港务处每天早上七点开门。\n\n长度超过二十米的船只必须由引航员引导。\n"

# Streamlit reads the metadata of all installed packages for each AppTest: most of a test's time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@contextmanager
def opening(monkeypatch):
    """Give a function that points the page at a collection; the last one is closed at the end."""

    def use(folder):
        monkeypatch.setenv("RAGAPP_COLLECTION", str(folder))
        monkeypatch.setenv("RAGAPP_ENGINE", "extractive")
        state.rag.clear()
        return folder

    yield use
    with suppress(RagError):
        state.rag().close()
    state.rag.clear()


def page(path="views/ask.py", language="en"):
    app = AppTest.from_file(APP, default_timeout=TIMEOUT_S)
    app.context = {"locale": "zh-CN" if language == "zh" else "en-GB"}
    app.run()
    if path != "views/ask.py":
        app.switch_page(path).run()
    assert not app.exception
    return app


def shown(app):
    """Return the HTML on the page, the style sheet left out."""
    bodies = [element.proto.body for element in app.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def button(app, label):
    return next(found for found in app.button if found.label in (label.en, label.zh))


def clicked(app, label):
    return button(app, label).click().run()


def say(language):
    return labels.say_in(language)
