"""Stored conversations as the page needs them: named, found again, written to files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable

from ragapp import Conversation, ConversationInfo, Rag, answer_of
from ui.evidence import cited_evidence
from ui.state import Turn

_NAME_CHARACTERS = 60
_UNFIT = re.compile(r"[^\w.-]+")


def new_name(question: str, taken: Collection[str]) -> str:
    """Return a name for the conversation that begins with `question`, none of those `taken`.

    >>> new_name("When does it open?", {"When does it open?"})
    'When does it open? (2)'
    """
    shown = "".join(c if c.isprintable() else " " for c in question)
    words = " ".join(shown.split()) or "?"
    name = words if len(words) <= _NAME_CHARACTERS else f"{words[: _NAME_CHARACTERS - 1].rstrip()}…"
    numbered = (f"{name} ({n})" for n in range(2, len(taken) + 3))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def latest_first(found: Iterable[ConversationInfo]) -> list[ConversationInfo]:
    """Return conversations by when they were last asked in, the latest first."""
    return sorted(found, key=lambda info: info.last_asked_at or info.created_at, reverse=True)


def turns_of(rag: Rag, name: str) -> list[Turn]:
    """Return a stored conversation's turns as they are shown. Raises NotFoundError."""
    answers = [answer_of(turn) for turn in rag.conversations.get(name).turns]
    return [
        Turn(answer.question, answer=answer, evidence=cited_evidence(answer, rag))
        for answer in answers
    ]


def as_json(conversation: Conversation) -> str:
    """Return a conversation as `ragapp conversations export --format json` writes it."""
    return json.dumps(conversation.to_dict(), ensure_ascii=False, indent=2) + "\n"


def file_name(name: str, ending: str) -> str:
    """Return the name of the file that a conversation is saved as.

    >>> file_name("Wer? Was?", "md")
    'Wer-Was.md'
    """
    return f"{_UNFIT.sub('-', name).strip('-.') or 'conversation'}.{ending}"
