"""Passages -> the messages of a prompt. All but our own words is untrusted."""

from __future__ import annotations

from collections.abc import Sequence

from ragapp.analysis import is_chinese
from ragapp.citing import marker
from ragapp.templates import Template, Wording, load_template
from ragapp.types import Hit, Message, Span

DEFAULT_TEMPLATE = "qa"
PASSAGE_BREAK = "\n\n"


def refusal(question: str, template: Template | None = None) -> str:
    """Return the sentence that says that the documents hold no answer."""
    return _wording(question, template).refusal


def is_refusal(text: str, template: Template | None = None) -> bool:
    """Tell whether a model's output is the refusal that the prompt asks for."""
    wordings = (template or load_template(DEFAULT_TEMPLATE)).wordings.values()
    return any(text.strip().startswith(wording.refusal.rstrip(".。")) for wording in wordings)


def build_messages(
    question: str,
    hits: Sequence[Hit],
    *,
    history: Sequence[Message] = (),
    template: Template | None = None,
) -> list[Message]:
    """Return the chat messages of a prompt: our instruction, earlier turns, passages, question.

    Our own words are those of `template` in the question's language; None is the default one.
    """
    wording = _wording(question, template)
    spans: list[Span] = []
    for number, hit in enumerate(hits, start=1):
        spans += [*passage_spans(hit, number), Span("instruction", PASSAGE_BREAK)]
    spans += [Span("instruction", wording.question), Span("question", question)]
    return [Message.of("system", wording.instruction), *history, Message("user", tuple(spans))]


def passage_spans(hit: Hit, number: int) -> tuple[Span, ...]:
    """Return a passage as it stands in a prompt: the line above it, and its text."""
    return Span("source", _header(hit, number)), Span("passage", hit.text, number)


def _header(hit: Hit, number: int) -> str:
    """Return the line above a passage, such as `[1] Handbook, p. 3 (Opening hours)`."""
    page = f", p. {hit.page}" if hit.page is not None else ""
    heading = f" ({hit.heading})" if hit.heading else ""
    return f"{marker(number)} {hit.title}{page}{heading}\n"


def _wording(question: str, template: Template | None) -> Wording:
    wordings = (template or load_template(DEFAULT_TEMPLATE)).wordings
    return wordings["zh" if is_chinese(question) else "en"]
