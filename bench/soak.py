"""32 threads that ask one engine without pause: is every answer right, each served, memory flat?

    python bench/soak.py [--seconds 600] [--threads 32]

A tiny Llama with random weights in float32, greedy, so that each answer is known beforehand; a
tenth of the answers are left or cancelled on the way. Exits with 1 for a wrong answer, an error, a
thread with fewer than half as many answers as another, or memory that grew by over 5 % since the
first minute (or the first third of a shorter run).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psutil
import torch
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)

from ragapp.generation.causal_model import CausalModel  # noqa: E402
from ragapp.generation.engine import Engine  # noqa: E402
from ragapp.generation.limits import Limits  # noqa: E402
from ragapp.generation.session import Session  # noqa: E402
from ragapp.types import GenerationOptions  # noqa: E402

VOCABULARY, N_PROMPTS, MOST_NEW = 300, 96, 24
MOST_GROWTH, LEAST_SHARE = 1.05, 0.5
POOL_BYTES = 8 * 2**20


@dataclass(slots=True)
class Asker:
    """One thread's counts, and what went wrong."""

    n_finished: int = 0
    n_left: int = 0
    failures: list[str] = field(default_factory=list)


def main() -> None:
    """Ask until the time is over, then tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = tiny_model()
    prompts = make_prompts()
    answers = [cold_answer(model, prompt) for prompt in prompts]
    engine = Engine(
        model,
        decode=lambda ids: "".join(f"{token_id} " for token_id in ids),
        end_ids=frozenset(),
        limits=Limits(pool_bytes=POOL_BYTES, piece_tokens=64),
    )
    askers = [Asker() for _ in range(options.threads)]
    end = time.monotonic() + options.seconds
    threads = [
        Thread(target=ask_until, args=(end, engine, prompts, answers, asker, number))
        for number, asker in enumerate(askers)
    ]
    for thread in threads:
        thread.start()
    samples = memory_until(end)
    for thread in threads:
        thread.join()
    sys.exit(tell(askers, samples, options.seconds))


def tiny_model() -> CausalModel:
    """Return a Llama of two layers."""
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2,
        max_position_embeddings=512, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return CausalModel(LlamaForCausalLM(config).eval(), name="tiny")


def make_prompts() -> list[list[int]]:
    """Return prompts of which groups of eight begin alike."""
    draw = random.Random(5)
    prompts: list[list[int]] = []
    while len(prompts) < N_PROMPTS:
        opening = [draw.randrange(3, VOCABULARY) for _ in range(draw.randint(5, 120))]
        for _ in range(8):
            prompts.append(opening + [draw.randrange(3, VOCABULARY) for _ in range(20)])
    return prompts


def cold_answer(model: CausalModel, prompt: list[int]) -> list[int]:
    """Return what an engine that holds nothing writes."""
    session = Session(model)
    logits = session.prefill(prompt, cancelled=Event()).logits
    tokens: list[int] = []
    while len(tokens) < MOST_NEW:
        assert logits is not None
        tokens.append(int(logits.argmax()))
        logits = session.decode(tokens[-1])
    return tokens


def ask_until(
    end: float,
    engine: Engine,
    prompts: list[list[int]],
    answers: list[list[int]],
    asker: Asker,
    seed: int,
) -> None:
    """Ask one prompt after the other, and note what is not as it should be."""
    draw = random.Random(seed)
    while time.monotonic() < end:
        number, n_new = draw.randrange(len(prompts)), draw.randint(1, MOST_NEW)
        cancelled, leaves_after = Event(), draw.randint(1, 4) if draw.random() < 0.1 else None
        options = GenerationOptions(max_new_tokens=n_new)
        stream = engine.stream(prompts[number], options=options, cancelled=cancelled)
        tokens: list[int] = []
        try:
            for place, piece in enumerate(stream):
                tokens += [int(word) for word in piece.text.split()]
                if place == leaves_after:
                    cancelled.set()
        except Exception as error:  # noqa: BLE001  is told at the end
            asker.failures.append(f"{type(error).__name__}: {error}")
            continue
        expected = answers[number][: len(tokens) if cancelled.is_set() else n_new]
        if tokens != expected:
            asker.failures.append(f"prompt {number}: {tokens}, expected {expected}")
        asker.n_left += cancelled.is_set()
        asker.n_finished += 1


def memory_until(end: float) -> list[tuple[float, int]]:
    """Return the process's memory in bytes each second, with the seconds since the start."""
    process, start = psutil.Process(), time.monotonic()
    samples = []
    while time.monotonic() < end:
        samples.append((time.monotonic() - start, process.memory_info().rss))
        time.sleep(1.0)
    return samples


def tell(askers: list[Asker], samples: list[tuple[float, int]], seconds: float) -> int:
    """Print the counts; return the exit status."""
    counts = [asker.n_finished for asker in askers]
    failures = [failure for asker in askers for failure in asker.failures]
    warm = [n_bytes for at, n_bytes in samples if at >= min(60.0, seconds / 3)]
    first, last = warm[0], max(warm[-5:])
    n_left = sum(asker.n_left for asker in askers)
    print(
        f"soak        {len(askers)} threads, {seconds:.0f} s: {sum(counts)} answers, {n_left} of "
        f"them left early, {len(failures)} wrong or failed"
    )
    for failure in failures[:5]:
        print(f"soak        {failure}")
    print(
        f"soak        answers a thread: {min(counts)} to {max(counts)}; memory "
        f"{first / 2**20:.0f} MB after warm-up, {last / 2**20:.0f} MB at the end "
        f"({last / first - 1:+.1%})"
    )
    is_fair = min(counts) >= LEAST_SHARE * max(counts)
    return 0 if is_fair and not failures and last <= MOST_GROWTH * first else 1


if __name__ == "__main__":
    main()
