"""Questions in a conversation that the collection stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragapp.collection import checked_name
from ragapp.filters import Where
from ragapp.questions import Turn
from ragapp.rag import Rag
from ragapp.streaming import AnswerStream
from ragapp.transcripts import ConversationTurn
from ragapp.types import Answer

_SHARE_OF_CONTEXT = 4  # earlier turns take at most one part in so many of the model's context


def talk(
    rag: Rag,
    name: str,
    question: str,
    *,
    top_k: int | None = None,
    where: Where | None = None,
    adapter: str | None = None,
) -> AnswerStream:
    """Answer a question in the stored conversation `name`, begun if there is none; store the turn.

    The turn is stored, durably, once the stream is read to its end; an answer stopped before its
    first word is not. Of the turns before, the newest that fit into the setting `history_tokens`
    go along, and into a quarter of the model's context; `Answer.dropped_turns` counts the rest.
    Arguments and errors are otherwise as for `Rag.stream`; raises UsageError for an empty name.
    """
    name = checked_name(name)
    found = rag.conversations.find(name)
    turns = found.turns if found else ()
    model = rag.language_model
    n_tokens = min(rag.settings.history_tokens, model.context_tokens // _SHARE_OF_CONTEXT)
    kept = newest_within(turns, n_tokens, model.count_tokens)
    history: list[Turn] = []
    for turn in kept:
        history += [("user", turn.question), ("assistant", turn.text)]
    stream = rag.stream(question, top_k=top_k, history=history, where=where, adapter=adapter)
    return stream.then(lambda answer: _stored(answer, len(turns) - len(kept), rag, name))


def newest_within(
    turns: Sequence[ConversationTurn],
    n_tokens: int,
    count_tokens: Callable[[Sequence[str]], list[int]],
) -> Sequence[ConversationTurn]:
    """Return the newest turns whose questions and answers have at most `n_tokens` in all."""
    for n_kept, turn in enumerate(reversed(turns)):
        n_tokens -= sum(count_tokens([turn.question, turn.text]))
        if n_tokens < 0:
            return turns[len(turns) - n_kept :]
    return turns


def _stored(answer: Answer, n_dropped: int, rag: Rag, name: str) -> Answer:
    answer = replace(answer, dropped_turns=n_dropped)
    if answer.text:
        facts = answer.to_dict()
        del facts["hits"]  # they can be searched for again, and are long
        rag.conversations.append(name, facts)
    return answer
