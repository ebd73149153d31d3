import shutil
import socket

import pytest
from huggingface_hub import constants

from ragapp.errors import ModelNotFoundError
from ragapp.generation.locating import find_model


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def save_fake_model(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_a_folder_is_found(tmp_path):
    folder = save_fake_model(tmp_path / "model")
    assert find_model(str(folder)) == folder


def test_a_downloaded_revision_main_is_found_by_its_hub_name(hub_cache):
    repository = hub_cache / "models--some--model"
    folder = save_fake_model(repository / "snapshots" / "abc")
    save_fake_model(repository / "snapshots" / "zzz")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert find_model("some/model") == folder


def test_a_download_of_another_revision_is_found_by_its_hub_name(hub_cache):
    folder = save_fake_model(hub_cache / "models--some--model" / "snapshots" / "abc")
    assert find_model("some/model") == folder


@pytest.mark.parametrize("name", ["some/model", "model", "/no/such/folder", "a/b/c", "", "a--b/c"])
def test_an_absent_model_names_the_setting(hub_cache, name):
    with pytest.raises(ModelNotFoundError) as caught:
        find_model(name)
    assert repr(name) in caught.value.message
    assert "RAGAPP_MODEL=/path/to/model" in caught.value.hint


def test_an_absent_hub_name_comes_with_the_command_that_downloads_it(hub_cache):
    with pytest.raises(ModelNotFoundError) as caught:
        find_model("some/model")
    assert "ragapp models pull some/model" in caught.value.hint


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_folder_says_what_is_missing(tmp_path, missing):
    folder = save_fake_model(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(ModelNotFoundError, match=missing.replace("model.", "")):
        find_model(str(folder))


def test_pickled_weights_are_not_weights(tmp_path):
    folder = save_fake_model(tmp_path / "model")
    shutil.move(folder / "model.safetensors", folder / "pytorch_model.bin")
    with pytest.raises(ModelNotFoundError, match="safetensors"):
        find_model(str(folder))
