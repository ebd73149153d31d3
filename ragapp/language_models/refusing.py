"""Requests that an engine cannot serve, refused in the same words by all of them."""

from __future__ import annotations

from ragapp.errors import UsageError
from ragapp.types import GenerationOptions


def refuse_adapter(options: GenerationOptions, *, engine: str) -> None:
    """Raise UsageError where `options` ask for a LoRA adapter, of an engine that loads none."""
    if options.adapter:
        raise UsageError(
            f"the engine {engine!r} loads no adapters, and {options.adapter!r} was asked for",
            hint="set engine to transformers; a server is asked for an adapter by its model's name",
        )
