"""One forward pass: token ids and the cache of what came before -> logits of what comes next."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from transformers import Cache, PreTrainedModel

from ragapp.errors import ModelError
from ragapp.generation.kv_cache import kind_of, new_cache
from ragapp.generation.turns import FifoSlots

_CACHE_PARAMETERS = ("cache", "past_key_values")  # from transformers 5.24 on, and before


class CausalModel:
    """A loaded model that computes for one sequence at a time, in the order of asking.

    The turn is taken for one forward pass, not for one answer: sequences advance side by side, and
    an answer that nobody reads on holds up no other.
    """

    def __init__(self, model: PreTrainedModel, *, name: str) -> None:
        self.name = name
        self.cache_kind = kind_of(model.config)
        self._model = model
        self._turns = FifoSlots(1)
        parameters = inspect.signature(model.forward).parameters
        named = next((n for n in _CACHE_PARAMETERS if n in parameters), None)
        if named is None or not self.cache_kind.is_attending:
            raise ModelError(
                f"{name!r} ({type(model).__name__}) keeps no KV cache that could be continued",
                hint="choose a model with attention layers",
            )
        self._cache_parameter = named
        self._extra = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        if head is not None:
            head.register_forward_pre_hook(_with_contiguous_rows)

    @property
    def device(self) -> torch.device:
        """Where the logits come out."""
        device: torch.device = self._model.device
        return device

    def new_cache(self) -> Cache:
        """Return an empty cache."""
        return new_cache(self._model.config, self.cache_kind)

    @torch.inference_mode()
    def forward(self, ids: Sequence[int], cache: Cache) -> torch.Tensor:
        """Append `ids` to `cache` and return the (vocab,) logits after the last of them.

        Raises ModelError when the device's memory does not suffice; `cache` is then unusable.
        """
        rows = torch.tensor([ids], device=self.device)  # (1, T)
        self._turns.acquire()
        try:
            held = {self._cache_parameter: cache, **self._extra}
            output = self._model(input_ids=rows, use_cache=True, **held)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"the memory of {self.device} does not suffice for {len(ids)} more tokens",
                hint="ask with fewer passages, or choose a smaller model",
            ) from error
        finally:
            self._turns.release()
        logits: torch.Tensor = output.logits[0, -1]  # (vocab,)
        return logits


def _with_contiguous_rows(_: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Copy the one row that is kept of a prompt: on CPU, bfloat16 is 20 times slower on a view."""
    rows, *others = inputs
    return rows.contiguous(), *others
