"""What an engine may take: memory for idle caches, answers at once, tokens at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `max_streams` answers are under way, and `max_waiting` more requests wait.

    `pool_bytes` bounds the KV caches kept between requests. Prompts are read `piece_tokens` at a
    time. With `is_drafting`, the tokens of greedy answers are guessed from their prompts, where
    that pays.

    `chunk_bytes`, 0 for none, bound the keys and values of passages that are kept to be joined
    instead of computed, in memory and again in `chunk_folder`; `chunk_share` in [0, 1] of each
    passage is computed all the same.
    """

    max_streams: int = 8
    max_waiting: int = 64
    pool_bytes: int = 512 * 2**20
    piece_tokens: int = 512
    is_drafting: bool = True
    chunk_bytes: int = 0
    chunk_share: float = 0.08
    chunk_folder: Path | None = None
