"""Question, turns and hits -> a prompt within the token budget, and what was dropped for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragapp.filters import Filter
from ragapp.joining import TextOf, join, nothing_known
from ragapp.prompting import (
    build_messages,
    closing_of,
    fence_of,
    opening_of,
    passage_spans,
)
from ragapp.protocols import LanguageModel
from ragapp.questions import CountTokens, Turn, newest_turns, without_markers
from ragapp.sentences import split_sentences
from ragapp.settings import Settings
from ragapp.templates import Template
from ragapp.trace import Budget, Dropped
from ragapp.types import GenerationOptions, Hit, Message

_SHARE_OF_CONTEXT = 4  # earlier turns take at most one part in so many of the model's context
_TEMPLATE_TOKENS = 96  # what a model's chat template may add to a prompt


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that decides on its answer, checked; `searched` is what is looked for."""

    question: str
    searched: str
    history: Sequence[Turn]
    where: Filter | None
    top_k: int | None
    model: LanguageModel
    template: Template
    options: GenerationOptions
    is_traced: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """The passages of a prompt, the tokens that they take there, and the hits not in it whole."""

    passages: tuple[Hit, ...]
    n_tokens: int = 0
    dropped: tuple[Dropped, ...] = ()

    @property
    def n_left_out(self) -> int:
        """How many hits are not in the prompt at all."""
        return sum(hit.reason == "no room" for hit in self.dropped)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked with: its messages, the passages in them, and what they cost."""

    messages: tuple[Message, ...]
    fitted: Fitted
    budget: Budget
    n_dropped_turns: int


def fit_prompt(
    question: str,
    hits: Sequence[Hit],
    *,
    history: Sequence[Turn],
    model: LanguageModel,
    settings: Settings,
    template: Template | None = None,
    text_of: TextOf = nothing_known,
) -> Prompt:
    """Return the prompt of a question: instruction, newest turns, as many passages as fit.

    Turns take at most a quarter of the context; the answer's tokens are kept free.
    """
    count_tokens, context_tokens = model.count_tokens, model.context_tokens
    n_turn_tokens = min(settings.history_tokens, context_tokens // _SHARE_OF_CONTEXT)
    newest, n_dropped = newest_turns(history, n_turn_tokens, count_tokens)
    turns = without_markers(newest)
    bare = build_messages(question, (), history=turns, template=template)
    fence = fence_of(join(hits, text_of))
    around = [opening_of(question, fence), *[closing_of(fence)] * len(hits)] if hits else []
    texts = [*(message.text for message in bare), *around]
    n_bare = sum(count_tokens(texts)) + _TEMPLATE_TOKENS
    room = context_tokens - settings.max_new_tokens - n_bare
    given = max(0, min(settings.passage_tokens, room))
    fitted = fit(hits, passage_tokens=given, count_tokens=count_tokens, text_of=text_of)
    messages = build_messages(
        question, fitted.passages, history=turns, template=template, fence=fence
    )
    budget = Budget(context_tokens, settings.max_new_tokens, n_bare, given, fitted.n_tokens)
    return Prompt(tuple(messages), fitted, budget, n_dropped)


def fit(
    hits: Sequence[Hit],
    *,
    passage_tokens: int,
    count_tokens: CountTokens,
    text_of: TextOf = nothing_known,
) -> Fitted:
    """Return the passages that fit into `passage_tokens` of the model's tokens, best first.

    Hits are taken best first, and neighbours joined; `text_of` is as for `join`. The first that
    does not fit whole is cut at a sentence border; what remains is left out. The first passage's
    first sentence is always kept.
    """
    sizes: dict[str, int] = {"": 0}

    def size_of(passages: Sequence[Hit]) -> int:
        spans = (span for n, hit in enumerate(passages, 1) for span in passage_spans(hit, n))
        shown = [span.text for span in spans]
        new = [text for text in dict.fromkeys(shown) if text not in sizes]
        sizes.update(zip(new, count_tokens(new) if new else [], strict=True))
        return sum(sizes[text] for text in shown)

    fitting: list[Hit] = []
    for place, hit in enumerate(hits):
        joined = join([*fitting, hit], text_of)
        if size_of(joined) <= passage_tokens:
            fitting = joined
            continue
        cuts = _cuts(hit)
        tried = ((cut, join([*fitting, cut], text_of)) for cut in cuts)
        least = (None, fitting) if fitting else (cuts[-1], cuts[-1:])
        kept, passages = next((t for t in tried if size_of(t[1]) <= passage_tokens), least)
        dropped = _dropped(hits[place:], kept)
        return Fitted(tuple(passages), size_of(passages), dropped)
    return Fitted(tuple(fitting), size_of(fitting))


def _cuts(hit: Hit) -> list[Hit]:
    """Return the hit's beginnings that end with a sentence, the longest first, at least one."""
    ends = [end for _, end in split_sentences(hit.text)] or [len(hit.text)]
    return [replace(hit, end=hit.start + end, text=hit.text[:end]) for end in reversed(ends)]


def _dropped(hits: Sequence[Hit], kept: Hit | None) -> tuple[Dropped, ...]:
    """Return the hits from the first on that did not fit whole; `kept` is what is left of it."""
    first, rest = hits[0], hits[1:]
    cut = [] if kept is None or kept.end == first.end else [_as_dropped(kept, is_cut=True)]
    left_out = [first, *rest] if kept is None else rest
    return (*cut, *(_as_dropped(hit) for hit in left_out))


def _as_dropped(hit: Hit, *, is_cut: bool = False) -> Dropped:
    place = (hit.chunk_id, hit.document_id, hit.source, hit.page, hit.start, hit.end)
    return Dropped(*place, "cut" if is_cut else "no room")
