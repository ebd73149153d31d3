"""The engine behind a server: what is sent, what comes back, and every way in which it fails."""

import os
import subprocess
import sys
import time
from threading import Event

import httpx
import pytest

from ragapp.errors import ContextTooSmallError, ModelError, ModelNotFoundError, SettingsError
from ragapp.language_models import exchange
from ragapp.language_models.openai import OpenAIModel
from ragapp.types import GenerationOptions, Message, Span
from tests.chat_server import ChatServer
from tests.tiny_llama import save_tiny_llama

QUESTION = [Message.of("user", "When does the dome open? 圆顶何时打开？")]


@pytest.fixture(autouse=True)
def short_delays(monkeypatch):
    monkeypatch.setattr(exchange, "_FIRST_DELAY_S", 0.001)


def asked(model, messages=QUESTION, *, cancelled=None, **options):
    options = GenerationOptions(**{"max_new_tokens": 200, **options})
    return list(model.stream(messages, options=options, cancelled=cancelled or Event()))


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def test_the_answer_comes_in_pieces_with_the_servers_counts():
    with ChatServer() as server:
        *pieces, last = asked(OpenAIModel("told", base_url=server.base_url))
    n = len(QUESTION[0].text)
    assert text_of(pieces) == QUESTION[0].text
    assert len(pieces) == n
    assert (last.usage.prompt_tokens, last.usage.cached_tokens, last.usage.new_tokens) == (n, 3, n)


def test_the_only_model_served_needs_no_name():
    with ChatServer() as server:
        model = OpenAIModel(base_url=server.base_url)
        asked(model)
        assert server.asked[0]["model"] == "told"
        assert model.context_tokens == 4096


@pytest.mark.parametrize(
    ("entry", "tokens"),
    [({"meta": {"n_ctx_train": 2048}}, 2048), ({}, 8192), ({"max_model_len": None}, 8192)],
)
def test_the_context_is_what_the_server_says_of_the_model(entry, tokens):
    with ChatServer(models={"data": [{"id": "told", **entry}]}) as server:
        assert OpenAIModel("told", base_url=server.base_url).context_tokens == tokens


def test_the_key_goes_with_each_request():
    with ChatServer() as server:
        asked(OpenAIModel("told", base_url=server.base_url, api_key="s3cret"))
        assert server.headers[0]["Authorization"] == "Bearer s3cret"


def test_options_reach_the_server():
    with ChatServer() as server:
        model = OpenAIModel("told", base_url=server.base_url)
        asked(model, temperature=0.5, top_p=0.9, top_k=7, seed=3, stop=("\n\n",))
        sent = server.asked[0]
    wanted = {"temperature": 0.5, "top_p": 0.9, "top_k": 7, "seed": 3, "stop": ["\n\n"]}
    assert {name: sent[name] for name in wanted} == wanted


def test_options_that_not_every_server_knows_are_sent_when_they_are_set():
    keys = {"min_p", "repetition_penalty", "repeat_penalty", "logprobs"}
    with ChatServer() as server:
        model = OpenAIModel("told", base_url=server.base_url)
        asked(model, temperature=0.5)
        asked(model, temperature=0.5, min_p=0.1, repetition_penalty=1.3, has_logprobs=True)
        plain, chosen = server.asked
    assert not keys & set(plain)
    assert {key: chosen[key] for key in keys} == {
        "min_p": 0.1, "repetition_penalty": 1.3, "repeat_penalty": 1.3, "logprobs": True,
    }  # fmt: skip


def test_logprobs_that_the_server_sends_are_told():
    with ChatServer() as server:
        *_, last = asked(OpenAIModel("told", base_url=server.base_url), has_logprobs=True)
    assert last.logprobs == (-0.5,) * len(QUESTION[0].text)


def test_logprobs_that_the_server_does_not_send_are_none():
    def bare(handler):
        handler.begin()
        handler.delta("at dusk")
        handler.event("[DONE]")

    with ChatServer(bare) as server:
        *_, last = asked(OpenAIModel("told", base_url=server.base_url), has_logprobs=True)
    assert last.logprobs is None


def test_an_answer_ends_when_its_time_is_over_though_the_server_is_silent():
    def stall(handler):
        handler.begin()
        handler.delta("The")
        handler.server.may_go_on.wait(30)

    with ChatServer(stall) as server:
        model = OpenAIModel("told", base_url=server.base_url)
        start = time.monotonic()
        *pieces, last = asked(model, timeout_s=0.3)
        taken_s = time.monotonic() - start
    assert (text_of(pieces), last.finish_reason) == ("The", "timeout")
    assert taken_s < 5.0


def test_a_stop_string_never_shows_though_the_server_ignores_it():
    with ChatServer() as server:
        model = OpenAIModel("told", base_url=server.base_url)
        pieces = asked(model, [Message.of("user", "dusk. STOP dawn")], stop=(" STOP",))
    assert (text_of(pieces), pieces[-1].finish_reason) == ("dusk.", "stop")


@pytest.mark.parametrize(
    "token",
    ["<|im_end|>", "<|eot_id|>", "</s>", "<end_of_turn>", "[/INST]", "<<SYS>>", "<｜User｜>"],
)
def test_control_tokens_of_a_passage_are_broken_and_those_of_ours_are_not(token):
    spans = (Span("instruction", token), Span("passage", f"a {token} b", 1))
    with ChatServer() as server:
        asked(OpenAIModel("told", base_url=server.base_url), [Message("user", spans)])
        sent = server.asked[0]["messages"][0]["content"]
    assert sent.count(token) == 1
    assert sent.replace("\u200b", "") == f"{token}a {token} b"


