"""What one call of a command line asks for: checked, then carried out.

Both doors, `ragapp ingest` and `python -m ingest`, parse their arguments into a `Request`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.loaders import make_loader
from ingest.outcomes import IngestReport
from ingest.pipeline import OnProgress, ingest_loader, ingest_paths
from ingest.pipes import STREAM_NAME, ingest_stream
from ingest.retry import retry_failed
from ingest.watch import INTERVAL_S, Event, watch_folders
from ragapp.errors import UsageError
from ragapp.rag import Rag
from ragapp.settings import load_settings

STDIN = Path("-")
MIN_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of a call. Raises UsageError for those that are missing or exclude each other.

    `paths` may be STDIN alone. `loader` is "module:Class", `loader_arguments` are "key=value".
    """

    paths: Sequence[Path] = ()
    sync: bool = False
    passwords: Sequence[str] = field(default=(), repr=False)
    name: str | None = None
    loader: str | None = None
    loader_arguments: Sequence[str] = ()
    is_retry: bool = False
    is_watch: bool = False
    interval_s: float | None = None
    report: Path | None = None

    def __post_init__(self) -> None:
        is_piped = STDIN in self.paths
        wrong = (
            (not (self.paths or self.loader or self.is_retry), "there is nothing to ingest"),
            (is_piped and len(self.paths) > 1, "'-' (standard input) stands alone"),
            (self.name is not None and not is_piped, "--name is for '-' (standard input)"),
            (bool(self.loader_arguments and not self.loader), "--loader-arg is for --loader"),
            (self.interval_s is not None and not self.is_watch, "--interval is for --watch"),
            (not _is_interval(self.interval_s), f"--interval is at least {MIN_INTERVAL_S} s"),
            ("" in self.passwords, "a password is empty"),
            (self.is_watch and self.report is not None, "--report does not go with --watch"),
            *self._clashes(is_piped=is_piped),
        )
        for is_wrong, message in wrong:
            if is_wrong:
                raise UsageError(message, hint="see --help")

    def _clashes(self, *, is_piped: bool) -> list[tuple[bool, str]]:
        folders = [name for name, on in (("--sync", self.sync), ("--watch", self.is_watch)) if on]
        retries = ["--retry-failed"] if self.is_retry else []
        first = "--loader" if self.loader else "'-' (standard input)" if is_piped else ""
        others = [*folders, *retries, *(["paths"] if self.loader and self.paths else [])]
        return [
            (bool(first and others), f"{first} does not go with {' and '.join(others)}"),
            (bool(retries and folders), f"--retry-failed does not go with {' and '.join(folders)}"),
        ]


def policy_settings(
    *,
    personal_data: str | None = None,
    secrets: str | None = None,
    word_list: Path | None = None,
    word_list_policy: str | None = None,
    languages: str | None = None,
    junk: str | None = None,
) -> dict[str, Any]:
    """Return the policies of a command line as settings by name, None for what was not given.

    A word list without a policy, here or in the settings, is flagged. Raises SettingsError.
    """
    if word_list and not word_list_policy and load_settings().policy_word_list == "off":
        word_list_policy = "flag"
    return {
        "policy_personal_data": personal_data,
        "policy_secrets": secrets,
        "policy_word_list": word_list_policy,
        "policy_word_list_file": word_list,
        "policy_languages": languages,
        "policy_junk": junk,
    }


def carry_out(rag: Rag, request: Request, *, on_progress: OnProgress | None = None) -> IngestReport:
    """Carry out a request that comes to an end; standard input is read where it is asked for.

    Raises the errors of what it calls.
    """
    passwords = request.passwords
    if request.loader:
        with redirect_stdout(sys.stderr):  # a loader may print, our output is the report
            loader = make_loader(request.loader, request.loader_arguments)
            return ingest_loader(rag, loader, on_progress=on_progress)
    if request.is_retry:
        return retry_failed(rag, request.paths, passwords=passwords, on_progress=on_progress)
    if STDIN in request.paths:
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="pipe a document into it")
        name = STREAM_NAME if request.name is None else request.name
        stream = sys.stdin.buffer
        return ingest_stream(rag, stream, name=name, passwords=passwords, on_progress=on_progress)
    return ingest_paths(
        rag, request.paths, sync=request.sync, passwords=passwords, on_progress=on_progress
    )


def keep_watch(rag: Rag, request: Request, *, tell: Callable[[Event], None]) -> None:
    """Carry out a request to watch, until interrupted. Raises what `watch_folders` raises."""
    interval_s = INTERVAL_S if request.interval_s is None else request.interval_s
    watch_folders(rag, request.paths, tell=tell, interval_s=interval_s, passwords=request.passwords)


def _is_interval(interval_s: float | None) -> bool:
    return interval_s is None or (math.isfinite(interval_s) and interval_s >= MIN_INTERVAL_S)
