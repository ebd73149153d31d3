"""`ragapp conversations list|show|rename|delete|export`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, conversations_app
from ui.cli.printing import print_json, print_line, print_table, report, reported_errors

NameArgument = Annotated[str, typer.Argument(help="The conversation's name.")]


class Format(StrEnum):
    """The forms in which a conversation is written to a file."""

    MARKDOWN = "markdown"
    JSON = "json"


@conversations_app.command("list")
def list_command(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """List the conversations that the collection stores, the oldest first."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            found = rag.conversations.list()
        if as_json:
            keys = ("name", "created_at", "last_asked_at", "n_turns")
            rows = [{key: getattr(info, key) for key in keys} for info in found]
            print_json({"conversations": rows})
            return
        lines = [[c.name, str(c.n_turns), c.created_at, c.last_asked_at] for c in found]
        print_table(["name", "turns", "begun", "last asked"], lines)
        print_line(f"{len(found)} conversations")


@conversations_app.command()
def show(
    name: NameArgument, *, collection: CollectionOption = None, as_json: JsonOption = False
) -> None:
    """Show a conversation with the sources of its answers."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            found = rag.conversations.get(name)
        if as_json:
            print_json(found.to_dict())
            return
        for turn in found.turns:
            print_line(f"> {turn.question}")
            print_line(turn.text)
            for citation in turn.answer["citations"]:
                page = f", p. {citation['page']}" if citation["page"] is not None else ""
                print_line(f"  [{citation['marker']}] {citation['source']}{page}")


@conversations_app.command()
def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="Its new name.")],
    *,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a conversation another name."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            rag.conversations.rename(name, new_name)
        if as_json:
            print_json({"name": new_name, "renamed_from": name})
        else:
            print_line(f"renamed {name} to {new_name}")


@conversations_app.command()
def delete(
    name: NameArgument, *, collection: CollectionOption = None, as_json: JsonOption = False
) -> None:
    """Delete a conversation with its turns."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            rag.conversations.delete(name)
        if as_json:
            print_json({"deleted": name})
        else:
            print_line(f"deleted {name}")


@conversations_app.command()
def export(
    name: NameArgument,
    path: Annotated[Path, typer.Argument(help="The file to write.")],
    *,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Default: json for a .json file, else markdown."),
    ] = None,
    is_forced: Annotated[bool, typer.Option("--force", help="Replace a file there.")] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a conversation to a file: Markdown with its sources, or JSON."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag, write_whole

        with open_rag(collection) as rag:
            found = rag.conversations.get(name)
        is_json = form is Format.JSON or (form is None and path.suffix.lower() == ".json")
        values = json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n"
        text = values if is_json else found.to_markdown()
        if path.exists() and not is_forced:
            message = f"there is a file {str(path)!r} already"
            report("usage", message, "name another, or replace it with --force", as_json=as_json)
            raise typer.Exit(2)
        write_whole(path, text)
        if as_json:
            print_json({"path": str(path), "turns": len(found.turns)})
        else:
            print_line(f"wrote {len(found.turns)} turns to {path}")
