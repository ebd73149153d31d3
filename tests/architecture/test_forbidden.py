"""Nothing is unpickled, evaluated or run from data, and nothing prints but the printers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ragapp", "ingest", "ui")
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RAW_HTML = ("ui/render.py", "ui/markup.py")

FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "print",
    "yaml.load",
    "yaml.unsafe_load",
    "torch.load",
    "os.system",
    "os.popen",
}
FORBIDDEN_ARGUMENTS = {
    "allow_dangerous_deserialization",
    "allow_pickle",
    "trust_remote_code",
    "shell",
}


def found_in(source: str, name: str) -> Iterator[str]:
    """Yield what is forbidden in a module's source, each with its line."""
    for node in ast.walk(ast.parse(source)):
        for finding in _findings(node, name):
            yield f"{name}:{getattr(node, 'lineno', 0)} {finding}"


def _findings(node: ast.AST, name: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names if a.name.split(".")[0] in UNPICKLERS)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
        yield str(node.module)
    elif isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called in FORBIDDEN_CALLS:
            yield called
        yield from _arguments(node, name)


def _arguments(node: ast.Call, name: str) -> Iterator[str]:
    for keyword in node.keywords:
        is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg in FORBIDDEN_ARGUMENTS and not is_off:
            yield f"{keyword.arg}="
        if keyword.arg == "unsafe_allow_html" and name not in RAW_HTML:
            yield "unsafe_allow_html="


def test_nothing_forbidden_is_in_the_packages():
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    found = [
        finding
        for path in paths
        for finding in found_in(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "eval(text)",
        "exec(text)",
        "print(text)",
        "yaml.load(text)",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "FAISS.load_local(path, allow_dangerous_deserialization=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=setting)",
        "subprocess.run(line, shell=True)",
        "st.markdown(text, unsafe_allow_html=True)",
    ],
)
def test_the_search_finds(source):
    assert list(found_in(source, "ui/views/ask.py"))
