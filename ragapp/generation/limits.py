"""What an engine may take: memory for idle caches, answers at once, tokens at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `max_streams` answers are under way, and `max_waiting` more requests wait.

    `pool_bytes` bounds the KV caches kept between requests. Prompts are read `piece_tokens` at a
    time. With `is_drafting`, the tokens of greedy answers are guessed from their prompts, where
    that pays.
    """

    max_streams: int = 8
    max_waiting: int = 64
    pool_bytes: int = 512 * 2**20
    piece_tokens: int = 512
    is_drafting: bool = True
