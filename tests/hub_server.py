"""A model hub on this machine: two models, one of them without safetensors, served in a thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "c0ffee" + "0" * 34


class HubServer(ThreadingHTTPServer):
    """Serves `repositories`: name -> file name -> content. Counts the bytes of files sent."""

    daemon_threads = True

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = repositories
        self.sent: list[str] = []
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: HubServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        for name, files in self.server.repositories.items():
            if path.startswith(f"api/models/{name}/tree/"):
                return self.send_json([entry(file, held) for file, held in files.items()])
            if path.startswith(f"api/models/{name}"):
                siblings = [{"rfilename": file} for file in files]
                return self.send_json({"id": name, "sha": COMMIT, "siblings": siblings})
            if path.startswith(f"{name}/resolve/"):
                return self.send_file(files[path.removeprefix(f"{name}/resolve/").split("/", 1)[1]])
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def send_json(self, value: object) -> None:
        self.send_content(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send_file(self, content: bytes) -> None:
        if self.command == "GET":
            self.server.sent.append(self.path.rpartition("/")[2])
        digest = sha256(content).hexdigest()
        self.send_content(content, {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT})

    def send_content(self, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(200)
        for name, held in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, held)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def entry(file: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": file, "size": len(content), "oid": sha256(content).hexdigest()}
