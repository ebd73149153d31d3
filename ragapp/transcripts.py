"""A stored conversation, and how it reads as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MARKDOWN = re.compile(r"([\\`*_{}<>#|])")
_LINE_STARTS = re.compile(r"^(\s*)([-+>=~]|\d+[.)])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A stored conversation as a list shows it; times are ISO 8601 in UTC, the last "" for none."""

    name: str
    created_at: str
    last_asked_at: str
    n_turns: int


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A question of a conversation and its answer, as `Answer.to_dict` gave it but without hits."""

    asked_at: str
    answer: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question as asked."""
        return str(self.answer["question"])

    @property
    def text(self) -> str:
        """The answer's text with its markers."""
        return str(self.answer["answer"])


@dataclass(frozen=True, slots=True)
class Conversation:
    """A stored conversation with its turns, the oldest first."""

    name: str
    created_at: str
    turns: tuple[ConversationTurn, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the conversation as plain JSON values, under the names the README documents."""
        turns = [{"asked_at": turn.asked_at, **turn.answer} for turn in self.turns]
        return {"name": self.name, "created_at": self.created_at, "turns": turns}

    def to_markdown(self) -> str:
        """Return the conversation as Markdown, the sources of each answer below it.

        Whatever the documents hold stands there as plain text: it is escaped.
        """
        parts = [f"# {_plain(self.name)}"]
        for turn in self.turns:
            parts += [f"## {_plain(turn.question)}", turn.asked_at, _plain(turn.text)]
            sources = [_source(citation) for citation in turn.answer["citations"]]
            parts += ["\n".join(sources)] if sources else []
        return "\n\n".join(parts) + "\n"


def _source(citation: Mapping[str, Any]) -> str:
    page = f", p. {citation['page']}" if citation["page"] is not None else ""
    named = _plain(f"{citation['source']}{page}: “{citation['quote']}”")
    return f"- \\[{citation['marker']}\\] {' '.join(named.split())}"


def _plain(text: str) -> str:
    """Return text in which nothing is markup; line breaks stay."""
    escaped = _MARKDOWN.sub(r"\\\1", text).replace("[", "\\[").replace("]", "\\]")
    return _LINE_STARTS.sub(lambda found: f"{found[1]}{_escaped_start(found[2])}", escaped)


def _escaped_start(start: str) -> str:
    return f"\\{start}" if len(start) == 1 else f"{start[:-1]}\\{start[-1]}"
