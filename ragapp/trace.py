"""How an answer came about: what was searched, prompted, dropped and reused, and how long it took.

Plain values below all other types, so that an answer can hold, store and compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question arrived until each stage was done."""

    retrieve: float = 0.0
    prompt: float = 0.0
    first_token: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Stages:
    """Milliseconds that each stage took: `first_token` is the wait for it, `check` the citing."""

    retrieve: float = 0.0
    prompt: float = 0.0
    first_token: float = 0.0
    write: float = 0.0
    check: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """The model's tokens: its context, what of it is kept for what, and what the passages took.

    `bare_tokens` are those of the prompt without passages: instruction, earlier turns, question,
    the lines around passages, and what a chat template may add. `passage_tokens` is what was given
    to the passages, `used_tokens` what they took.
    """

    context_tokens: int
    answer_tokens: int
    bare_tokens: int
    passage_tokens: int
    used_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """A hit that is not in the prompt as a whole, and why.

    "no room": nothing of it fitted; "cut": its text ends at the sentence border `end`.
    """

    chunk_id: str
    document_id: str
    source: str
    page: int | None
    start: int
    end: int
    reason: Literal["no room", "cut"]


@dataclass(frozen=True, slots=True)
class Trace:
    """How one answer came about.

    `searched` is the question as searched: a follow-up with those before it. `search` is what each
    stage of the search saw, as `Explanation.to_dict` tells it. `messages` are (role, text), empty
    where the model was not asked. `prompt` is the exact text that the model read, control tokens
    and all, "" where the engine cannot say it. `confidence` in [0, 1] is how sure the hits were to
    be about the question: below `abstain_below` the model is not asked.
    """

    searched: str
    search: Mapping[str, Any]
    confidence: float
    abstain_below: float
    messages: tuple[tuple[str, str], ...]
    prompt: str
    budget: Budget
    dropped: tuple[Dropped, ...]
    stages_ms: Stages
    prefilled_tokens: int
    cached_tokens: int
    dropped_turns: int

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as plain JSON values, under the names that the README documents."""
        return {
            "searched": self.searched,
            "search": dict(self.search),
            "confidence": self.confidence,
            "abstain_below": self.abstain_below,
            "messages": [{"role": role, "text": text} for role, text in self.messages],
            "prompt": self.prompt,
            "budget": asdict(self.budget),
            "dropped": [asdict(hit) for hit in self.dropped],
            "stages_ms": asdict(self.stages_ms),
            "prefilled_tokens": self.prefilled_tokens,
            "cached_tokens": self.cached_tokens,
            "dropped_turns": self.dropped_turns,
        }
