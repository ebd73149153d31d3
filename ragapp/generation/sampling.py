"""Logits -> the next token: greedy, or drawn after temperature, top-k and top-p."""

from __future__ import annotations

import torch

from ragapp.errors import UsageError
from ragapp.types import GenerationOptions


def check_options(options: GenerationOptions) -> None:
    """Raise UsageError for options outside their ranges."""
    ranges = (
        ("max_new_tokens", options.max_new_tokens, options.max_new_tokens >= 1, "at least 1"),
        ("temperature", options.temperature, options.temperature >= 0, "at least 0"),
        ("top_p", options.top_p, 0 < options.top_p <= 1, "above 0 and at most 1"),
        ("top_k", options.top_k, options.top_k >= 0, "at least 0"),
    )
    for name, value, is_valid, expected in ranges:
        if not is_valid:
            raise UsageError(f"{name} = {value!r} is out of range", hint=f"{name} is {expected}")


class Sampler:
    """Draws one request's tokens. Equal options and equal logits give equal tokens."""

    def __init__(self, options: GenerationOptions, *, device: torch.device) -> None:
        self._options = options
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(options.seed)

    def choose(self, logits: torch.Tensor) -> int:
        """Return the next token for (vocab,) logits."""
        if self._options.temperature == 0:
            return int(logits.argmax())
        scores = (logits.float() - logits.max()) / self._options.temperature  # at most 0
        if self._options.top_k == 0 and self._options.top_p == 1:
            return self._draw(scores.softmax(dim=-1))
        n_kept = min(self._options.top_k or len(scores), len(scores))
        scores, ids = scores.topk(n_kept)  # (n_kept,) both, best first
        return int(ids[self._draw(_nucleus(scores.softmax(dim=-1), top_p=self._options.top_p))])

    def _draw(self, probabilities: torch.Tensor) -> int:
        return int(probabilities.multinomial(1, generator=self._generator))


def _nucleus(probabilities: torch.Tensor, *, top_p: float) -> torch.Tensor:
    """Zero all but the fewest best tokens whose mass reaches `top_p`; rows come best first.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1. The best
    token always stays: [0.5, 0.3, 0.2] and 0.6 -> [0.5, 0.3, 0].
    """
    if top_p >= 1:
        return probabilities
    mass_before = probabilities.cumsum(dim=-1) - probabilities
    mass_before[0] = 0  # (n_kept,); exact, whatever the rounding of the sum
    return probabilities.where(mass_before < top_p, torch.zeros_like(probabilities))
