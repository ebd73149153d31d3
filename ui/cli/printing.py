"""The one printer of the command line: text for people, JSON for programs, one-line errors."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

# control characters that JSON lets through, and halves of characters that UTF-8 cannot write
_STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff]")


def print_json(values: Any, *, indent: int | None = 2) -> None:
    """Print one JSON value on stdout; with `indent` None on a single line."""
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    sys.stdout.write(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n")
    sys.stdout.flush()


def print_line(text: str = "") -> None:
    """Print a line of text on stdout, control characters made harmless."""
    sys.stdout.write(printable(text) + "\n")


def print_piece(text: str) -> None:
    """Print a piece of streamed text at once."""
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def printable(text: str) -> str:
    """Return text that cannot steer the terminal: control characters but line ends and tabs go.

    So do the marks that turn the direction of writing, with which a file name can hide its suffix.
    """
    return _STEERING.sub("", text)


@contextmanager
def reported_errors(*, as_json: bool) -> Iterator[None]:
    """Turn errors into one line on stderr (and JSON on stdout when asked), then exit.

    Exit status 2 for wrong usage, 1 for a failure, 130 when interrupted.
    """
    from ragapp import RagError

    try:
        yield
    except RagError as error:
        report(error.code, error.message, error.hint, as_json=as_json)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        report("interrupted", "interrupted", "run the same command to go on", as_json=as_json)
        raise typer.Exit(130) from error
    except BrokenPipeError as error:
        sys.stderr.close()  # the reader of our output has left: nothing to tell it
        raise typer.Exit(0) from error


def report(code: str, message: str, hint: str, *, as_json: bool) -> None:
    """Print one line on stderr, and with `as_json` the same as JSON on stdout."""
    print_error_line(message + (f" ({hint})" if hint else ""))
    if as_json:
        print_json({"error": {"code": code, "message": message, "hint": hint}})


def print_error_line(text: str) -> None:
    """Print a line on stderr, control characters made harmless."""
    sys.stderr.write(printable(f"ragapp: {text}") + "\n")
    sys.stderr.flush()


def print_table(headers: list[str], rows: list[list[str]]) -> None:
    """Print a table on stdout, its cells wrapped to the terminal's width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def rate(bytes_per_s: float, eta_s: float | None) -> str:
    """Return a rate and the time that is left, such as "2.0 MB/s, 1:05 left"; "" without one.

    >>> rate(2_000_000, 65)
    '2.0 MB/s, 1:05 left'
    """
    if eta_s is None:
        return ""
    minutes, seconds = divmod(round(eta_s), 60)
    return f"{bytes_per_s / 1e6:.1f} MB/s, {minutes}:{seconds:02d} left"


@contextmanager
def progress_bar(*, is_shown: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a function (done, total, label) that moves a bar on stderr; silent when not shown."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, disable=not is_shown, transient=True) as progress:
        task = progress.add_task("", total=None)

        def move(done: int, total: int, label: str) -> None:
            progress.update(
                task, completed=done, total=total, description=escape(printable(label))[-60:]
            )

        yield move
