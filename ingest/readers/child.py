"""The child process in which untrusted files are parsed: ``python -m ingest.readers.child``.

It takes one JSON request a line on stdin, {"path": ..., "options": {...}}, and answers with JSON
lines: {"page": ...} for each page as it is read, then {"done": true} or {"error": ...}. It ends
when stdin does, even while it parses, so it never outlives its parent. No value is ever unpickled
on either side.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, cast

from ingest.pages import Page
from ragapp.errors import ReadError

_Read = Callable[..., Iterator[Page]]


def main(target: str, limits: dict[str, int]) -> None:
    """Serve requests with the function `target` ("module:function") until stdin ends."""
    answers = _private_stdout()
    _limit(limits)
    module_name, function = target.split(":")
    read = cast(_Read, getattr(import_module(module_name), function))
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    Thread(target=_receive, args=(requests,), daemon=True).start()
    while True:
        request = requests.get()
        _renew_cpu_time(limits["cpu_s"])
        for answer in _answers(read, request):
            line = json.dumps(answer, ensure_ascii=False)
            answers.write(line.encode("utf-8", "surrogatepass"))
            answers.write(b"\n")
            del line  # it may be large, and the next page is made while the parent reads
            answers.flush()
            if is_recognised(answer):
                _renew_cpu_time(limits["cpu_s"])


def is_recognised(answer: Mapping[str, Any]) -> bool:
    """Tell whether an answer is a page whose text was recognised, which takes seconds."""
    return "page" in answer and "ocr" in answer["page"]["metadata"]


def _private_stdout() -> BinaryIO:
    """Keep stdout for the answers alone; what a parser prints is thrown away."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def _limit(limits: dict[str, int]) -> None:
    _lower(resource.RLIMIT_AS, limits["memory_bytes"])
    _lower(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _lower(resource.RLIMIT_NOFILE, limits["n_open_files"])
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, wanted: int) -> None:
    """Set a limit for good, never above the one that this process was started with."""
    _, hard = resource.getrlimit(kind)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (limit, limit))


def _renew_cpu_time(cpu_s: int) -> None:
    """Grant `cpu_s` more seconds to the next file; the process has used some for others."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + cpu_s, hard))


def _receive(requests: SimpleQueue[dict[str, Any]]) -> None:
    # Unbuffered: a thread that waits inside a buffered stdin aborts the interpreter at its end.
    with open(0, "rb", buffering=0, closefd=False) as lines:
        for line in lines:
            requests.put(json.loads(line))
    os._exit(0)


def _answers(read: _Read, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        for page in read(Path(request["path"]), **request["options"]):
            yield {"page": asdict(page)}
    except ReadError as error:
        yield {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    else:
        yield {"done": True}


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
