"""The server's command line: loopback, no telemetry, no error details."""

import socket

import pytest

from ragapp import RagError
from ui.launch import command, launch


@pytest.mark.parametrize(
    "option",
    [
        "--server.address=127.0.0.1",
        "--server.port=9000",
        "--server.headless=true",
        "--server.allowedHosts=127.0.0.1",
        "--server.enableCORS=true",
        "--server.enableXsrfProtection=true",
        "--server.maxUploadSize=200",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
    ],
)
def test_the_server_is_started_with(option):
    assert option in command(port=9000, headless=True)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_does_not_exist_is_an_error(port):
    with pytest.raises(RagError, match="cannot be used"):
        launch(port=port, headless=True)


def test_a_port_that_is_taken_is_an_error_with_a_hint():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RagError) as caught:
            launch(port=taken.getsockname()[1], headless=True)

    assert "--port" in caught.value.hint
