"""`ragapp ingest`, `ragapp reindex`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.printing import print_json, print_line, print_table, progress_bar, reported_errors

if TYPE_CHECKING:
    from ingest import IngestReport, Outcome

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
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the quality report to this HTML file.")
    ] = None,
    report_language: Annotated[
        Literal["en", "zh"], typer.Option(help="The language of that file.")
    ] = "en",
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, deduplicate, chunk and embed documents into the collection.

    Unchanged files are skipped. Exits with 1 when a file failed; the others are stored.
    """
    with reported_errors(as_json=as_json):
        from ingest import check_report_path, ingest_paths, write_report
        from ragapp import open_rag

        if report is not None:
            check_report_path(report)
        with (
            open_rag(collection, near_duplicates=near_duplicates) as rag,
            progress_bar(is_shown=sys.stderr.isatty() and not as_json) as move,
        ):
            ingested = ingest_paths(
                rag, paths, sync=sync, on_progress=lambda p: move(p.done, p.total, p.latest.path)
            )
        _print_report(ingested, as_json=as_json)
        if report is not None:
            write_report(ingested, report, language=report_language)
        raise typer.Exit(1 if ingested.count("failed") else 0)


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
    from ingest import needs_a_look, remarks_on, summary_of

    if as_json:
        print_json(report.to_dict())
        return
    for line in summary_of(report, "en"):
        print_line(line)
    ordered = sorted(report.outcomes, key=lambda outcome: not needs_a_look(outcome))
    told = [(outcome, remarks_on(outcome, "en")) for outcome in ordered]
    rows = [[o.outcome, o.path, "; ".join(said)] for o, said in told if _is_worth_a_row(o, said)]
    if rows:
        print_table(["outcome", "file", "remarks"], rows[:_MAX_ROWS])
    if len(rows) > _MAX_ROWS:
        print_line(f"... and {len(rows) - _MAX_ROWS} more (--json or --report FILE lists all)")


def _is_worth_a_row(outcome: Outcome, said: list[str]) -> bool:
    return bool(said) and said != ["unchanged"]
