"""`ragapp doctor`, `ragapp backup`, `ragapp restore`, `ragapp --version`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.printing import print_json, print_line, reported_errors


@app.command()
def doctor(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Check all rows and the index too.")] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check versions, devices, models and the collection. Exits with 1 when something is wrong."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            report = rag.health(is_deep=deep)
    if as_json:
        print_json(report.to_dict())
    else:
        for name, value in report.facts.items():
            print_line(f"{name:<22} {value}")
        for warning in report.warnings:
            print_line(f"WARNING: {warning}")
        for problem in report.problems:
            print_line(f"PROBLEM: {problem}")
        if not report.problems:
            print_line("no problems found")
    if report.problems:
        raise typer.Exit(1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the collection, evaluations included, as one file, checked before it gets its name."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            report = rag.backup(file, is_forced=force).to_dict()
    _print_backup("backed up to", report, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `ragapp backup` wrote.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a collection that is not empty.")
    ] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the collection what a backup holds. The backup is checked before anything changes."""
    with reported_errors(as_json=as_json):
        from ragapp import Rag

        report = Rag.restore(file, collection, is_forced=force).to_dict()
    _print_backup("restored from", report, as_json=as_json)


def _print_backup(verb: str, report: dict[str, str | int], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        print_line(
            f"{report['n_documents']} documents with {report['n_chunks']} chunks, "
            f"{report['n_evaluation_files']} files of evaluations "
            f"{verb} {report['path']} ({report['n_bytes']} bytes)"
        )


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed_version

        print_line(f"ragapp {installed_version('ragapp')}")
        raise typer.Exit
