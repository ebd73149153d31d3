"""An answer that a reader rated, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Rated:
    """A rating of the answer to a question, under the number `id` of its own.

    `given_at` is ISO 8601, UTC. `answer` is what `Answer.to_dict` gave, its trace included where
    it had one, without its hits.
    """

    id: int
    given_at: str
    rating: Verdict
    comment: str
    answer: Mapping[str, Any]

    @property
    def question(self) -> str:
        """What was asked."""
        return str(self.answer["question"])

    def to_dict(self) -> dict[str, Any]:
        """Return the rating as plain JSON values, under the names that the README documents."""
        return {
            "id": self.id,
            "given_at": self.given_at,
            "rating": self.rating,
            "comment": self.comment,
            "answer": dict(self.answer),
        }
