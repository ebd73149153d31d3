"""What the tests of the generation engine share: sizes of tiny models, and a clock to cancel by."""

from __future__ import annotations

from threading import Event

VOCABULARY = 300
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


class SetAfter(Event):
    """An event that is set once it has been asked `n` times, which the engine does at each step."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n_left = n

    def is_set(self) -> bool:
        self.n_left -= 1
        return self.n_left < 0
