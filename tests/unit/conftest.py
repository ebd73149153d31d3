"""The collection on which the pages are tried; what it needs is loaded by the tests that use it."""

import shutil

import pytest

from ragapp import open_rag


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
    from page_driver import opening

    with opening(monkeypatch) as use:
        yield use


@pytest.fixture
def collection(harbour, opened, tmp_path):
    """A copy of the filled collection of this test's own."""
    return opened(shutil.copytree(harbour / "collection", tmp_path / "collection"))
