"""`ragapp ingest`, `ragapp reindex`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.printing import print_json, print_line, print_table, progress_bar, reported_errors

if TYPE_CHECKING:
    from ingest import IngestReport

_MAX_ROWS = 40


@app.command("ingest")
def ingest_command(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or globs.")],
    *,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove documents whose file is gone from a folder.")
    ] = False,
    near_duplicates: Annotated[
        Literal["link", "skip", "keep"] | None,
        typer.Option(help="Texts nearly stored already: link them, store one, or don't look."),
    ] = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, deduplicate, chunk and embed documents into the collection.

    Unchanged files are skipped. Exits with 1 when a file failed; the others are stored.
    """
    with reported_errors(as_json=as_json):
        from ingest import ingest_paths
        from ragapp import open_rag

        with (
            open_rag(collection, near_duplicates=near_duplicates) as rag,
            progress_bar(is_shown=sys.stderr.isatty() and not as_json) as move,
        ):
            report = ingest_paths(
                rag, paths, sync=sync, on_progress=lambda p: move(p.done, p.total, p.latest.path)
            )
        _print_report(report, as_json=as_json)
        if report.count("failed"):
            raise typer.Exit(1)


@app.command()
def reindex(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """Embed what the configured embedder has not embedded, and build the index anew."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection, is_reembedding=True) as rag:
            n_embedded = rag.reindex()
            n_chunks = rag.collection.stats().n_chunks
    if as_json:
        print_json({"chunks": n_chunks, "embedded": n_embedded})
    else:
        print_line(f"index built: {n_chunks} chunks, {n_embedded} of them embedded now")


def _print_report(report: IngestReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
        return
    shown = [o for o in report.outcomes if o.outcome != "skipped"]
    if shown:
        rows = [[o.outcome, o.path, o.reason] for o in shown[:_MAX_ROWS]]
        print_table(["outcome", "file", "reason"], rows)
    if len(shown) > _MAX_ROWS:
        print_line(f"... and {len(shown) - _MAX_ROWS} more (--json lists all)")
    counts = report.to_dict()
    names = ("added", "updated", "duplicate", "skipped", "failed", "removed")
    print_line(
        f"{report.seen} files: "
        + ", ".join(f"{counts[name]} {name}" for name in names)
        + f"; {report.chunks_new} chunks embedded, {report.chunks_reused} reused"
        + f", {report.seconds:.1f} s"
    )
