"""Logits -> the next token: greedy, or drawn after temperature, top-k, top-p and min-p."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ragapp.types import GenerationOptions


class Sampler:
    """Draws one request's tokens. Equal options and equal logits give equal tokens."""

    def __init__(
        self, options: GenerationOptions, *, device: torch.device, prompt_ids: Sequence[int] = ()
    ) -> None:
        self._options = options
        self._has_penalty = options.repetition_penalty != 1
        self._seen = dict.fromkeys(prompt_ids) if self._has_penalty else {}
        self._generator: torch.Generator | None = None
        if options.temperature > 0:
            self._generator = torch.Generator(device=device)
            self._generator.manual_seed(options.seed)

    @property
    def is_greedy(self) -> bool:
        """Whether a token depends on its own logits alone, and is the likeliest."""
        return self._generator is None and not self._has_penalty

    def choose(self, logits: torch.Tensor) -> int:
        """Return the next token for (vocab,) logits."""
        if self._has_penalty:
            logits = _penalised(logits, list(self._seen), penalty=self._options.repetition_penalty)
        token_id = self._drawn(logits) if self._generator else int(logits.argmax())
        if self._has_penalty:
            self._seen[token_id] = None
        return token_id

    def _drawn(self, logits: torch.Tensor) -> int:
        options = self._options
        scores = (logits.float() - logits.max()) / options.temperature  # at most 0
        if options.top_k == 0 and options.top_p == 1 and options.min_p == 0:
            return self._draw(scores.softmax(dim=-1))
        n_kept = min(options.top_k or len(scores), len(scores))
        scores, ids = scores.topk(n_kept)  # (n_kept,) both, best first
        probabilities = _nucleus(scores.softmax(dim=-1), top_p=options.top_p)
        return int(ids[self._draw(_likely(probabilities, min_p=options.min_p))])

    def _draw(self, probabilities: torch.Tensor) -> int:
        return int(probabilities.multinomial(1, generator=self._generator))


def logprob_of(logits: torch.Tensor, token_id: int) -> float:
    """Return the natural logarithm of a token's probability for (vocab,) logits."""
    return float(logits.float().log_softmax(dim=-1)[token_id])


def _penalised(logits: torch.Tensor, seen: Sequence[int], *, penalty: float) -> torch.Tensor:
    """Return logits in which the tokens seen are less likely, where `penalty` is above 1.

    Keskar et al. 2019, "CTRL", section 4.1; negative logits are multiplied, as transformers does:
    [2, -1, 3], tokens 0 and 1 seen, penalty 2 -> [1, -2, 3].
    """
    if not seen:
        return logits
    ids = torch.tensor(seen, device=logits.device)
    scores = logits[ids].float()
    scores = torch.where(scores < 0, scores * penalty, scores / penalty)
    return logits.float().index_copy(0, ids, scores)


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


def _likely(probabilities: torch.Tensor, *, min_p: float) -> torch.Tensor:
    """Zero the tokens less likely than `min_p` times the first, which is the likeliest.

    Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling": [0.6, 0.3, 0.1] and 0.4 ->
    [0.6, 0.3, 0].
    """
    if min_p == 0:
        return probabilities
    is_likely = probabilities >= min_p * probabilities[0]
    return probabilities.where(is_likely, torch.zeros_like(probabilities))
