import copy
import random
from threading import Event

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Lfm2Config,
    LlamaConfig,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    Qwen2Config,
    Qwen3NextConfig,
)

from ragapp.errors import ModelError
from ragapp.generation.causal_model import CausalModel
from ragapp.generation.packed_linear import pack_linears
from ragapp.generation.pool import SessionPool
from ragapp.generation.session import Session
from tests.small_models import SMALL, VOCABULARY, SetAfter
from tests.tiny_llama import make_model

pytestmark = pytest.mark.usefixtures("one_thread")

LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
    "num_experts": 2,
    "num_experts_per_tok": 1,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}
TIED = {**SMALL, "tie_word_embeddings": True}
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "qwen2": Qwen2Config(**TIED),
    "mistral, window": MistralConfig(**SMALL, sliding_window=16),
    "gemma2, some windows": Gemma2Config(**SMALL, head_dim=8, sliding_window=24),
    "lfm2, convolutions": Lfm2Config(**SMALL, layer_types=["conv", "full_attention"]),
    "qwen3-next, recurrent": Qwen3NextConfig(**SMALL, head_dim=8, **LINEAR),
}


def causal_model(config):
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def llama():
    return make_model(VOCABULARY)


@pytest.fixture(scope="module")
def model(llama):
    return CausalModel(llama, name="tiny")


