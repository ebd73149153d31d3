"""What every test stands on: an environment of its own, and the embedded model loaded once."""

import os
from itertools import count

import pytest
from hypothesis import settings

from ragapp.embedders.model_files import EMBEDDED_NAME
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder

settings.register_profile("tests", deadline=None, database=None, derandomize=True)
settings.load_profile("tests")
_numbers = count()


@pytest.fixture(scope="session", autouse=True)
def isolated_session(tmp_path_factory):
    """Hide the user's settings and folders from fixtures that outlive a test."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, tmp_path_factory.getbasetemp())
        yield


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path_factory):
    """Give each test a home of its own."""
    isolate(monkeypatch, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def embedder():
    """The embedded model; its weights load at the first embedding."""
    return SentenceTransformersEmbedder(EMBEDDED_NAME, device="cpu")


@pytest.fixture(scope="module")
def one_thread():
    """Compute on one core: of tiny matrices, a second one only waits."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def isolate(monkeypatch, folder):
    home = folder / "homes" / str(next(_numbers))
    home.mkdir(parents=True)
    for name in [name for name in os.environ if name.upper().startswith("RAGAPP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
