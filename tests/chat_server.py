"""A server of OpenAI's chat completions, in a thread: it recites the passages that it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Reply = Callable[["Handler"], None]


class ChatServer(ThreadingHTTPServer):
    """Answers by `reply`; keeps what it was asked, and whether the client left an answer."""

    daemon_threads = True

    def __init__(self, reply: Reply | None = None, *, models: Any = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply or recite
        self.models = models or {"data": [{"id": "told", "max_model_len": 4096}]}
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.was_left = Event()
        self.may_go_on = Event()
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __exit__(self, *_: object) -> None:
        self.may_go_on.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send(200, self.server.models)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(content))
        self.server.headers.append(dict(self.headers))
        try:
            self.server.reply(self)
        except OSError:
            self.server.was_left.set()

    def send(self, status: int, value: Any, **headers: str) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, held in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), held)
        self.end_headers()
        self.wfile.write(content)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def event(self, value: Any) -> None:
        data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def delta(
        self, text: str, *, finish_reason: str | None = None, logprob: float | None = None
    ) -> None:
        choice: dict[str, Any] = {"delta": {"content": text}, "finish_reason": finish_reason}
        if logprob is not None:
            choice["logprobs"] = {"content": [{"token": text, "logprob": logprob}]}
        self.event({"choices": [choice]})


def recite(handler: Handler) -> None:
    """Stream the last message back, a character at a time, up to max_tokens of them."""
    asked = handler.server.asked[-1]
    text = asked["messages"][-1]["content"]
    sent = text[: asked["max_tokens"]]
    handler.begin()
    logprob = -0.5 if asked.get("logprobs") else None
    for character in sent:
        handler.delta(character, logprob=logprob)
    handler.delta("", finish_reason="stop" if sent == text else "length")
    details = {"cached_tokens": 3}
    usage = {
        "prompt_tokens": len(text),
        "completion_tokens": len(sent),
        "prompt_tokens_details": details,
    }
    handler.event({"choices": [], "usage": usage})
    handler.event("[DONE]")


@cache
def reciting_server() -> str:
    """Return the address of a server that runs as long as the tests do."""
    return ChatServer().base_url
