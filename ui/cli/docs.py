"""`ragapp docs list|show|remove|failures`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, docs_app
from ui.cli.printing import print_json, print_line, print_table, reported_errors

DocumentArgument = Annotated[str, typer.Argument(help="The document's id, or its path.")]


@docs_app.command("list")
def list_command(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """List the documents of the collection."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            documents = rag.documents()
        if as_json:
            print_json({"documents": [document.to_dict() for document in documents]})
            return
        rows = [
            [d.id, d.title, d.sources[0] if d.sources else "", d.language, str(d.n_chunks)]
            for d in documents
        ]
        print_table(["id", "title", "source", "language", "chunks"], rows)
        print_line(f"{len(documents)} documents")


@docs_app.command()
def show(
    document: DocumentArgument,
    *,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a document's facts, how its revisions differ, and its text as stored."""
    with reported_errors(as_json=as_json):
        from ingest import compare
        from ragapp import open_rag

        with open_rag(collection) as rag:
            info = rag.document_info(document)
            stored = rag.document(info.id)
            revisions = {
                other: compare(stored.text, rag.document(other).text).differences
                for other in info.revisions
            }
        if as_json:
            pages = [asdict(span) for span in stored.pages]
            headings = [asdict(heading) for heading in stored.headings]
            facts = {"differences": revisions, "text": stored.text, "pages": pages}
            facts |= {"headings": headings, "metadata": dict(stored.metadata)}
            print_json({**info.to_dict(), **facts})
            return
        print_line(f"{info.title}  ({info.id}, {info.format}, {info.language})")
        sources = [("source", source) for source in info.sources]
        for key, value in (*sources, *sorted(stored.metadata.items())):
            print_line(f"  {key}: {value}")
        for other in info.near_duplicates:
            print_line(f"  nearly the same text: {other}")
        for other, differences in revisions.items():
            print_line(f"  revision: {other}")
            for line in differences:
                print_line(f"    {line}")
        print_line()
        print_line(stored.text)


@docs_app.command()
def remove(
    document: DocumentArgument,
    *,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a document from the collection; the files on disk stay."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            info = rag.document_info(document)
            sources = rag.remove(info.id)
        if as_json:
            print_json({"document_id": info.id, "sources": list(sources)})
        else:
            print_line(f"removed {info.title} ({info.id}), held by {', '.join(sources)}")


@docs_app.command()
def failures(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders or globs; all where none is given.")
    ] = None,
    *,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what could not be ingested, and why; `ragapp ingest --retry-failed` tries it again."""
    with reported_errors(as_json=as_json):
        from ingest import failures as find_failures
        from ragapp import open_rag

        with open_rag(collection) as rag:
            failed = find_failures(rag, paths or ())
        if as_json:
            keys = ("path", "code", "reason", "document_id", "failed_at")
            rows = [(s.path, s.failure, s.reason, s.document_id, s.failed_at) for s in failed]
            print_json({"failures": [dict(zip(keys, row, strict=True)) for row in rows]})
            return
        if failed:
            lines = [[s.path, s.failed_at, s.failure, s.reason] for s in failed]
            print_table(["file", "failed at", "code", "reason"], lines)
        print_line(f"{len(failed)} failed sources")
