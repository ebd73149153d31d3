"""Whether options of an answer are in their ranges, for all engines in the same words."""

from __future__ import annotations

from ragapp.errors import UsageError
from ragapp.types import GenerationOptions


def check_options(options: GenerationOptions) -> None:
    """Raise UsageError for options outside their ranges."""
    timeout_s = options.timeout_s
    penalty = options.repetition_penalty
    ranges = (
        ("max_new_tokens", options.max_new_tokens, options.max_new_tokens >= 1, "at least 1"),
        ("temperature", options.temperature, options.temperature >= 0, "at least 0"),
        ("top_p", options.top_p, 0 < options.top_p <= 1, "above 0 and at most 1"),
        ("top_k", options.top_k, options.top_k >= 0, "at least 0"),
        ("min_p", options.min_p, 0 <= options.min_p <= 1, "at least 0 and at most 1"),
        ("repetition_penalty", penalty, 0 < penalty < float("inf"), "above 0, 1 for none"),
        ("timeout_s", timeout_s, timeout_s is None or timeout_s > 0, "above 0 seconds, or None"),
    )
    for name, value, is_valid, expected in ranges:
        if not is_valid:
            raise UsageError(f"{name} = {value!r} is out of range", hint=f"{name} is {expected}")