def test_cancelling_leaves_a_server_that_is_silent():
    cancelled = Event()

    def stall(handler):
        handler.begin()
        handler.delta("The")
        handler.server.may_go_on.wait(30)
        for _ in range(1000):
            handler.delta(" dome")

    with ChatServer(stall) as server:
        model = OpenAIModel("told", base_url=server.base_url)
        stream = model.stream(QUESTION, options=GenerationOptions(), cancelled=cancelled)
        assert next(stream).text == "The"
        cancelled.set()
        start = time.monotonic()
        *_, last = stream
        assert time.monotonic() - start < 5.0
        server.may_go_on.set()
        assert server.was_left.wait(30)
    assert last.finish_reason == "cancelled"


def test_an_answer_left_early_is_left_by_the_connection_too():
    def endless(handler):
        handler.begin()
        while True:
            handler.delta("word ")

    with ChatServer(endless) as server:
        model = OpenAIModel("told", base_url=server.base_url)
        stream = model.stream(QUESTION, options=GenerationOptions(), cancelled=Event())
        next(stream)
        stream.close()
        assert server.was_left.wait(30)


def failing(status, value, **headers):
    return lambda handler: handler.send(status, value, **headers)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (failing(401, {}), ModelError, "refuses the key"),
        (failing(404, {"error": {"message": "no 'told'"}}), ModelNotFoundError, "no 'told'"),
        (
            failing(400, {"error": {"message": "maximum context length is 9 tokens"}}),
            ContextTooSmallError,
            "9 tokens",
        ),
        (failing(400, {"detail": "bad"}), ModelError, "status 400.*bad"),
        (failing(400, b"<html>\n nonsense </html>"), ModelError, "nonsense"),
        (failing(302, {}, Location="http://192.0.2.1/"), ModelError, "status 302"),
        (failing(503, {"error": "loading"}), ModelError, "is busy: loading"),
    ],
)
def test_what_the_server_refuses_is_said_in_a_line(reply, error, words):
    with ChatServer(reply) as server, pytest.raises(error, match=words) as raised:
        asked(OpenAIModel("told", base_url=server.base_url))
    assert "\n" not in str(raised.value)


def broken_json(handler):
    handler.begin()
    handler.event("{half")


def told_error(handler):
    handler.begin()
    handler.event({"error": {"message": "out of memory"}})


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.delta("half")


@pytest.mark.parametrize(
    ("reply", "words"),
    [(broken_json, "no JSON"), (told_error, "out of memory"), (cut, "broke off")],
)
def test_an_answer_that_breaks_off_is_an_error(reply, words):
    with ChatServer(reply) as server, pytest.raises(ModelError, match=words):
        asked(OpenAIModel("told", base_url=server.base_url))


def test_a_busy_server_is_asked_again():
    def busy_twice(handler):
        if len(handler.server.asked) < 3:
            handler.send(429, {}, Retry_After="0.01")
        else:
            handler.begin()
            handler.delta("at dusk")
            handler.event("[DONE]")

    with ChatServer(busy_twice) as server:
        pieces = asked(OpenAIModel("told", base_url=server.base_url))
        assert len(server.asked) == 3
    assert text_of(pieces) == "at dusk"


def test_a_cancelled_question_is_not_asked_again():
    cancelled = Event()

    def busy(handler):
        cancelled.set()
        handler.send(503, {}, Retry_After="60")

    with ChatServer(busy) as server:
        pieces = asked(OpenAIModel("told", base_url=server.base_url), cancelled=cancelled)
        assert len(server.asked) == 1
    assert pieces[-1].finish_reason == "cancelled"


def test_a_silent_server_is_given_up_after_the_time_set():
    with (
        ChatServer(lambda handler: handler.server.may_go_on.wait(30)) as server,
        pytest.raises(ModelError, match=r"silent for 0\.2 s"),
    ):
        asked(OpenAIModel("told", base_url=server.base_url, timeout_s=0.2))


def test_no_server_is_an_error_with_what_to_do():
    with ChatServer() as server:
        address = server.base_url
    with pytest.raises(ModelError, match="no server answers") as raised:
        asked(OpenAIModel("told", base_url=address))
    assert "vllm serve" in raised.value.hint


@pytest.mark.parametrize(
    "address", ["localhost:1/v1", "ftp://localhost/v1", "http://", "http://a:b/", "nonsense"]
)
def test_what_is_no_address_is_said_so(address):
    with pytest.raises(SettingsError, match="base_url"):
        OpenAIModel("told", base_url=address)


@pytest.mark.parametrize(("model", "words"), [("other", "does not serve"), ("", "serves 2 models")])
def test_a_model_that_is_not_served_is_refused_with_those_that_are(model, words):
    with (
        ChatServer(models={"data": [{"id": "a"}, {"id": "b"}]}) as server,
        pytest.raises(ModelNotFoundError, match=words) as raised,
    ):
        OpenAIModel(model, base_url=server.base_url).context_tokens  # noqa: B018
    assert raised.value.hint == "set model to one of: a, b"


@pytest.mark.slow
def test_transformers_own_server_answers(tmp_path):
    for package in ("accelerate", "fastapi", "uvicorn"):
        pytest.importorskip(package, reason="transformers serve needs it")
    folder = save_tiny_llama(tmp_path / "model")
    port = "18237"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen([*command, "--port", port, "--device", "cpu"], env=environment) as server:
        try:
            model = OpenAIModel(str(folder), base_url=f"http://localhost:{port}/v1")
            wait_for(f"http://localhost:{port}/health", server)
            pieces = asked(model, max_new_tokens=12)
        finally:
            server.terminate()
    assert pieces[-1].finish_reason in ("stop", "length")
    assert pieces[-1].usage.prompt_tokens > 0


def wait_for(address, server):
    """Return once the server answers; fail when it ends or is silent for two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(address, timeout=1).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail("the server did not begin to answer")
