"""`ragapp models` against a hub on this machine: nothing leaves it."""

import json
import os
import subprocess
import sys

import pytest

from tests.hub_server import COMMIT, HubServer
from tests.tiny_llama import save_tiny_llama


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = save_tiny_llama(tmp_path_factory.mktemp("model"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["pytorch_model.bin"] = b"never taken"
    pickled = {"config.json": b"{}", "pytorch_model.bin": b"never taken"}
    with HubServer({"tiny/llama": files, "tiny/pickle": pickled}) as server:
        yield server


@pytest.fixture
def run(hub, tmp_path):
    """Return a function that runs the command line with an empty cache and this hub."""

    def command(*arguments, **variables):
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))},
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "hub"),
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-c", "from ui.cli import main; main()", "models", *arguments],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return command


def test_a_model_is_downloaded_listed_and_removed(run, hub):
    pulled = run("pull", "tiny/llama", "--json")
    assert pulled.returncode == 0, pulled.stderr
    model = json.loads(pulled.stdout)
    assert (model["name"], model["revision"], model["is_loadable"]) == ("tiny/llama", COMMIT, True)
    assert "pytorch_model.bin" not in hub.sent
    (listed,) = json.loads(run("list", "--json").stdout)["models"]
    assert (listed["name"], listed["revision"]) == ("tiny/llama", COMMIT)
    assert json.loads(run("remove", "tiny/llama@c0ffee", "--json").stdout)["bytes"] > 0
    assert json.loads(run("list", "--json").stdout)["models"] == []


def test_what_was_downloaded_is_not_downloaded_again(run, hub):
    run("pull", "tiny/llama")
    hub.sent.clear()
    assert run("pull", f"tiny/llama@{COMMIT}").returncode == 0
    assert hub.sent == []


def test_a_download_says_how_to_keep_to_its_revision(run):
    assert f"model = 'tiny/llama@{COMMIT[:12]}'" in run("pull", "tiny/llama").stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        (["pull", "tiny/pickle"], {}, 1, "no weights as safetensors"),
        (["pull", "tiny/absent"], {}, 1, "the hub has no model 'tiny/absent'"),
        (["pull", "not a name"], {}, 2, "is no model's name"),
        (["pull", "tiny/llama"], {"HF_HUB_OFFLINE": "1"}, 1, "HF_HUB_OFFLINE is set"),
        (["pull", "tiny/llama"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, 1, "cannot be downloaded"),
        (["remove", "tiny/absent"], {}, 1, "is not in the cache"),
        (["recommend", "--context", "99999999"], {}, 2, "is no model's"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, variables, code, words):
    result = run(*arguments, **variables)
    assert result.returncode == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