@torch.inference_mode()
def uncached_answer(weights, prompt, n_tokens):
    """The oracle: the whole sequence is computed anew for each token."""
    ids = list(prompt)
    for _ in range(n_tokens):
        logits = weights(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


def answer(session, prompt, n_tokens):
    logits = session.prefill(prompt, cancelled=Event()).logits
    tokens = [int(logits.argmax())]
    while len(tokens) < n_tokens:
        tokens.append(int(session.decode(tokens[-1]).argmax()))
    return tokens


def random_ids(draw, n_tokens):
    return [draw.randrange(3, VOCABULARY) for _ in range(n_tokens)]


def next_prompt(draw, prompt, tokens):
    """Continue the conversation, or go back to a random place in it first."""
    history = [*prompt, *tokens]
    kept = len(history) if draw.random() < 0.6 else draw.randrange(len(history))
    return [*history[:kept], *random_ids(draw, draw.randint(1, 30))]


@pytest.mark.parametrize("seed", range(12))
def test_random_conversations_answer_as_without_a_cache(llama, model, seed):
    draw = random.Random(seed)
    session = Session(model, piece_tokens=draw.choice([1, 7, 64]))
    prompt = random_ids(draw, draw.randint(1, 60))
    for _ in range(4):
        tokens = answer(session, prompt, 6)
        assert tokens == uncached_answer(llama, prompt, 6)
        prompt = next_prompt(draw, prompt, tokens)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_layer_answers_as_without_a_cache(name):
    draw = random.Random(5)
    weights = causal_model(CONFIGS[name])
    session = Session(CausalModel(weights, name=name), piece_tokens=8)
    prompt = random_ids(draw, 9)
    for _ in range(6):
        tokens = answer(session, prompt, 4)
        assert tokens == uncached_answer(weights, prompt, 4)
        prompt = next_prompt(draw, prompt, tokens)


def test_answers_are_those_of_generate(llama, model):
    prompt = random_ids(random.Random(1), 40)
    rows = torch.tensor([prompt])
    generated = llama.generate(
        rows,
        attention_mask=torch.ones_like(rows),
        max_new_tokens=24,
        min_new_tokens=24,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=None,
    )
    assert answer(Session(model), prompt, 24) == generated[0, len(prompt) :].tolist()


def test_prefill_feeds_only_what_is_new(model):
    draw = random.Random(2)
    session, prompt = Session(model), random_ids(draw, 50)
    session.prefill(prompt, cancelled=Event())
    prefill = session.prefill([*prompt[:30], *random_ids(draw, 5)], cancelled=Event())
    assert (prefill.cached_tokens, prefill.prefilled_tokens) == (30, 5)


def test_the_same_prompt_again_feeds_one_token(model):
    session, prompt = Session(model), random_ids(random.Random(2), 50)
    session.prefill(prompt, cancelled=Event())
    prefill = session.prefill(prompt, cancelled=Event())
    assert (prefill.cached_tokens, prefill.prefilled_tokens) == (49, 1)


def test_a_full_window_is_not_cropped():
    model = CausalModel(causal_model(CONFIGS["mistral, window"]), name="window")
    session, prompt = Session(model), random_ids(random.Random(2), 40)
    session.prefill(prompt, cancelled=Event())
    assert session.prefill(prompt[:30], cancelled=Event()).cached_tokens == 0


def test_a_cancelled_prefill_stops_between_pieces_and_keeps_what_it_fed(llama, model):
    session, prompt = Session(model, piece_tokens=10), random_ids(random.Random(4), 100)
    prefill = session.prefill(prompt, cancelled=SetAfter(3))
    assert prefill.logits is None
    assert prefill.prefilled_tokens == 30
    assert session.ids == prompt[:30]
    again = session.prefill(prompt, cancelled=Event())
    assert (again.cached_tokens, again.prefilled_tokens) == (30, 70)
    assert int(again.logits.argmax()) == uncached_answer(llama, prompt, 1)[0]


def test_a_failed_forward_leaves_an_empty_usable_session(llama, model):
    session, prompt = Session(model), random_ids(random.Random(4), 20)
    session.prefill(prompt, cancelled=Event())
    with pytest.raises(IndexError):
        session.decode(VOCABULARY + 1)
    assert session.ids == []
    assert answer(session, prompt, 3) == uncached_answer(llama, prompt, 3)


def test_a_fork_shares_nothing_with_its_origin(llama, model):
    draw = random.Random(6)
    session, prompt = Session(model), random_ids(draw, 30)
    session.prefill(prompt, cancelled=Event())
    other = [*prompt[:20], *random_ids(draw, 8)]
    assert answer(session.fork(20), other, 4) == uncached_answer(llama, other, 4)
    assert answer(session, prompt, 4) == uncached_answer(llama, prompt, 4)


def pool_of(model, max_bytes):
    return SessionPool(lambda adapter: Session(model, adapter=adapter), max_bytes=max_bytes)


def asked(pool, prompt):
    with pool.lend(prompt) as session:
        return session.prefill(prompt, cancelled=Event()).cached_tokens


def test_the_pool_lends_the_session_with_the_longest_common_prefix(model):
    draw, pool = random.Random(7), pool_of(model, 2**30)
    first, second = random_ids(draw, 40), random_ids(draw, 40)
    assert [asked(pool, first), asked(pool, second)] == [0, 0]
    assert asked(pool, [*first, 5, 6]) == 40
    assert asked(pool, [*second, 5, 6]) == 40


def test_a_short_common_prefix_leaves_the_other_conversation_whole(model):
    draw, pool = random.Random(8), pool_of(model, 2**30)
    instructions = random_ids(draw, 10)
    first, second = ([*instructions, *random_ids(draw, 40)] for _ in range(2))
    assert [asked(pool, first), asked(pool, second)] == [0, 10]
    assert asked(pool, [*first, 5]) == 50


def test_the_pool_forgets_the_least_recently_used_beyond_its_bytes(model):
    draw = random.Random(9)
    prompts = [random_ids(draw, 40) for _ in range(3)]
    session = Session(model)
    session.prefill(prompts[0], cancelled=Event())
    pool = pool_of(model, 2 * session.n_bytes)
    for prompt in prompts:
        asked(pool, prompt)
    assert pool.n_bytes == 2 * session.n_bytes
    assert [asked(pool, [*prompts[2], 5]), asked(pool, [*prompts[0], 5])] == [40, 0]


def test_a_recurrent_session_is_not_kept():
    config = CONFIGS["qwen3-next, recurrent"]
    pool = pool_of(CausalModel(causal_model(config), name="recurrent"), 2**30)
    assert asked(pool, random_ids(random.Random(10), 30)) == 0
    assert pool.n_bytes == 0


def test_lent_sessions_are_not_lent_twice(model):
    pool, prompt = pool_of(model, 2**30), random_ids(random.Random(10), 30)
    asked(pool, prompt)
    with pool.lend(prompt) as first, pool.lend(prompt) as second:
        assert first is not second


def test_a_model_without_a_cache_to_continue_is_refused():
    config = MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(ModelError, match="KV cache"):
        CausalModel(MambaForCausalLM(config), name="mamba")


def test_in_bfloat16_a_warm_prompt_is_as_near_to_float32_as_a_cold_one():
    draw = random.Random(11)
    weights = make_model(VOCABULARY).to(torch.bfloat16)
    exact = CausalModel(copy.deepcopy(weights).float(), name="exact")
    pack_linears(weights)
    model = CausalModel(weights, name="half")
    errors = {"warm": 0.0, "cold": 0.0}
    for _ in range(10):
        prompt = random_ids(draw, draw.randint(20, 80))
        warm, cold, reference = Session(model, piece_tokens=16), Session(model), Session(exact)
        warm.prefill([*prompt[:15], *random_ids(draw, 10)], cancelled=Event())
        expected = reference.prefill(prompt, cancelled=Event()).logits
        for name, session in (("warm", warm), ("cold", cold)):
            logits = session.prefill(prompt, cancelled=Event()).logits.float()
            errors[name] += float((logits - expected).norm() / expected.norm())
    assert errors["warm"] < 1.5 * errors["cold"]
