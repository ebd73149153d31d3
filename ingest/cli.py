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
from pathlib import Path
from typing import Never

from ingest.outcomes import Progress
from ragapp.errors import RagError


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
        sys.stderr.write("ingest: interrupted; what was stored is kept, run it again to go on\n")
        sys.exit(130)


def _run(options: argparse.Namespace) -> int:
    from ingest.pipeline import ingest_paths
    from ingest.report_file import check_report_path, write_report
    from ragapp import open_rag

    if options.report is not None:
        check_report_path(options.report)
    on_progress = None if options.quiet else _log_progress
    with open_rag(options.collection) as rag:
        report = ingest_paths(rag, options.paths, sync=options.sync, on_progress=on_progress)
    _print(report.to_dict())
    if options.report is not None:
        write_report(report, options.report, language=options.report_language)
    return 1 if report.count("failed") else 0


def _log_progress(progress: Progress) -> None:
    latest = progress.latest
    reason = f": {latest.reason}" if latest.reason else ""
    line = f"{progress.done}/{progress.total} {latest.outcome} {latest.path}{reason}"
    sys.stderr.write("".join(c if c.isprintable() else " " for c in line) + "\n")


def _print(values: object) -> None:
    sys.stdout.write(json.dumps(values, indent=2) + "\n")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> Never:
        """Print one line and exit with 2."""
        sys.stderr.write(f"ingest: {message} (see python -m ingest --help)\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ingest", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files, folders or globs")
    parser.add_argument("--collection", type=Path, help="the collection's folder")
    parser.add_argument("--sync", action="store_true", help="remove documents of deleted files")
    parser.add_argument("--report", type=Path, help="write the quality report to this HTML file")
    parser.add_argument(
        "--report-language", choices=["en", "zh"], default="en", help="the language of that file"
    )
    parser.add_argument("--quiet", action="store_true", help="no line a file")
    return parser
