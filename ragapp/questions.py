"""A question on its way to the search: checked, and put beside the turns before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from ragapp.errors import UsageError
from ragapp.types import Message

Turn = tuple[Literal["user", "assistant"], str]

_ANAPHORA = re.compile(
    r"\b(?:it|its|they|them|their|that|those|this|these|he|she|his|her|there|then|one)\b"
    r"|^(?:and|what about|how about)\b"
    r"|它|(?<!其)他|她|这|那|其(?![中他余实它])|(?<!应)该|此|呢[？?]?$",
    re.IGNORECASE,
)
_MARKERS = re.compile(r" ?\[\d{1,3}\]")


def checked(question: str) -> str:
    """Return the question without white space around it. Raises UsageError for an empty one."""
    trimmed = question.encode(errors="replace").decode().strip()  # halves of characters go
    if not trimmed:
        raise UsageError("the question is empty", hint="write a question of at least one word")
    return trimmed


def search_text(question: str, history: Sequence[Turn]) -> str:
    """Return what to search for: a question that points back takes the one before with it."""
    asked = [text for role, text in history if role == "user"]
    if asked and _ANAPHORA.search(question):
        return f"{asked[-1]} {question}"
    return question


def without_markers(history: Sequence[Turn]) -> list[Message]:
    """Return earlier turns without their markers, which numbered other passages."""
    return [Message.of(role, _MARKERS.sub("", text), kind="turn") for role, text in history]
