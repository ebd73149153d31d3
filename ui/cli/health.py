"""`ragapp doctor`, `ragapp --version`."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.printing import print_json, print_line, reported_errors


@app.command()
def doctor(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Check every stored row too.")] = False,
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
        for problem in report.problems:
            print_line(f"PROBLEM: {problem}")
        if not report.problems:
            print_line("no problems found")
    if report.problems:
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed_version

        print_line(f"ragapp {installed_version('ragapp')}")
        raise typer.Exit
