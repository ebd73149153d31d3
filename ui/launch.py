"""Start the page's server: Streamlit in a child process, on this machine's loopback alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ragapp import RagError

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8501
MAX_UPLOAD_MB = 200

_APP = Path(__file__).with_name("app.py")
_COLLECTION_VARIABLE = "RAGAPP_COLLECTION"
_STOP_TIMEOUT_S = 10.0


def launch(
    *, collection: Path | None = None, port: int = DEFAULT_PORT, headless: bool = False
) -> int:
    """Serve the page until it is stopped; return the exit status, 0 after Ctrl-C or SIGTERM.

    `collection` is a folder, None for the configured one. Without `headless`, Streamlit opens the
    browser. Raises RagError when the port is taken.
    """
    _check_port(port)
    process = subprocess.Popen(  # noqa: S603
        command(port=port, headless=headless), env=_environment(collection)
    )
    with _terminated_like_interrupted():
        try:
            return process.wait()
        except KeyboardInterrupt:
            return _stop(process)


def page_address(port: int) -> str:
    """Return the address under which the page is served."""
    return f"http://{ADDRESS}:{port}"


def command(*, port: int, headless: bool) -> list[str]:
    """Return the server's command line; its options outrank every Streamlit configuration file."""
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": _flag(headless),
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "server.maxUploadSize": str(MAX_UPLOAD_MB),
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": ADDRESS,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "client.toolbarMode": "minimal",
        "logger.hideWelcomeMessage": "true",
        "global.developmentMode": "false",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    arguments += [f"--server.allowedHosts={host}" for host in (ADDRESS, "localhost")]
    return [sys.executable, "-m", "streamlit", "run", str(_APP), *arguments]


def _environment(collection: Path | None) -> dict[str, str]:
    """Return the child's environment: this package importable, the collection named."""
    root = str(_APP.parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if collection is not None:
        environment[_COLLECTION_VARIABLE] = str(collection.absolute())
    return environment


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except (OSError, OverflowError) as error:
            raise RagError(
                f"port {port} on {ADDRESS} cannot be used", hint="name another one with --port"
            ) from error


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end the server as Ctrl-C does, so that no child is left behind."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return 0


def _flag(value: bool) -> str:
    return "true" if value else "false"
