"""The collection on which the pages are tried; what it needs is loaded by the tests that use it."""

import shutil
from contextlib import suppress

import pytest

from ragapp import RagError, open_rag


@pytest.fixture(scope="session")
def harbour(tmp_path_factory):
    """A folder with two documents ingested, one in each language."""
    from page_driver import CHINESE, ENGLISH

    from ingest import ingest_paths

    root = tmp_path_factory.mktemp("pages")
    (root / "harbour.md").write_text(ENGLISH, encoding="utf-8")
    (root / "港口.md").write_text(CHINESE, encoding="utf-8")
    with open_rag(root / "collection") as rag:
        ingest_paths(rag, [root / "harbour.md", root / "港口.md"])
    return root


@pytest.fixture
def opened(monkeypatch):
    """Return a function that points the page at a collection."""
    from ui import state

    def use(folder):
        monkeypatch.setenv("RAGAPP_COLLECTION", str(folder))
        monkeypatch.setenv("RAGAPP_ENGINE", "extractive")
        state.rag.clear()
        return folder

    yield use
    with suppress(RagError):
        state.rag().close()
    state.rag.clear()


@pytest.fixture
def collection(harbour, opened, tmp_path):
    """A copy of the filled collection of this test's own."""
    return opened(shutil.copytree(harbour / "collection", tmp_path / "collection"))
