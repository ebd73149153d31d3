"""`Conversations`: those stored in a collection, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragapp.chunkstore import Database
from ragapp.chunkstore import conversations as rows
from ragapp.errors import NotFoundError, UsageError
from ragapp.transcripts import Conversation, ConversationInfo

_LONGEST_NAME = 120


class Conversations:
    """The conversations of a collection. They may change while documents are ingested.

    Each method raises what `Database.reading` or `Database.writing` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[ConversationInfo]:
        """Return all of them, the oldest first."""
        with self._database.reading() as connection:
            return rows.list_conversations(connection)

    def find(self, name: str) -> Conversation | None:
        """Return a conversation with its turns, None where there is none of the name."""
        with self._database.reading() as connection:
            return rows.get_conversation(connection, checked_name(name))

    def get(self, name: str) -> Conversation:
        """Return a conversation with its turns. Raises NotFoundError for an unknown name."""
        found = self.find(name)
        if found is None:
            raise _unknown(name)
        return found

    def append(self, name: str, answer: Mapping[str, Any]) -> None:
        """Add an answer as plain JSON values, durably; a conversation of a new name is begun."""
        with self._database.writing() as connection:
            rows.append_turn(connection, checked_name(name), answer)

    def rename(self, name: str, new_name: str) -> None:
        """Give a conversation another name.

        Raises NotFoundError for an unknown one, UsageError for a new name that is none or taken.
        """
        new_name = checked_name(new_name)
        with self._database.writing() as connection:
            if new_name != name and rows.get_conversation(connection, new_name) is not None:
                raise UsageError(
                    f"there is a conversation {new_name!r} already",
                    hint="choose another name, or delete that one",
                )
            if not rows.rename_conversation(connection, name, new_name):
                raise _unknown(name)

    def delete(self, name: str) -> None:
        """Delete a conversation with its turns. Raises NotFoundError for an unknown name."""
        with self._database.writing() as connection:
            if not rows.delete_conversation(connection, name):
                raise _unknown(name)


def checked_name(name: str) -> str:
    """Return a name without white space around it. Raises UsageError for one that is none."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > _LONGEST_NAME or not trimmed.isprintable():
        raise UsageError(
            f"{name!r} names no conversation",
            hint=f"give it a name of one line, at most {_LONGEST_NAME} characters",
        )
    return trimmed


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"there is no conversation {name!r}", hint="list them: ragapp conversations list"
    )
