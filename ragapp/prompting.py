"""Passages -> the messages of a prompt. All but our own words is untrusted.

Passages stand between lines that none of them can hold: a code made of them, checked against them.
It depends on the passages alone, so that equal passages give equal prompts, whose cache a model
reuses; the instruction and the earlier turns, which stand before it, do not hold it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import count

from ragapp.analysis import is_chinese
from ragapp.citing import marker
from ragapp.templates import Template, Wording, WordingLanguage, load_template
from ragapp.types import Hit, Message, Span

DEFAULT_TEMPLATE = "qa"

_FENCED = {
    "en": "The quoted passages stand between lines of {fence}:\n",
    "zh": "引用的段落均位于两行 {fence} 之间：\n",
}
_CODE_LENGTH = 8  # hexadecimal digits
_FOLDER_END = re.compile(r"[/\\!]")


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
    fence: str = "",
) -> list[Message]:
    """Return the chat messages of a prompt: our instruction, earlier turns, passages, question.

    Our own words are those of `template` in the question's language; None is the default one.
    `fence` is the line around each passage, "" for that of these passages.
    """
    wording = _wording(question, template)
    spans: list[Span] = []
    if hits:
        fence = fence or fence_of(hits)
        spans.append(Span("instruction", opening_of(question, fence)))
    for number, hit in enumerate(hits, start=1):
        spans += [*passage_spans(hit, number), Span("instruction", closing_of(fence))]
    spans += [Span("instruction", wording.question), Span("question", question)]
    return [Message.of("system", wording.instruction), *history, Message("user", tuple(spans))]


def fence_of(hits: Sequence[Hit]) -> str:
    """Return a line that stands in none of the hits, equal for equal hits."""
    texts = [span.text for hit in hits for span in passage_spans(hit, 1)]
    held = "\0".join(texts).lower()
    digests = (sha256(f"{n}\0{held}".encode()).hexdigest() for n in count())
    return next(f"=== {d[:_CODE_LENGTH]} ===" for d in digests if d[:_CODE_LENGTH] not in held)


def opening_of(question: str, fence: str) -> str:
    """Return what stands before the first passage."""
    return _FENCED[_language(question)].replace("{fence}", fence) + f"{fence}\n"


def closing_of(fence: str) -> str:
    """Return what stands behind each passage."""
    return f"\n{fence}\n\n"


def passage_spans(hit: Hit, number: int) -> tuple[Span, ...]:
    """Return a passage as it stands in a prompt: the lines above it, and its text."""
    origin = _origin(hit)
    return (
        Span("source", _header(hit, number)),
        *([Span("origin", origin)] if origin else []),
        Span("passage", hit.text, number),
    )


def _origin(hit: Hit) -> str:
    """Return the line of file name and date, such as `handbook.pdf, 2024-03-01`: no folder."""
    name = _FOLDER_END.split(hit.source)[-1]
    told = ", ".join(filter(None, (name, hit.date)))
    return f"{told}\n" if told else ""


def _header(hit: Hit, number: int) -> str:
    """Return the line above a passage, such as `[1] Handbook, p. 3 (Opening hours)`."""
    page = f", p. {hit.page}" if hit.page is not None else ""
    heading = f" ({hit.heading})" if hit.heading else ""
    return f"{marker(number)} {hit.title}{page}{heading}\n"


def _wording(question: str, template: Template | None) -> Wording:
    return (template or load_template(DEFAULT_TEMPLATE)).wordings[_language(question)]


def _language(question: str) -> WordingLanguage:
    return "zh" if is_chinese(question) else "en"
