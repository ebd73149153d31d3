"""One streamed answer of an HTTP server, with retries, that can be given up at any moment.

Used by `openai`. The request runs in a thread of its own: a server may be silent for a minute while
it reads a long prompt, and whoever waits must be able to leave at once. Leaving shuts the
connection down, by which the server learns that its answer is not wanted.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import httpx

from ragapp.errors import ContextTooSmallError, ModelError, ModelNotFoundError, SettingsError

_CONNECT_TIMEOUT_S = 5.0
_POLL_S = 0.02
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 20.0
_N_TRIES = 4
_BUSY = {429, 500, 502, 503, 504}
_MAX_REASON = 200
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _BusyServerError(ModelError):
    """A server that may answer if asked again after `delay_s` seconds, 0 for a time of ours."""

    def __init__(self, message: str, *, hint: str = "", delay_s: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.delay_s = delay_s


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server under `base_url`, which ends in /v1 as a rule.

    `timeout_s` bounds each silence of the server. The key goes to this server alone: redirections
    are not followed, and a server on this machine is never asked through a proxy.
    """

    base_url: str
    api_key: str = ""
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        """Check the address. Raises SettingsError."""
        if not _is_address(self.base_url):
            raise SettingsError(
                f"base_url = {self.base_url!r} is no address of a server",
                hint="write it like http://localhost:8000/v1",
            )

    def get(self, path: str) -> Any:
        """Return the JSON that the server has at `path`. Raises ModelError."""
        with self._client() as client:
            try:
                response = client.get(path)
                self._check(response)
                return response.json()
            except httpx.HTTPError as error:
                raise self._translated(error) from error
            except ValueError as error:
                raise ModelError(f"{self.base_url}{path} gives no JSON") from error

    def events(
        self, path: str, body: Mapping[str, Any], *, cancelled: Event
    ) -> Iterator[dict[str, Any]]:
        """Yield the JSON of each server-sent event that answers `body`, until "[DONE]".

        Ends early once `cancelled` is set. A busy or unreachable server is asked again, at most
        four times in all, after growing random delays, as long as nothing came. Raises ModelError.
        """
        for attempt in range(1, _N_TRIES + 1):
            try:
                yield from self._attempt(path, body, cancelled)
                return
            except _BusyServerError as error:
                if attempt == _N_TRIES:
                    raise
                delay_s = error.delay_s or _delay_s(attempt)
            if cancelled.wait(min(delay_s, _LONGEST_DELAY_S)):
                return

    def _attempt(
        self, path: str, body: Mapping[str, Any], cancelled: Event
    ) -> Iterator[dict[str, Any]]:
        exchange = _Exchange(self, path, body)
        try:
            for line in exchange.lines(cancelled):
                data = line.removeprefix("data:").strip()
                if data == "[DONE]":
                    return
                if line.startswith("data:") and data:
                    yield self._event(data)
        finally:
            exchange.leave()

    def _event(self, data: str) -> dict[str, Any]:
        try:
            event: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise ModelError(f"{self.base_url} sends what is no JSON: {data[:80]!r}") from error
        if "error" in event:
            raise ModelError(f"{self.base_url} broke off its answer: {_reason(event)}")
        return event

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return httpx.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=httpx.Timeout(self.timeout_s, connect=_CONNECT_TIMEOUT_S),
            trust_env=urlsplit(self.base_url).hostname not in _LOOPBACK,
        )

    def _check(self, response: httpx.Response) -> None:
        """Raise the error that a response's status stands for, none for a success."""
        if response.is_success:
            return
        status, reason = response.status_code, _reason_of(response)
        if status in (401, 403):
            raise ModelError(
                f"{self.base_url} refuses the key (status {status})",
                hint="set RAGAPP_API_KEY to a key of this server",
            )
        if status == 404:
            raise ModelNotFoundError(
                f"{self.base_url} does not serve what was asked for: {reason}",
                hint="set model to one that it serves, and base_url to its address up to /v1",
            )
        if status in _BUSY:
            hint = "ask again later"
            delay_s = _seconds(response.headers.get("retry-after", ""))
            raise _BusyServerError(f"{self.base_url} is busy: {reason}", hint=hint, delay_s=delay_s)
        if "context" in reason.lower() and "length" in reason.lower():
            raise ContextTooSmallError(
                f"the prompt does not fit into the model that {self.base_url} serves: {reason}",
                hint="ask with fewer passages or a smaller max_new_tokens",
            )
        raise ModelError(f"{self.base_url} refuses the request (status {status}): {reason}")

    def _translated(self, error: Exception) -> ModelError:
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return _BusyServerError(
                f"no server answers at {self.base_url}",
                hint="start one, for instance: vllm serve MODEL --port 8000; or set base_url",
            )
        if isinstance(error, httpx.TimeoutException):
            return ModelError(
                f"{self.base_url} was silent for {self.timeout_s:g} s",
                hint="raise server_timeout_s, or ask with fewer passages",
            )
        return ModelError(f"{self.base_url} broke off its answer: {type(error).__name__}")


class _Exchange:
    """A request under way in a thread, and the connection to shut down when it is left."""

    def __init__(self, server: Server, path: str, body: Mapping[str, Any]) -> None:
        self._server = server
        self._lines: Queue[str | Exception | None] = Queue()
        self._socket: socket.socket | None = None
        self._is_left = False
        Thread(target=self._run, args=(path, body), daemon=True).start()

    def lines(self, cancelled: Event) -> Iterator[str]:
        """Yield the lines of the answer. Raises ModelError."""
        while not cancelled.is_set():
            try:
                line = self._lines.get(timeout=_POLL_S)
            except Empty:
                continue
            if line is None:
                return
            if isinstance(line, Exception):
                raise line
            yield line

    def leave(self) -> None:
        """Shut the connection down, whatever the thread is waiting for."""
        self._is_left = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _run(self, path: str, body: Mapping[str, Any]) -> None:
        end: Exception | None = None
        try:
            self._ask(path, body)
        except ModelError as error:
            end = error
        except (httpx.HTTPError, OSError, ValueError) as error:
            end = self._server._translated(error)
        self._lines.put(end)

    def _ask(self, path: str, body: Mapping[str, Any]) -> None:
        extensions = {"trace": self._note_connection}
        with (
            self._server._client() as client,
            client.stream("POST", path, json=body, extensions=extensions) as response,
        ):
            if not response.is_success:
                response.read()
            self._server._check(response)
            for line in response.iter_lines():
                self._lines.put(line)

    def _note_connection(self, name: str, info: Mapping[str, Any]) -> None:
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_left:
                self.leave()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        return False


def _delay_s(attempt: int) -> float:
    """Return seconds to wait: "full jitter" (Brooker 2015), doubling with each attempt."""
    return random.uniform(0.0, _FIRST_DELAY_S * 2.0**attempt)  # noqa: S311  no secret


def _seconds(retry_after: str) -> float:
    try:
        return max(float(retry_after), 0.0)
    except ValueError:  # absent, or a date
        return 0.0


def _reason_of(response: httpx.Response) -> str:
    try:
        return _reason(response.json())
    except ValueError:
        return _one_line(response.text) or response.reason_phrase


def _reason(answer: Any) -> str:
    """Return what an error's JSON says, in whichever of the usual places."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if isinstance(error, dict):
        error = error.get("message", error.get("detail", error))
    return _one_line(str(error))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_REASON else f"{line[:_MAX_REASON]}..."
