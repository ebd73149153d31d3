"""No module but `ui.render` can put untrusted text on the screen."""

import ast
import re
from pathlib import Path

import pytest

import ui

ROOT = Path(ui.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if "cli" not in path.parts]
VIEWS = [path for path in FILES if path.name != "render.py"]
READING = {"markdown", "write", "write_stream", "html", "latex", "iframe", "echo", "json", "help"}
LABELLED = {
    *("title", "header", "subheader", "caption", "text", "code", "badge", "button", "link_button"),
    *("error", "warning", "info", "success", "toast", "exception", "spinner", "status", "progress"),
    *("expander", "tabs", "popover", "dialog", "radio", "pills", "segmented_control", "metric"),
    *("checkbox", "toggle", "selectbox", "multiselect", "text_input", "text_area", "number_input"),
    *("chat_input", "file_uploader", "download_button", "dataframe", "page_link", "form", "empty"),
}
CONSTANTS = {"LANGUAGE_SELECTOR"}


def calls(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def is_streamlits(call):
    return isinstance(call.func, ast.Attribute) and not (
        isinstance(call.func.value, ast.Name) and call.func.value.id in {"render", "state", "file"}
    )


def is_ours(node):
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id in CONSTANTS
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"say", "render.plain"}


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.name)
def test_only_render_gives_html_and_markdown_to_streamlit(path):
    used = {name_of(call) for call in calls(path) if is_streamlits(call)}

    assert not used & READING
    assert "unsafe_allow" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.name)
def test_labels_of_elements_are_our_own_texts(path):
    shown = [call for call in calls(path) if is_streamlits(call) and name_of(call) in LABELLED]
    texts = [call.args[0] for call in shown if call.args and name_of(call) not in {"dataframe"}]
    texts += [
        keyword.value
        for call in shown
        for keyword in call.keywords
        if keyword.arg in {"label", "text", "help", "placeholder", "body"}
    ]
    wrong = [
        ast.unparse(text)
        for text in texts
        if not is_ours(text) and not re.match(r"done / total|pages\.\w+\.path", ast.unparse(text))
    ]

    assert wrong == []


def test_render_never_switches_sanitising_off():
    text = (ROOT / "render.py").read_text(encoding="utf-8")

    assert "unsafe_allow" not in text
    assert "components" not in text


def test_every_html_that_render_shows_comes_from_markup():
    bodies = [
        ast.unparse(call.args[0]) for call in calls(ROOT / "render.py") if name_of(call) == "html"
    ]

    assert bodies
    for body in bodies:
        assert re.search(r"markup\.|_STYLE_SHEET|^body$|title}{body}", body), body


def test_views_do_not_import_below_the_package_roots():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not re.match(r"(ragapp|ingest)\.", node.module or "")
