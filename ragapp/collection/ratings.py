"""`Ratings`: what readers thought of answers, stored in a collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from ragapp.chunkstore import Database
from ragapp.chunkstore import ratings as rows
from ragapp.errors import NotFoundError, UsageError
from ragapp.rated import Rated, Verdict

MAX_COMMENT_CHARACTERS = 10_000


class Ratings:
    """The ratings of a collection's answers. They may change while documents are ingested.

    Each method raises what `Database.reading` or `Database.writing` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[Rated]:
        """Return all of them, the oldest first."""
        with self._database.reading() as connection:
            return rows.list_ratings(connection)

    def add(self, answer: Mapping[str, Any], rating: Verdict, comment: str = "") -> int:
        """Store a rating of an answer as plain JSON values, durably; return its number.

        Raises UsageError for a rating that is none, too long a comment or an answer without text.
        """
        if rating not in get_args(Verdict):
            raise UsageError(f"{rating!r} is no rating", hint='give "up" or "down"')
        if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
            raise UsageError(
                f"the comment is no text of at most {MAX_COMMENT_CHARACTERS:,} characters",
                hint="shorten it",
            )
        if not answer.get("answer"):
            raise UsageError("an answer without text cannot be rated", hint="ask again")
        kept = {key: value for key, value in answer.items() if key != "hits"}
        with self._database.writing() as connection:
            return rows.insert_rating(connection, rating, comment.strip(), kept)

    def delete(self, rating_id: int) -> None:
        """Delete a rating. Raises NotFoundError for a number that none has."""
        with self._database.writing() as connection:
            if not rows.delete_rating(connection, rating_id):
                raise NotFoundError(
                    f"there is no rating {rating_id}", hint="list them: ragapp feedback list"
                )
