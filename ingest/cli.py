"""The batch door: the same ingestion as `ragapp ingest`, for scripts and schedulers.

Logs one line a file on stderr and prints the report as JSON on stdout, so that nothing has to be
parsed from text.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Never

from ingest.outcomes import Progress
from ragapp.errors import RagError

_POLICY = ("off", "flag", "mask", "skip")
_OPTIONS: dict[str, dict[str, Any]] = {
    "--collection": {"type": Path, "metavar": "DIR", "help": "the collection's folder"},
    "--sync": {"action": "store_true", "help": "remove documents of deleted files"},
    "--password": {"action": "append", "default": [], "help": "for locked files; repeatable"},
    "--retry-failed": {"action": "store_true", "help": "only what failed before, under the paths"},
    "--watch": {"action": "store_true", "help": "keep the folders in step until interrupted"},
    "--interval": {"type": float, "metavar": "SECONDS", "help": "between two looks (--watch)"},
    "--name": {"help": "the source name of '-', its suffix decides how it is read"},
    "--loader": {"metavar": "MODULE:CLASS", "help": "ingest what a LangChain loader gives"},
    "--loader-arg": {"action": "append", "default": [], "metavar": "KEY=VALUE"},
    "--near-duplicates": {"choices": ("link", "skip", "keep")},
    "--personal-data": {"choices": _POLICY},
    "--secrets": {"choices": _POLICY},
    "--word-list": {"type": Path, "metavar": "FILE", "help": "regular expressions, one a line"},
    "--word-list-policy": {"choices": _POLICY},
    "--languages": {"metavar": "CODES", "help": "the languages to keep, as en,zh"},
    "--junk": {"choices": ("off", "flag", "skip")},
    "--report": {"type": Path, "metavar": "FILE", "help": "write the quality report as HTML"},
    "--report-language": {"choices": ("en", "zh"), "default": "en"},
    "--quiet": {"action": "store_true", "help": "no line a file"},
}


def main(arguments: Sequence[str] | None = None) -> Never:
    """Run the batch ingestion; exit with 0, 1 when a file failed, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        sys.exit(_run(options))
    except RagError as error:
        line = f"ingest: {error.message}" + (f" ({error.hint})" if error.hint else "")
        sys.stderr.write(line + "\n")
        _print({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        if options.watch:
            sys.exit(130)
        sys.stderr.write("ingest: interrupted; what was stored is kept, run it again to go on\n")
        sys.exit(130)


def _run(options: argparse.Namespace) -> int:
    from ingest.report_file import check_report_path, write_report
    from ingest.request import Request, carry_out, keep_watch, policy_settings
    from ragapp import open_rag

    request = Request(
        paths=options.paths,
        sync=options.sync,
        passwords=options.password,
        name=options.name,
        loader=options.loader,
        loader_arguments=options.loader_arg,
        is_retry=options.retry_failed,
        is_watch=options.watch,
        interval_s=options.interval,
        report=options.report,
    )
    if options.report is not None:
        check_report_path(options.report)
    policies = policy_settings(
        personal_data=options.personal_data,
        secrets=options.secrets,
        word_list=options.word_list,
        word_list_policy=options.word_list_policy,
        languages=options.languages,
        junk=options.junk,
    )
    near_duplicates = options.near_duplicates
    with open_rag(options.collection, near_duplicates=near_duplicates, **policies) as rag:
        if request.is_watch:
            keep_watch(rag, request, tell=lambda event: _print(asdict(event), indent=None))
            return 0
        on_progress = None if options.quiet else _log_progress
        report = carry_out(rag, request, on_progress=on_progress)
    _print(report.to_dict())
    if options.report is not None:
        write_report(report, options.report, language=options.report_language)
    return 1 if report.count("failed") else 0


def _log_progress(progress: Progress) -> None:
    latest = progress.latest
    reason = f": {latest.reason}" if latest.reason else ""
    line = f"{progress.done}/{progress.total} {latest.outcome} {latest.path}{reason}"
    sys.stderr.write("".join(c if c.isprintable() else " " for c in line) + "\n")


def _print(values: object, *, indent: int | None = 2) -> None:
    sys.stdout.write(json.dumps(values, indent=indent) + "\n")
    sys.stdout.flush()


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> Never:
        """Print one line and exit with 2."""
        sys.stderr.write(f"ingest: {message} (see python -m ingest --help)\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ingest", description=__doc__.splitlines()[0])
    parser.add_argument(
        "paths", nargs="*", type=Path, help="files, folders or globs; '-' is standard input"
    )
    for name, values in _OPTIONS.items():
        parser.add_argument(name, **values)
    return parser
