"""What joining the keys and values of passages saves, and how far it moves the next token.

Part of `bench/generation.py`. The weights are random: they attend to everything about alike, so
that the drift says little of what trained ones would do; the times and bytes don't depend on them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import torch

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.chunk_reuse import ChunkReuse
from ragapp.generation.chunk_store import ChunkStore
from ragapp.generation.session import Session

if TYPE_CHECKING:
    from bench.generation import Setting

N_PASSAGES, PASSAGE_TOKENS = 8, 256
SYSTEM_TOKENS, HEADER_TOKENS, QUESTION_TOKENS = 64, 12, 32
SHARES = (0.0, 0.08, 0.15, 0.3, 1.0)
PIECE_TOKENS = 512
ROUNDS, N_DRIFTS = 2, 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's tokens and which of them are passages."""

    ids: list[int]
    passages: list[tuple[int, int]]


def measure_chunks(setting: Setting) -> None:
    """Print the time to the first token: full, with the prefix, joined; drift; bytes a chunk."""
    draw = random.Random(6)
    model = setting.engine
    texts = [ids_of(setting, draw, PASSAGE_TOKENS) for _ in range(N_PASSAGES)]
    system = ids_of(setting, draw, SYSTEM_TOKENS)
    prompt = prompt_of(setting, draw, system, texts)
    seconds: dict[str, list[float]] = {}
    store = ChunkStore(max_bytes=2**32, device=model.device)
    engines = {share: ChunkReuse(model, store, share=share) for share in SHARES}
    held = Session(model)
    held.prefill([*prompt.ids[:-QUESTION_TOKENS], 5, 6], cancelled=Event())
    read(model, engines[0.0], prompt)  # every passage is known from now on
    for _ in range(ROUNDS):
        other = prompt_of(setting, draw, system, random.Random(7).sample(texts, len(texts)))
        for share, reuse in engines.items():
            note(
                seconds,
                f"joined, {share:.0%} computed",
                setting,
                lambda r=reuse, p=other: read(model, r, p),
            )
        note(
            seconds,
            "full",
            setting,
            lambda p=other: Session(model).prefill(p.ids, cancelled=Event()),
        )
        asked = [*prompt.ids[:-QUESTION_TOKENS], *ids_of(setting, draw, QUESTION_TOKENS)]
        note(seconds, "prefix held", setting, lambda p=asked: held.prefill(p, cancelled=Event()))
    report(seconds, n_tokens=len(prompt.ids))
    n_bytes = store.n_bytes // N_PASSAGES
    print(f"chunks      {n_bytes / 2**20:.2f} MB a chunk of {PASSAGE_TOKENS} tokens")
    measure_drift(setting, draw, texts, store)


def report(seconds: dict[str, list[float]], *, n_tokens: int) -> None:
    """Print the shortest time of each way, beside that of a full prefill."""
    full = min(seconds["full"])
    print(f"chunks      prompt of {n_tokens} tokens, {N_PASSAGES} passages of {PASSAGE_TOKENS}")
    for name, taken in seconds.items():
        best = min(taken)
        print(
            f"chunks      {name:<22} {best:.3f} s to the first token: 1/{full / best:.1f} of full"
        )


def measure_drift(
    setting: Setting, draw: random.Random, texts: Sequence[list[int]], store: ChunkStore
) -> None:
    """Print how far the next token's distribution is from that of a full prefill."""
    system = ids_of(setting, draw, SYSTEM_TOKENS)
    prompts = [prompt_of(setting, draw, system, draw.sample(texts, 4)) for _ in range(N_DRIFTS)]
    expected = [distribution(full_logits(setting.engine, prompt)) for prompt in prompts]
    for share in SHARES:
        reuse = ChunkReuse(setting.engine, store, share=share)
        found = [distribution(read(setting.engine, reuse, prompt)) for prompt in prompts]
        pairs = list(zip(expected, found, strict=True))
        drift = sum(float((p.exp() * (p - q)).sum()) for p, q in pairs) / len(pairs)
        n_equal = sum(int(p.argmax()) == int(q.argmax()) for p, q in pairs)
        print(
            f"chunks      {share:.0%} computed: KL {drift:.2e} from full, top-1 equal "
            f"{n_equal}/{len(pairs)} (random weights: no word on trained ones)"
        )


def note(seconds: dict[str, list[float]], name: str, setting: Setting, work: object) -> None:
    """Keep how long `work` takes."""
    seconds.setdefault(name, []).append(setting.seconds(work))  # type: ignore[arg-type]


def read(model: CausalModel, reuse: ChunkReuse, prompt: Prompt) -> torch.Tensor:
    """Return the (vocab,) logits after a prompt, its passages joined, computed where unknown."""
    session = Session(model)
    joining = reuse.joining(prompt.ids, prompt.passages, session=session, n_held=0)
    if joining is None:
        return full_logits(model, prompt)
    logits = None
    while not joining.is_done:
        ids = joining.next_ids(max_tokens=PIECE_TOKENS)
        logits = model.step([joining.row(ids)])[0][-1]
        joining.take(ids)
    assert logits is not None
    return logits


def full_logits(model: CausalModel, prompt: Prompt) -> torch.Tensor:
    """Return the (vocab,) logits after a prompt that is read whole."""
    logits = Session(model).prefill(prompt.ids, cancelled=Event()).logits
    assert logits is not None
    return logits


def distribution(logits: torch.Tensor) -> torch.Tensor:
    """Return the logarithms of the next token's probabilities."""
    return logits.float().log_softmax(dim=-1)


def prompt_of(
    setting: Setting, draw: random.Random, system: Sequence[int], texts: Sequence[list[int]]
) -> Prompt:
    """Return a prompt of passages under headers of their own, and a question."""
    ids, passages = list(system), []
    for text in texts:
        ids += ids_of(setting, draw, HEADER_TOKENS)
        passages.append((len(ids), len(ids) + len(text)))
        ids += text
    return Prompt([*ids, *ids_of(setting, draw, QUESTION_TOKENS)], passages)


def ids_of(setting: Setting, draw: random.Random, n_tokens: int) -> list[int]:
    """Return tokens of the model's vocabulary."""
    return [draw.randrange(5, setting.plain.config.vocab_size) for _ in range(n_tokens)]
