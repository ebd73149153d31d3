"""What each stage of an answer left behind -> its trace."""

from __future__ import annotations

from ragapp.explaining import Explanation
from ragapp.fitting import Prompt
from ragapp.protocols import LanguageModel
from ragapp.streaming import Clock
from ragapp.trace import Trace
from ragapp.types import Answer


def trace_of(
    answer: Answer,
    explanation: Explanation,
    prompt: Prompt,
    *,
    clock: Clock,
    model: LanguageModel | None,
    confidence: float,
    abstain_below: float,
) -> Trace:
    """Return how `answer` came about; `model` is None where none was asked."""
    messages = prompt.messages if model is not None else ()
    return Trace(
        searched=explanation.question,
        search=explanation.to_dict(),
        confidence=confidence,
        abstain_below=abstain_below,
        messages=tuple((message.role, message.text) for message in messages),
        prompt="" if model is None else model.prompt_text(messages),
        budget=prompt.budget,
        dropped=prompt.fitted.dropped,
        stages_ms=clock.stages(answer.timings_ms),
        prefilled_tokens=answer.usage.prefilled_tokens,
        cached_tokens=answer.usage.cached_tokens,
        dropped_turns=answer.dropped_turns,
    )
