"""The sentences of an answer, each with what supports it or speaks against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Objection = Literal["number", "date", "negation", "name", "words", "entailment"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, ``answer.text[start:end]``, and the passages that support it.

    Without one it is not grounded, and `objections` say what the likeliest passage states
    otherwise: another number, date, negation or name, too few of its words, or "entailment" where
    a model finds that the passage contradicts it.
    """

    start: int
    end: int
    text: str
    markers: tuple[int, ...]
    is_grounded: bool
    objections: tuple[Objection, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as plain JSON values, under the names that the README documents."""
        values = asdict(self)
        values["grounded"] = values.pop("is_grounded")
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
