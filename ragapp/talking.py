"""Questions in a conversation that the collection stores."""

from __future__ import annotations

from typing import Unpack

from ragapp.collection import checked_name
from ragapp.questions import AskOptions, Turn
from ragapp.rag import Rag
from ragapp.streaming import AnswerStream
from ragapp.types import Answer


def talk(rag: Rag, name: str, question: str, **options: Unpack[AskOptions]) -> AnswerStream:
    """Answer a question in the stored conversation `name`, begun if there is none; store the turn.

    The turn is stored, durably, once the stream is read to its end; an answer stopped before its
    first word is not. The turns before are its history, whatever `options` say of one.
    Arguments and errors are otherwise as for `Rag.stream`; raises UsageError for an empty name.
    """
    name = checked_name(name)
    found = rag.conversations.find(name)
    history: list[Turn] = []
    for turn in found.turns if found else ():
        history += [("user", turn.question), ("assistant", turn.text)]
    stream = rag.stream(question, **(options | AskOptions(history=history)))
    return stream.then(lambda answer: _stored(answer, rag, name))


def _stored(answer: Answer, rag: Rag, name: str) -> Answer:
    if answer.text:
        facts = answer.to_dict()
        del facts["hits"]  # they can be searched for again, and are long
        facts.pop("trace", None)
        rag.conversations.append(name, facts)
    return answer
