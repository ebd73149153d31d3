"""Conversations and their turns, as rows. Nothing else refers to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ragapp.chunkstore.failpoints import reach
from ragapp.errors import CollectionDamagedError
from ragapp.transcripts import Conversation, ConversationInfo, ConversationTurn


def list_conversations(connection: sqlite3.Connection) -> list[ConversationInfo]:
    """Return all conversations, the oldest first."""
    rows = connection.execute(
        "SELECT c.name, c.created_at, coalesce(max(t.asked_at), ''), count(t.number)"
        " FROM conversations c LEFT JOIN turns t ON t.conversation_id = c.id"
        " GROUP BY c.id ORDER BY c.id"
    )
    return [ConversationInfo(*row) for row in rows]


def get_conversation(connection: sqlite3.Connection, name: str) -> Conversation | None:
    """Return a conversation with its turns, None for an unknown name.

    Raises CollectionDamagedError for a turn that is not what was stored.
    """
    row = connection.execute(
        "SELECT id, created_at FROM conversations WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    rows = connection.execute(
        "SELECT number, asked_at, answer, sha256 FROM turns WHERE conversation_id = ?"
        " ORDER BY number",
        (row[0],),
    )
    return Conversation(name, row[1], tuple(_turn(name, *columns) for columns in rows))


def append_turn(connection: sqlite3.Connection, name: str, answer: Mapping[str, Any]) -> None:
    """Add an answered question to a conversation, begun if there is none of the name."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(
        "INSERT INTO conversations (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (name, now),
    )
    reach("conversation.begun")
    text = json.dumps(answer, ensure_ascii=False)
    connection.execute(
        "INSERT INTO turns (conversation_id, number, asked_at, answer, sha256)"
        " SELECT id, 1 + (SELECT count(*) FROM turns WHERE conversation_id = id), ?, ?, ?"
        " FROM conversations WHERE name = ?",
        (now, text, sha256(text.encode()).digest(), name),
    )
    reach("conversation.appended")


def rename_conversation(connection: sqlite3.Connection, name: str, new_name: str) -> bool:
    """Give a conversation another name; False where there is none. sqlite3.IntegrityError."""
    changed = connection.execute(
        "UPDATE conversations SET name = ? WHERE name = ?", (new_name, name)
    )
    return changed.rowcount > 0


def delete_conversation(connection: sqlite3.Connection, name: str) -> bool:
    """Delete a conversation with its turns; False where there is none."""
    return connection.execute("DELETE FROM conversations WHERE name = ?", (name,)).rowcount > 0


def damaged_turns(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield (as "name, turn n") the turns that no longer match their SHA-256."""
    rows = connection.execute(
        "SELECT c.name, t.number, t.answer, t.sha256 FROM turns t"
        " JOIN conversations c ON c.id = t.conversation_id ORDER BY c.id, t.number"
    )
    for name, number, text, digest in rows:
        if sha256(text.encode()).digest() != digest:
            yield f"{name!r}, turn {number}"


def _turn(name: str, number: int, asked_at: str, text: str, digest: bytes) -> ConversationTurn:
    if sha256(text.encode()).digest() != digest:
        raise CollectionDamagedError(f"turn {number} of conversation {name!r} was changed on disk")
    return ConversationTurn(asked_at, json.loads(text))
