"""One forward pass: token ids and the caches of what came before -> logits of what comes next."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from transformers import Cache, PreTrainedModel

from ragapp.errors import ModelError
from ragapp.generation.adapted_linear import Chosen, add_adapter
from ragapp.generation.adapters import read_adapter
from ragapp.generation.kv_cache import kind_of, new_cache
from ragapp.generation.packed_attention import (
    PackedCache,
    Places,
    can_pack,
    use_packed_attention,
)
from ragapp.generation.quantized_linear import is_quantized
from ragapp.generation.rotation import Rotation, rotation_of
from ragapp.generation.turns import FifoSlots

_CHEAP_ROWS, _CHEAP_ROWS_QUANTIZED = 8, 4
_CACHE_PARAMETERS = ("cache", "past_key_values")  # from transformers 5.24 on, and before


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens to append to a sequence's `cache`, and after how many of the last logits are asked.

    `adapter` is the folder of a loaded LoRA adapter to compute with, "" for the model as it is.
    `places` are the tokens' ascending positions where they fill gaps of the sequence, which its
    cache has room for, instead of being appended; for a model that `is_packing` alone.
    """

    ids: Sequence[int]
    cache: Cache
    n_logits: int = 1
    adapter: str = ""
    places: Sequence[int] | None = None

    @property
    def positions(self) -> Sequence[int]:
        """The place of each token in its sequence."""
        if self.places is not None:
            return self.places
        start = self.cache.get_seq_length()
        return range(start, start + len(self.ids))


class CausalModel:
    """A loaded model that computes one pass at a time, in the order of asking.

    The turn is taken for one forward pass, not for one answer: sequences advance side by side, and
    an answer that nobody reads on holds up no other. `cheap_rows` are the tokens, drafts included,
    that a pass computes in little more time than one.
    """

    def __init__(self, model: PreTrainedModel, *, name: str) -> None:
        self.name = name
        self.cheap_rows = _CHEAP_ROWS_QUANTIZED if is_quantized(model) else _CHEAP_ROWS
        self.cache_kind = kind_of(model.config)
        self._model = model
        self._turns = FifoSlots(1)
        self._chosen = Chosen()
        self._adapters: set[str] = set()
        parameters = inspect.signature(model.forward).parameters
        named = next((n for n in _CACHE_PARAMETERS if n in parameters), None)
        if named is None or not self.cache_kind.is_attending:
            raise ModelError(
                f"{name!r} ({type(model).__name__}) keeps no KV cache that could be continued",
                hint="choose a model with attention layers",
            )
        self._cache_parameter = named
        self._keeps_logits = "logits_to_keep" in parameters
        is_full = self.cache_kind.is_full_attention
        self.is_packing = self._keeps_logits and is_full and can_pack(model.config)
        if self.is_packing:
            use_packed_attention(model)
        head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        if head is not None:
            head.register_forward_pre_hook(_with_contiguous_rows)

    @property
    def device(self) -> torch.device:
        """Where the logits come out."""
        device: torch.device = self._model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """What keys and values are computed in."""
        return self._model.dtype

    def rotation(self) -> Rotation:
        """Return how keys are moved to another place. Raises ModelError where they cannot be."""
        return rotation_of(self._model, name=self.name, is_packing=self.is_packing)

    def new_cache(self) -> Cache:
        """Return an empty cache."""
        return new_cache(self._model.config, self.cache_kind)

    def load_adapter(self, folder: str) -> None:
        """Read the LoRA adapter in `folder`, once; the model's own weights stay as they are.

        Raises ModelError for an adapter that cannot be read or is another model's.
        """
        if folder in self._adapters:
            return
        dtype, config = self._model.dtype, self._model.config
        parts = read_adapter(Path(folder), config, model=self.name, dtype=dtype, device=self.device)
        with self._turn():
            add_adapter(self._model, folder, parts, chosen=self._chosen)
            self._adapters.add(folder)

    def forward(self, ids: Sequence[int], cache: Cache) -> torch.Tensor:
        """Append `ids` to `cache` and return the (vocab,) logits after the last of them.

        Raises ModelError when the device's memory does not suffice; `cache` is then unusable.
        """
        return self.step([Row(ids, cache)])[0][-1]

    @torch.inference_mode()
    def step(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """Append each row's ids to its cache; return (n_logits, vocab) logits for each.

        A model that `is_packing` computes those of one adapter in one pass, others one after
        another. Raises ModelError when the device's memory does not suffice; the caches are then
        unusable.
        """
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(row.adapter, []).append(place)
        logits: dict[int, torch.Tensor] = {}
        with self._turn():
            for adapter, own in places.items():
                self._chosen.name = adapter
                logits.update(zip(own, self._passed([rows[i] for i in own]), strict=True))
        return [logits[place] for place in range(len(rows))]

    def _passed(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """Return the logits of rows that have one adapter."""
        try:
            if self.is_packing and (len(rows) > 1 or rows[0].places is not None):
                return self._computed_together(rows)
            return [self._computed(row) for row in rows]
        except torch.OutOfMemoryError as error:
            n_tokens = sum(len(row.ids) for row in rows)
            raise ModelError(
                f"the memory of {self.device} does not suffice for {n_tokens} more tokens",
                hint="ask with fewer passages, or choose a smaller model",
            ) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    def _computed(self, row: Row) -> torch.Tensor:
        kept = {"logits_to_keep": row.n_logits} if self._keeps_logits else {}
        logits = self._logits(row.ids, row.cache, **kept)
        return logits[-row.n_logits :]

    def _computed_together(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        lengths = [len(row.ids) for row in rows]
        positions = [place for row in rows for place in row.positions]
        places = [
            None if row.places is None else Places.of(row.places, device=self.device)
            for row in rows
        ]
        kept = [
            place
            for row, end in zip(rows, accumulate(lengths), strict=True)
            for place in range(end - row.n_logits, end)
        ]
        logits = self._logits(
            [token_id for row in rows for token_id in row.ids],
            PackedCache([row.cache for row in rows], lengths, places),
            position_ids=torch.tensor([positions], device=self.device),
            logits_to_keep=torch.tensor(kept, device=self.device),
        )
        return list(torch.split(logits, [row.n_logits for row in rows]))

    def _logits(self, ids: Sequence[int], cache: Cache, **options: Any) -> torch.Tensor:
        held = {self._cache_parameter: cache, **options}
        row = torch.tensor([ids], device=self.device)  # (1, T)
        output = self._model(input_ids=row, use_cache=True, **held)
        logits: torch.Tensor = output.logits[0]  # (n, vocab)
        return logits


def _with_contiguous_rows(_: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Copy the one row that is kept of a prompt: on CPU, bfloat16 is 20 times slower on a view."""
    rows, *others = inputs
    return rows.contiguous(), *others
