"""A follow-up -> a question that stands alone, by the language model, checked before it is used.

What the model writes is searched for only where it is one line that keeps what the question asks
and adds nothing but words of the turns before; else the question is searched as without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from ragapp.analysis import content_terms, is_chinese
from ragapp.fitting import Asked
from ragapp.questions import Turn, points_back, without_markers
from ragapp.settings import Settings
from ragapp.types import GenerationOptions, Message, Span

_LAST_TURNS = 6  # questions and answers that the model is shown
_MAX_TOKENS = 64
_MAX_CHARACTERS = 300
_MIN_KEPT = 0.5  # of the question's telling terms
_INSTRUCTION = {
    "en": "Rewrite my next question so that it can be understood without this conversation: put in "
    "what its pronouns stand for and what it leaves out, in the words used above. Reply with the "
    "rewritten question alone, on one line.\nQuestion: ",
    "zh": "请改写我的下一个问题，使其脱离上文也能看懂：用上文的原词补上代词所指和省略的内容。"
    "只回复改写后的问题，写成一行。\n问题：",
}


def rewritten(asked: Asked, settings: Settings, cancelled: Event) -> Asked:
    """Return what was asked with `searched` as the model words it, where the settings say so.

    A question that does not point back at earlier turns, or is to be answered without a model, is
    left as it is. Raises what the model's `stream` raises.
    """
    is_wanted = settings.rewrite == "model" and asked.model.name != "extractive"
    if not (is_wanted and asked.history and points_back(asked.question)):
        return asked
    options = GenerationOptions(max_new_tokens=_MAX_TOKENS, adapter=asked.options.adapter)
    pieces = asked.model.stream(
        _messages(asked.question, asked.history), options=options, cancelled=cancelled
    )
    text = "".join(piece.text for piece in pieces).strip()
    if cancelled.is_set() or not is_faithful(text, asked.question, asked.history):
        return asked
    return replace(asked, searched=text)


def is_faithful(text: str, question: str, history: Sequence[Turn]) -> bool:
    """Tell whether `text` asks what `question` does, with words of the turns before it alone.

    >>> turns = [("user", "How wide is the dome?"), ("assistant", "It is 9 m wide.")]
    >>> is_faithful("How high is the dome?", "And how high is it?", turns)
    True
    >>> is_faithful("How high is the Eiffel Tower?", "And how high is it?", turns)
    False
    """
    if not text or len(text) > _MAX_CHARACTERS or len(text.splitlines()) > 1:
        return False
    asked, found = _terms(question), _terms(text)
    known = asked | {term for _, turn in history for term in _terms(turn)}
    return len(asked & found) >= _MIN_KEPT * len(asked) and found <= known and found != asked


def _terms(text: str) -> set[str]:
    """Return the telling terms, of Chinese the characters: its pairs change with what they join."""
    return {term for term in content_terms(text) if len(term) == 1 or not is_chinese(term)}


def _messages(question: str, history: Sequence[Turn]) -> list[Message]:
    instruction = _INSTRUCTION["zh" if is_chinese(question) else "en"]
    spans = (Span("instruction", instruction), Span("question", question))
    return [*without_markers(history[-_LAST_TURNS:]), Message("user", spans)]
