"""A prompt whose passages were read before: their keys and values are joined instead of computed.

Each passage is computed once as if it stood alone (Lu et al. 2024, "TurboRAG"), its keys are turned
to where it stands, and the rest of the prompt is read over what was joined. What the passages would
have learned from the text before them is lost, and with it some quality: the first tokens of each,
to which attention clings most where a text begins, are therefore computed in place, a share that is
chosen (Hu et al. 2024, "EPIC"; Yao et al. 2024, "CacheBlend", choose by deviation instead, which
takes a look at all tokens in the first layers). Since attention looks back alone, one pass over all
gaps gives what reading the prompt in order would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from ragapp.generation.causal_model import CausalModel, Row
from ragapp.generation.chunk_store import ChunkStates, ChunkStore, chunk_key
from ragapp.generation.fingerprint import fingerprint_of
from ragapp.generation.kv_cache import GrowingCache
from ragapp.generation.session import Placed, Session


class _Passage(NamedTuple):
    """The tokens [start, end) of a prompt, of which those from `reused` on are joined."""

    start: int
    end: int
    reused: int
    key: str


class ChunkReuse:
    """The chunks of one model; `share` in [0, 1] of each is computed in place, its first tokens.

    Raises SettingsError for a model whose keys cannot be moved.
    """

    def __init__(self, model: CausalModel, store: ChunkStore, *, share: float) -> None:
        self.model = model
        self.rotation = model.rotation()
        self.store = store
        self._share = share
        self._adapters = {"": ""}

    def joining(
        self,
        prompt_ids: Sequence[int],
        passages: Sequence[tuple[int, int]],
        *,
        session: Session,
        n_held: int,
    ) -> Joining | None:
        """Return how the prompt is read whose first `n_held` tokens the session holds.

        None where there is nothing to reuse. A passage that is held in part is read on as any text.
        """
        wanted, adapter = [], self._fingerprint(session.adapter)
        for start, end in passages:
            reused = start + math.ceil(self._share * (end - start))
            if start >= n_held and reused < min(end, len(prompt_ids) - 1):
                key = chunk_key(prompt_ids[start:end], adapter=adapter)
                wanted.append(_Passage(start, end, reused, key))
        if not wanted:
            return None
        return Joining(self, prompt_ids, wanted, session=session, n_held=n_held)

    def clear(self) -> None:
        """Forget what is held in memory."""
        self.store.clear()

    def _fingerprint(self, adapter: str) -> str:
        if adapter not in self._adapters:
            self._adapters[adapter] = fingerprint_of(Path(adapter), form="adapter")
        return self._adapters[adapter]


class Joining:
    """One prompt on its way: first its unknown passages, one by one, then the gaps between them.

    `next_ids`, `row` and `take` are those of a request's; `n_found` tokens need not be computed.
    """

    def __init__(
        self,
        reuse: ChunkReuse,
        prompt_ids: Sequence[int],
        passages: Sequence[_Passage],
        *,
        session: Session,
        n_held: int,
    ) -> None:
        self._reuse = reuse
        self._prompt_ids = prompt_ids
        self._passages = passages
        self._session = session
        found = {passage.key: reuse.store.get(passage.key) for passage in passages}
        self._states = {key: states for key, states in found.items() if states is not None}
        last = len(prompt_ids) - 1  # is fed in any case, for its logits
        joined = {
            place for passage in passages for place in range(passage.reused, min(passage.end, last))
        }
        self._gaps = [place for place in range(n_held, len(prompt_ids)) if place not in joined]
        self._n_filled = 0
        known = [passage for passage in passages if passage.key in self._states]
        self.n_found = sum(min(passage.end, last) - passage.reused for passage in known)
        self._unknown = {p.key: p for p in passages if p.key not in self._states}
        self._chunk, self._n_read = self._new_cache(), 0
        if not self._unknown:
            self._place()

    @property
    def is_done(self) -> bool:
        """Whether the session holds the prompt."""
        return not self._unknown and self._n_filled == len(self._gaps)

    def next_ids(self, *, max_tokens: int) -> list[int]:
        """Return at most `max_tokens` to feed."""
        if not self._unknown:
            return [self._prompt_ids[place] for place in self._next_gaps(max_tokens)]
        passage = self._next_unknown()
        start = passage.start + self._n_read
        return list(self._prompt_ids[start : min(passage.end, start + max_tokens)])

    def row(self, ids: Sequence[int]) -> Row:
        """Return what feeds `ids`, the `next_ids`."""
        if self._unknown:
            return Row(ids, self._chunk, adapter=self._session.adapter)
        return self._session.placed_row(ids, self._next_gaps(len(ids)))

    def take(self, ids: Sequence[int]) -> None:
        """Note that `ids` were fed."""
        if self._unknown:
            self._take_chunk(ids)
            return
        self._n_filled += len(ids)
        rest = self._next_gaps(1)
        n_tokens = rest[0] if rest else len(self._prompt_ids)
        self._session.extend(self._prompt_ids[self._session.n_tokens : n_tokens])

    def restore(self) -> None:
        """Undo what a failed pass has written. What it wrote into gaps, the next one overwrites."""
        self._chunk.keep_first(self._n_read)

    def _next_unknown(self) -> _Passage:
        return next(iter(self._unknown.values()))

    def _next_gaps(self, n_tokens: int) -> list[int]:
        return self._gaps[self._n_filled : self._n_filled + n_tokens]

    def _new_cache(self) -> GrowingCache:
        cache = self._reuse.model.new_cache()
        assert isinstance(cache, GrowingCache)
        return cache

    @torch.inference_mode()
    def _take_chunk(self, ids: Sequence[int]) -> None:
        passage = self._next_unknown()
        self._n_read += len(ids)
        if self._n_read < passage.end - passage.start:
            return
        states = ChunkStates(*self._chunk.states())
        self._reuse.store.put(passage.key, states)
        self._states[passage.key] = states
        del self._unknown[passage.key]
        self._chunk, self._n_read = self._new_cache(), 0
        if not self._unknown:
            self._place()

    @torch.inference_mode()
    def _place(self) -> None:
        """Join all passages in the session, and leave gaps for the rest."""
        last = len(self._prompt_ids) - 1
        chunks = []
        for passage in self._passages:
            states = self._states[passage.key]
            joined = slice(passage.reused - passage.start, min(passage.end, last) - passage.start)
            keys = self._reuse.rotation.moved(states.keys[:, :, joined], passage.start)
            chunks.append(Placed(passage.reused, keys, states.values[:, :, joined]))
        self._session.place(chunks, n_tokens=len(self._prompt_ids))
        held = self._session.n_tokens
        self._session.extend(self._prompt_ids[held : self._gaps[0]])
        self._states = {}
