"""Whatever the cache holds, who asked before and what was cancelled: answers are as if cold."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from transformers import AutoModelForCausalLM, GemmaConfig, LlamaConfig, Qwen2Config

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.engine import Engine
from ragapp.generation.limits import Limits
from ragapp.generation.session import Session
from ragapp.types import GenerationOptions
from tests.small_models import SMALL, VOCABULARY, SetAfter

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "qwen2": Qwen2Config(**SMALL, tie_word_embeddings=True),
    "gemma": GemmaConfig(**SMALL, head_dim=8),
}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request):
    torch.manual_seed(3)
    config = CONFIGS[request.param]
    weights = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    return CausalModel(weights, name=request.param)


def engine_of(model):
    """An engine whose pool holds a few conversations, so that it must forget some."""
    return Engine(
        model,
        decode=lambda ids: "".join(f"{token_id} " for token_id in ids),
        end_ids=frozenset([2]),
        limits=Limits(pool_bytes=5 * 2 * 2 * 2 * 256 * 8 * 4, max_streams=3, piece_tokens=16),
    )


def cold_answer(model, prompt, n_tokens):
    """The oracle: a session of its own, read in one piece, one token at a time."""
    session = Session(model)
    logits = session.prefill(prompt, cancelled=Event()).logits
    tokens = []
    while len(tokens) < n_tokens and (token := int(logits.argmax())) != 2:
        tokens.append(token)
        logits = session.decode(token)
    return tokens


def tokens_of(pieces):
    return [int(word) for word in "".join(piece.text for piece in pieces).split()]


def left_early(pieces):
    """Read one piece, then leave."""
    read = [next(pieces)]
    pieces.close()
    return read


def check_turn(draw, model, engine, prompt):
    """Ask once, read all of it or leave early; return what was read of the answer."""
    n_tokens = draw.randint(1, 14)
    how = draw.choice(["whole", "whole", "cancelled", "left"])
    cancelled = SetAfter(draw.randrange(12)) if how == "cancelled" else Event()
    options = GenerationOptions(max_new_tokens=n_tokens)
    stream = engine.stream(prompt, options=options, cancelled=cancelled)
    pieces = left_early(stream) if how == "left" else list(stream)
    tokens, last = tokens_of(pieces), pieces[-1]
    expected = cold_answer(model, prompt, n_tokens)
    is_whole = last.finish_reason in ("stop", "length")
    assert tokens == (expected if is_whole else expected[: len(tokens)])
    assert is_whole or how != "whole"
    if last.usage and is_whole:
        assert last.usage.cached_tokens + last.usage.prefilled_tokens == len(prompt)
        assert last.usage.new_tokens == len(tokens)
    return tokens


def check_conversations(model, engine, *, seed, n_conversations):
    draw = random.Random(seed)
    words = [draw.randrange(3, VOCABULARY) for _ in range(40)]
    openings = [draw.choices(words, k=draw.randint(1, 60)) for _ in range(3)]
    for _ in range(n_conversations):
        prompt = [*draw.choice(openings), *draw.choices(words, k=draw.randint(1, 30))]
        for _ in range(draw.randint(1, 4)):
            history = [*prompt, *check_turn(draw, model, engine, prompt)]
            kept = len(history) if draw.random() < 0.6 else draw.randrange(len(history))
            prompt = [*history[:kept], *draw.choices(words, k=draw.randint(1, 20))]


def check_at_once(model, engine, *, n_threads, n_conversations):
    with ThreadPoolExecutor(n_threads) as threads:
        checks = [
            threads.submit(
                check_conversations, model, engine, seed=seed, n_conversations=n_conversations
            )
            for seed in range(100, 100 + n_threads)
        ]
        for check in checks:
            check.result()


def test_random_conversations_answer_as_if_cold(model):
    check_conversations(model, engine_of(model), seed=1, n_conversations=10)


def test_conversations_at_once_answer_as_if_cold(model):
    check_at_once(model, engine_of(model), n_threads=5, n_conversations=1)


@pytest.mark.slow
def test_conversations_of_32_threads_answer_as_if_cold(model):
    check_at_once(model, engine_of(model), n_threads=32, n_conversations=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_very_many_random_conversations_answer_as_if_cold(model, seed):
    check_conversations(model, engine_of(model), seed=seed, n_conversations=67)


def test_the_second_turn_finds_the_first_in_the_pool(model):
    draw, engine = random.Random(4), engine_of(model)
    first = [draw.randrange(3, VOCABULARY) for _ in range(50)]
    options = GenerationOptions(max_new_tokens=1)
    *_, last = engine.stream(first, options=options, cancelled=Event())
    *_, again = engine.stream([*first, 7, 8, 9], options=options, cancelled=Event())
    assert (last.usage.cached_tokens, again.usage.cached_tokens) == (0, 50)
