"""A question on its way to the search: checked, and put beside the turns before it.

A follow-up names its subject by a pronoun, or leaves it out: "And in winter?", "那冬天呢？". It is
searched together with the questions that named it; a question with a subject of its own is searched
alone. No model is asked, and no later turn changes what an earlier one found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, TypedDict

from ragapp.analysis import content_terms, informative_terms, is_chinese
from ragapp.errors import UsageError
from ragapp.filters import Where
from ragapp.types import Message

Turn = tuple[Literal["user", "assistant"], str]
CountTokens = Callable[[Sequence[str]], list[int]]

# How many terms that tell something a question that points back holds at most: one with a pronoun
# and without a name _MANY, any other _FEW. Chinese terms are pairs of characters.
_FEW = {"en": 2, "zh": 1}
_MANY = {"en": 6, "zh": 12}
_FARTHEST = 3  # questions that a chain of follow-ups is traced back over

_PRONOUN = re.compile(
    r"\b(?:its?|they|them|theirs?|that|those|this|these|he|him|she|his|hers?|there|then|ones?)\b"
    r"|它|(?<!其)他|她|这|那|其(?![中他余实它])|(?<!应)该|此",
    re.IGNORECASE,
)
# words that look like pronouns and point at nothing
_EMPTY = re.compile(
    r"\b(?:(?:do|does|did|will|would|can|may) it (?:take|need|cost)"
    r"|(?:is|was) it (?:possible|allowed|permitted|necessary|true|forbidden)"
    r"|(?:is|are|was|were) there|there (?:is|are|was|were)|one of)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"^(?:and|or|but|what about|how about|what if)\b"
    r"|^(?:那么?|还有|换成)(?![里儿边个些])|呢[？?]?$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<!^)\b[A-Z]\w|\d|[《“「\"]")
_MARKERS = re.compile(r" ?\[\d{1,3}\]")


class AskOptions(TypedDict, total=False):
    """How to ask; what is left out, or None, is as the settings say.

    `top_k` hits are looked at, of what the filter `where` lets pass. `history` are the earlier
    turns of the conversation, oldest first, each ("user", text) or ("assistant", text). `adapter`
    is the name or folder of a LoRA adapter, "" for the model as it is. `template` is the name of
    the prompt's wording, or a TOML file of one. `quote_only` answers in verbatim quotes alone,
    whatever the engine. `trace` keeps how the answer came about in `Answer.trace`.
    """

    top_k: int | None
    history: Sequence[Turn]
    where: Where | None
    adapter: str | None
    template: str | None
    quote_only: bool
    trace: bool


def checked(question: str) -> str:
    """Return the question without white space around it. Raises UsageError for an empty one."""
    trimmed = question.encode(errors="replace").decode().strip()  # halves of characters go
    if not trimmed:
        raise UsageError("the question is empty", hint="write a question of at least one word")
    return trimmed


def search_text(question: str, history: Sequence[Turn]) -> str:
    """Return what to search for: a question that points back takes those before it along.

    They are taken until one names a subject of its own, the oldest first.
    """
    texts = [question]
    for role, text in reversed(history):
        if not points_back(texts[0]) or len(texts) > _FARTHEST:
            break
        if role == "user":
            texts.insert(0, text)
    return " ".join(texts)


def points_back(question: str) -> bool:
    """Tell whether a question leaves its subject to the turns before it.

    >>> [points_back(text) for text in ("And in winter?", "那冬天呢？", "How wide is the dome?")]
    [True, True, False]
    """
    if _GOES_ON.search(question):
        return True
    language = "zh" if is_chinese(question) else "en"
    n_terms = len(informative_terms(content_terms(question)))
    is_named = _NAMED.search(question) is not None
    if _PRONOUN.search(_EMPTY.sub(" ", question)):
        return n_terms <= (_FEW if is_named else _MANY)[language]
    return n_terms <= _FEW[language] and not is_named


def without_markers(history: Sequence[Turn]) -> list[Message]:
    """Return earlier turns without their markers, which numbered other passages."""
    return [Message.of(role, _MARKERS.sub("", text), kind="turn") for role, text in history]


def newest_turns(
    history: Sequence[Turn], n_tokens: int, count_tokens: CountTokens
) -> tuple[Sequence[Turn], int]:
    """Return the newest turns that have at most `n_tokens` in all, and how many were dropped.

    A turn is a question with what follows it, kept whole or dropped. Where they no longer fit, the
    oldest go until half of the room is free, so that the prompts of the next turns begin alike and
    a model's cache of them can go on. The newest stays where it fits at all.
    """
    starts = [i for i, (role, _) in enumerate(history) if role == "user" or i == 0]
    ends = [*starts[1:], len(history)]
    texts = count_tokens([text for _, text in history]) if history else []
    sizes = [sum(texts[start:end]) for start, end in zip(starts, ends, strict=False)]
    n_dropped = used = 0
    for newest, size in enumerate(sizes):
        used += size
        if used <= n_tokens:
            continue
        while used > n_tokens or (used > n_tokens // 2 and n_dropped < newest):
            used -= sizes[n_dropped]
            n_dropped += 1
    return history[ends[n_dropped - 1] :] if n_dropped else history, n_dropped
