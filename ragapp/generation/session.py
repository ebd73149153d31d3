"""A session: one sequence of tokens together with the KV cache that holds it.

Two phases: `prefill` reads a prompt, keeping of the cache what the prompt begins with, and `decode`
feeds one token. Both leave the session usable whatever happens: after a cancel it holds what was
fed, after an error nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

import torch

from ragapp.generation.causal_model import CausalModel, Row
from ragapp.generation.kv_cache import GrowingCache, bytes_of

_ALL = sys.maxsize


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Keys and values, (layers, heads, n, dim) each, rotated for the places from `start` on."""

    start: int
    keys: torch.Tensor
    values: torch.Tensor


@dataclass(frozen=True, slots=True)
class Prefill:
    """What became of a prompt. `logits` is (vocab,), None when cancelled before the end."""

    cached_tokens: int
    prefilled_tokens: int
    logits: torch.Tensor | None


class Session:
    """A sequence and its cache. Not for two threads at once; the cache belongs to it alone.

    `adapter` is the loaded LoRA adapter that it is computed with, "" for the model as it is.
    """

    def __init__(self, model: CausalModel, *, piece_tokens: int = 512, adapter: str = "") -> None:
        self.adapter = adapter
        self._model = model
        self._piece_tokens = piece_tokens
        self._cache = model.new_cache()
        self._ids: list[int] = []
        self._n_exact = _ALL

    @property
    def ids(self) -> list[int]:
        """The tokens whose keys and values the cache holds."""
        return list(self._ids)

    @property
    def n_tokens(self) -> int:
        """How many tokens the cache holds."""
        return len(self._ids)

    @property
    def can_take_back(self) -> bool:
        """Whether tokens can be forgotten whatever their number."""
        return self._model.cache_kind.is_full_attention

    @property
    def can_continue(self) -> bool:
        """Whether a prompt that begins with `ids` would find them read."""
        return bool(self._ids) and not self._model.cache_kind.is_recurrent

    @property
    def n_bytes(self) -> int:
        """The memory of the cache."""
        return bytes_of(self._cache)

    def prefill(self, prompt_ids: Sequence[int], *, cancelled: Event) -> Prefill:
        """Make the session hold exactly `prompt_ids`, at least one token of which is fed.

        The prompt is fed in pieces, so that `cancelled` is noticed between them.
        """
        n_cached = self.begin(prompt_ids)
        logits = None
        while len(self._ids) < len(prompt_ids) and not cancelled.is_set():
            logits = self._feed(self.next_piece(prompt_ids, max_tokens=self._piece_tokens))
        is_whole = len(self._ids) == len(prompt_ids)
        return Prefill(n_cached, len(self._ids) - n_cached, logits if is_whole else None)

    def decode(self, token_id: int) -> torch.Tensor:
        """Feed one token and return the (vocab,) logits of the next."""
        return self._feed([token_id])

    def begin(self, prompt_ids: Sequence[int], *, is_exact: bool = True) -> int:
        """Keep what can be reused for a prompt and forget the rest; return how many tokens stay."""
        return self._keep(self.reusable_tokens(prompt_ids, is_exact=is_exact))

    def next_piece(self, prompt_ids: Sequence[int], *, max_tokens: int) -> Sequence[int]:
        """Return what of the prompt is to be fed next; a recurrent model takes all of it at once.

        [5, 6] held of [5, 6, 7, 8, 9] and at most 2 -> [7, 8]
        """
        start = self.n_tokens
        end = None if self._model.cache_kind.is_recurrent else start + max_tokens
        return prompt_ids[start:end]

    def row(self, ids: Sequence[int], *, n_logits: int = 1) -> Row:
        """Return what makes a pass over several sequences append `ids` to this one."""
        return Row(ids, self._cache, n_logits, self.adapter)

    def place(self, chunks: Sequence[Placed], *, n_tokens: int) -> None:
        """Put keys and values that were computed elsewhere behind those held, gaps between them.

        The cache is then `n_tokens` long; `placed_row` fills the gaps, `extend` tells of each token
        once all before it are there. From the first such chunk on the session is not exact.
        """
        assert isinstance(self._cache, GrowingCache)
        with torch.inference_mode():
            for chunk in chunks:
                self._cache.place(chunk.start, chunk.keys, chunk.values, n_tokens=n_tokens)
        self._n_exact = min(self._n_exact, chunks[0].start)

    def placed_row(self, ids: Sequence[int], places: Sequence[int]) -> Row:
        """Return what makes a pass write `ids` at ascending `places`."""
        return Row(ids, self._cache, 1, self.adapter, places)

    def extend(self, ids: Sequence[int]) -> None:
        """Record that a pass has appended `ids` to the cache."""
        self._ids.extend(ids)

    def take_back(self, n_tokens: int) -> None:
        """Forget the last `n_tokens`, of a session whose cache can be cropped."""
        self._keep(len(self._ids) - n_tokens)

    def shared_tokens(self, prompt_ids: Sequence[int]) -> int:
        """Return the length of the longest common prefix with `prompt_ids`.

        [5, 6, 7] held and [5, 6, 9, 7] asked -> 2
        """
        n = 0
        for held, asked in zip(self._ids, prompt_ids, strict=False):
            if held != asked:
                break
            n += 1
        return n

    def reusable_tokens(self, prompt_ids: Sequence[int], *, is_exact: bool = True) -> int:
        """Return how many of the prompt's tokens need not be fed: never all, for their logits.

        With `is_exact`, those alone that were computed from all before them.
        """
        n_shared = min(self.shared_tokens(prompt_ids), len(prompt_ids) - 1)
        n_shared = min(n_shared, self._n_exact) if is_exact else n_shared
        kind = self._model.cache_kind
        is_kept = n_shared == len(self._ids) and not kind.is_recurrent
        return n_shared if is_kept or kind.can_crop(len(self._ids)) else 0

    def fork(self, n_tokens: int) -> Session | None:
        """Return a new session with the first `n_tokens`, None if the cache cannot be split."""
        if not isinstance(self._cache, GrowingCache):
            return None
        fork = Session(self._model, piece_tokens=self._piece_tokens, adapter=self.adapter)
        with torch.inference_mode():
            fork._cache = self._cache.copy_of_first(n_tokens)
        fork._ids = self._ids[:n_tokens]
        fork._n_exact = self._n_exact if self._n_exact < n_tokens else _ALL
        return fork

    def restore(self) -> bool:
        """Undo what a failed pass has appended; False where only `clear` can."""
        if not isinstance(self._cache, GrowingCache):
            return False
        self._cache.keep_first(len(self._ids))
        return True

    def clear(self) -> None:
        """Forget everything and free the memory."""
        self._cache = self._model.new_cache()
        self._ids = []
        self._n_exact = _ALL

    def _keep(self, n_tokens: int) -> int:
        """Take back all but the first `n_tokens`."""
        n_removed = len(self._ids) - n_tokens
        if n_tokens == 0:
            self.clear()
        elif n_removed:
            with torch.inference_mode():
                self._cache.crop(-n_removed)  # transformers counts removed tokens downwards
            del self._ids[n_tokens:]
        if n_tokens <= self._n_exact:
            self._n_exact = _ALL
        return n_tokens

    def _feed(self, ids: Sequence[int]) -> torch.Tensor:
        try:
            logits = self._model.step([self.row(ids)])[0][-1]
        except BaseException:  # some layers hold the tokens by now, others do not
            self.clear()
            raise
        self._ids.extend(ids)
        return logits
