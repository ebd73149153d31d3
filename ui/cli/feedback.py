"""`ragapp feedback list|export|delete`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.hits import shortened
from ui.cli.printing import print_json, print_line, print_table, report, reported_errors

feedback_app = typer.Typer(
    help="The ratings that answers were given, and a question set made of them.",
    no_args_is_help=True,
)
app.add_typer(feedback_app, name="feedback")


@feedback_app.command("list")
def list_command(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """List the ratings of answers, the oldest first; with --json the rated answers, too."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            found = rag.ratings.list()
        if as_json:
            print_json({"feedback": [rated.to_dict() for rated in found]})
            return
        lines = [
            [str(r.id), r.given_at, r.rating, shortened(r.question), shortened(r.comment)]
            for r in found
        ]
        print_table(["id", "given", "rating", "question", "comment"], lines)
        print_line(f"{len(found)} ratings")


@feedback_app.command()
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="The file to write.")],
    *,
    is_forced: Annotated[bool, typer.Option("--force", help="Replace a file there.")] = False,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a question set for `ragapp eval`: each question whose last rating is up.

    What its answer cites is what is to be found; a refusal rated up is a question without an
    answer. An answer rated down does not tell what is right, and is left out.
    """
    with reported_errors(as_json=as_json):
        from ragapp import open_rag, questions_of_ratings, write_questions

        if path.suffix != ".jsonl":
            message = f"{str(path)!r} does not end in .jsonl"
            report(
                "usage", message, "`ragapp eval` reads questions from such a file", as_json=as_json
            )
            raise typer.Exit(2)
        with open_rag(collection) as rag:
            rated = rag.ratings.list()
        questions = questions_of_ratings(rated)
        if not questions:
            message = f"none of {len(rated)} ratings gives a question"
            report("not_found", message, "rate answers that cite something up", as_json=as_json)
            raise typer.Exit(1)
        write_questions(path, questions, is_forced=is_forced)
        if as_json:
            print_json({"path": str(path), "questions": len(questions), "ratings": len(rated)})
        else:
            print_line(f"wrote {len(questions)} questions of {len(rated)} ratings to {path}")


@feedback_app.command()
def delete(
    rating_id: Annotated[int, typer.Argument(metavar="ID", help="The rating's number.")],
    *,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a rating with its answer and comment."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection) as rag:
            rag.ratings.delete(rating_id)
        if as_json:
            print_json({"deleted": rating_id})
        else:
            print_line(f"deleted rating {rating_id}")
