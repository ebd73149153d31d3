"""The commands of `ragapp` and what they have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.printing import report

if TYPE_CHECKING:
    from ragapp import Rag, Rags

app = typer.Typer(
    name="ragapp",
    help="Ask your own documents, in English and Chinese, on this machine alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
docs_app = typer.Typer(help="List, show and remove documents; list failures.", no_args_is_help=True)
app.add_typer(docs_app, name="docs")
conversations_app = typer.Typer(
    help="List, show, rename, delete and export conversations.", no_args_is_help=True
)
app.add_typer(conversations_app, name="conversations")
models_app = typer.Typer(
    help="List, download and remove causal models; tell which fit.", no_args_is_help=True
)
app.add_typer(models_app, name="models")

_NO_SETTINGS = ("collection", "settings", "is_reembedding")  # what `open_rag` takes beside them

CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection",
        metavar="DIR",
        help="The collection's folder. Default: RAGAPP_COLLECTION, else a per-user one.",
        show_default=False,
    ),
]
CollectionsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--collection",
        metavar="DIR",
        help="The collection's folder; given more than once, all are asked as one.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
TopKOption = Annotated[
    int | None,
    typer.Option("-k", "--top-k", min=1, max=100, help="How many passages.", show_default=False),
]

WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help="Search only what this lets pass, e.g. 'lang=zh and source~\"reports/*\"'.",
        show_default=False,
    ),
]
PerDocumentOption = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="At most N passages of a document; 0: any.", show_default=False
    ),
]
DiversityOption = Annotated[
    float | None,
    typer.Option(
        min=0.0, max=1.0, help="How much being unlike the others counts.", show_default=False
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting for this run, e.g. temperature=0.7, seed=3, stop=END; repeatable.",
        show_default=False,
    ),
]


def opened(
    collections: Sequence[Path] | None, **overrides: Any
) -> AbstractContextManager[Rag | Rags]:
    """Open the collection named, the one in force where none is, or several as one."""
    from ragapp import open_rag, open_rags

    if collections is None or len(collections) < 2:
        return open_rag(*(collections or ()), **overrides)
    return open_rags(collections, **overrides)


def overrides_of(assignments: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings of `--set` by name. Raises BadParameter for what is no NAME=VALUE."""
    overrides: dict[str, Any] = {}
    for assignment in assignments or ():
        name, is_given, value = assignment.partition("=")
        name = name.strip()
        if not is_given or name in _NO_SETTINGS:
            raise typer.BadParameter(
                f"--set {assignment!r} sets no setting: write NAME=VALUE; the collection is named "
                "by --collection"
            )
        overrides[name] = value
    return overrides


def main() -> None:
    """Run the command line; every error is one line, wrong usage exits with 2."""
    from ui.cli import (  # noqa: F401  (they register their commands)
        ask,
        calibrate,
        conversations,
        docs,
        evaluate,
        feedback,
        health,
        ingest,
        models,
    )

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    arguments = sys.argv[1:] or ["--help"]
    try:
        status = app(args=arguments, prog_name="ragapp", standalone_mode=False)
    except typer.TyperException as error:
        report("usage", error.format_message(), "see --help", as_json="--json" in arguments)
        status = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        report("interrupted", "interrupted", "", as_json="--json" in arguments)
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
