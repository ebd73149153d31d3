"""Questions in a conversation that the collection stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, Unpack

from ragapp.collection import checked_name
from ragapp.conflict import Conflict
from ragapp.places import Place
from ragapp.questions import AskOptions, Turn
from ragapp.rag import Rag
from ragapp.statements import Statement
from ragapp.streaming import AnswerStream
from ragapp.trace import Timings
from ragapp.transcripts import ConversationTurn
from ragapp.types import Answer, Citation, Usage

_T = TypeVar("_T")


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


def answer_of(turn: ConversationTurn) -> Answer:
    """Return a stored turn's answer as `talk` gave it, without its hits.

    Facts that this version does not know, or an older one did not store, are left out.
    """
    facts = turn.answer
    return Answer(
        question=turn.question,
        text=turn.text,
        abstained=bool(facts["abstained"]),
        citations=tuple(_citation(values) for values in facts["citations"]),
        hits=(),
        engine=str(facts["engine"]),
        timings_ms=_known(Timings, facts["timings_ms"]),
        usage=_known(Usage, facts["usage"]),
        statements=tuple(_statement(values) for values in facts["statements"]),
        dropped_turns=int(facts["dropped_turns"]),
        dropped_hits=int(facts.get("dropped_hits", 0)),
        conflicts=tuple(Conflict.of(values) for values in facts.get("conflicts", ())),
    )


def _citation(values: Mapping[str, Any]) -> Citation:
    places = [_known(Place, place) for place in values.get("also_at", ())]
    return _known(Citation, {**values, "also_at": places})


def _statement(values: Mapping[str, Any]) -> Statement:
    return _known(Statement, {**values, "is_grounded": values["grounded"]})


def _known(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """Return a value of a dataclass made of what `values` holds of its fields, lists as tuples."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    held = {name: value for name, value in values.items() if name in names}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in held.items()})


def _stored(answer: Answer, rag: Rag, name: str) -> Answer:
    if answer.text:
        facts = answer.to_dict()
        del facts["hits"]  # they can be searched for again, and are long
        facts.pop("trace", None)
        rag.conversations.append(name, facts)
    return answer
