"""Guess an answer's next tokens from what the prompt says, for the model to check in one pass.

Answers copy their passages. When the last few tokens stand in the prompt (or earlier in the
answer), those that follow there are fed along; as many as the model would have written are kept, so
a greedy answer stays what it was. Saxena 2023, "Prompt Lookup Decoding"; Leviathan et al. 2023,
"Fast Inference from Transformers via Speculative Decoding".
"""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST, _SHORTEST = 4, 2  # tokens that must match
_FIRST_LENGTH, _LEAST_LENGTH, _DOUBTFUL_LENGTH = 4, 2, 3
_MEMORY = 0.7  # of the running mean of tokens accepted
_WORTHWHILE = 0.25  # tokens accepted a draft, below which drafting costs more than it saves
_FIRST_PAUSE, _LONGEST_PAUSE = 16, 256  # tokens


class Drafter:
    """Drafts for one answer. Drafts grow where they are right, and pause where they are not."""

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._following: dict[tuple[int, ...], int] = {}  # n tokens -> place of the next
        self._length = _FIRST_LENGTH
        self._mean_accepted = 1.0
        self._pause = _FIRST_PAUSE
        self._resumes_at = 0
        self.extend(prompt_ids)

    def extend(self, ids: Sequence[int]) -> None:
        """Take the tokens that come next, of the prompt or of the answer."""
        for token_id in ids:
            end = len(self._ids)
            for n in range(_SHORTEST, min(_LONGEST, end) + 1):
                self._following[tuple(self._ids[end - n :])] = end
            self._ids.append(token_id)

    def draft(self, max_tokens: int) -> list[int]:
        """Return at most `max_tokens` that may come next, [] where nothing suggests any.

        After [5, 6, 7, 8, 9, 5, 6, 7] -> [8, 9, 5, 6]
        """
        if max_tokens <= 0 or len(self._ids) < self._resumes_at:
            return []
        for n in range(_LONGEST, _SHORTEST - 1, -1):
            place = self._following.get(tuple(self._ids[-n:]))
            if place is not None:
                sure = self._length if n > _SHORTEST else min(self._length, _DOUBTFUL_LENGTH)
                return self._ids[place : place + min(sure, max_tokens)]
        return []

    def learn(self, *, n_drafted: int, n_accepted: int) -> None:
        """Fit the length of drafts to how the last one fared, and pause when few are right."""
        is_right = n_accepted == n_drafted
        self._length = 2 * self._length if is_right else max(_LEAST_LENGTH, n_accepted + 1)
        self._mean_accepted = _MEMORY * self._mean_accepted + (1 - _MEMORY) * n_accepted
        if self._mean_accepted < _WORTHWHILE:
            self._resumes_at = len(self._ids) + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._mean_accepted = 2 * _WORTHWHILE
        elif is_right:
            self._pause = _FIRST_PAUSE
