import random
import weakref
from threading import Event

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GemmaConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from ragapp.generation.causal_model import CausalModel, Row
from ragapp.generation.packed_attention import PackedStates, attend
from ragapp.generation.packed_linear import PackedLinear, can_pack, pack_linears
from ragapp.generation.session import Session
from tests.small_models import SMALL, VOCABULARY

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIGS = {
    "gemma": GemmaConfig(**SMALL, head_dim=8),
    "granite": GraniteConfig(**SMALL),
    "llama": LlamaConfig(**SMALL),
    "mistral": MistralConfig(**SMALL, sliding_window=None),
    "olmo2": Olmo2Config(**SMALL),
    "phi3": Phi3Config(**SMALL),
    "qwen2": Qwen2Config(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=8),
    "smollm3": SmolLM3Config(**SMALL),
}
BFLOAT16 = (torch.device("cpu"), torch.bfloat16)


def weights_of(config):
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def random_ids(draw, n_tokens):
    return [draw.randrange(3, VOCABULARY) for _ in range(n_tokens)]


@pytest.mark.parametrize("name", CONFIGS)
def test_sequences_computed_together_have_the_logits_of_each_alone(name):
    draw, weights = random.Random(1), weights_of(CONFIGS[name])
    sequences = [(random_ids(draw, n), random_ids(draw, m)) for n, m in [(20, 1), (7, 5), (31, 9)]]
    alone = [weights(input_ids=torch.tensor([[*old, *new]])).logits[0] for old, new in sequences]
    model = CausalModel(weights, name=name)
    caches = [model.new_cache() for _ in sequences]
    for cache, (old, _) in zip(caches, sequences, strict=True):
        model.forward(old, cache)
    rows = [Row(new, cache) for cache, (_, new) in zip(caches, sequences, strict=True)]
    for expected, logits in zip(alone, model.step(rows), strict=True):
        torch.testing.assert_close(logits[-1], expected[-1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_architectures_known_to_pack_do(name):
    assert CausalModel(weights_of(CONFIGS[name]), name=name).is_packing


@pytest.mark.parametrize(
    "config",
    [
        MistralConfig(**SMALL, sliding_window=16),
        Gemma2Config(**SMALL, head_dim=8),
        LlamaConfig(
            **SMALL, rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
        ),
    ],
    ids=["window", "capped scores", "positions that depend on the length"],
)
def test_models_that_attend_otherwise_are_computed_one_by_one(config):
    assert not CausalModel(weights_of(config), name="other").is_packing


def test_every_logit_asked_for_comes_back_in_order():
    draw, weights = random.Random(2), weights_of(CONFIGS["llama"])
    first, second = random_ids(draw, 8), random_ids(draw, 6)
    model = CausalModel(weights, name="llama")
    rows = [Row(first, model.new_cache(), 3), Row(second, model.new_cache(), 1)]
    several, one = model.step(rows)
    assert (several.shape, one.shape) == ((3, VOCABULARY), (1, VOCABULARY))
    expected = weights(input_ids=torch.tensor([first])).logits[0, -3:]
    torch.testing.assert_close(several, expected, rtol=1e-3, atol=1e-3)


def test_a_step_of_several_rows_leaves_each_cache_as_its_session_would():
    draw = random.Random(4)
    model = CausalModel(weights_of(CONFIGS["qwen2"]), name="qwen2")
    prompts = [random_ids(draw, n) for n in (5, 12)]
    caches = [model.new_cache() for _ in prompts]
    model.step([Row(prompt, cache) for prompt, cache in zip(prompts, caches, strict=True)])
    for prompt, cache in zip(prompts, caches, strict=True):
        session = Session(model)
        session.prefill(prompt, cancelled=Event())
        following = model.forward([9], cache)
        torch.testing.assert_close(following, session.decode(9), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("n_new", "n_tokens"), [(1, 1), (1, 30), (9, 9), (9, 30), (140, 140), (140, 200)]
)
@pytest.mark.parametrize("n_key_heads", [1, 2, 4])
def test_attention_is_the_softmax_of_the_scores_up_to_each_query(n_new, n_tokens, n_key_heads):
    torch.manual_seed(1)
    query = torch.randn(1, 4, n_new, 8)
    key, value = torch.randn(2, 1, n_key_heads, n_tokens, 8)
    keys, values = (states.repeat_interleave(4 // n_key_heads, dim=1) for states in (key, value))
    scores = query @ keys.transpose(-1, -2) * 0.3
    future = torch.ones(n_new, n_tokens, dtype=torch.bool).triu(n_tokens - n_new + 1)
    expected = scores.masked_fill(future, float("-inf")).softmax(dim=-1) @ values
    attended, _ = attend(None, query, key, value, scaling=0.3)
    torch.testing.assert_close(attended, expected.transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_no_query_attends_to_another_sequence():
    torch.manual_seed(1)
    query = torch.randn(1, 4, 3, 8)
    mine, value, others = torch.randn(3, 1, 2, 5, 8)
    held = (
        PackedStates((mine, others), [2, 1], [None, None]),
        PackedStates((value, value), [2, 1], [None, None]),
    )
    changed = (
        PackedStates((mine, -others), [2, 1], [None, None]),
        PackedStates((value, -value), [2, 1], [None, None]),
    )
    first, second = attend(None, query, *held)[0], attend(None, query, *changed)[0]
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.equal(first[:, 2:], second[:, 2:])


@pytest.mark.skipif(not can_pack(*BFLOAT16), reason="torch was built without oneDNN")
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("n_rows", [1, 8, 70])
def test_a_packed_layer_computes_what_the_plain_one_does(has_bias, n_rows):
    torch.manual_seed(1)
    linear = torch.nn.Linear(96, 130, bias=has_bias, dtype=torch.bfloat16)
    rows = torch.randn(2, n_rows, 96, dtype=torch.bfloat16)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(rows), linear(rows))


@pytest.mark.skipif(not can_pack(*BFLOAT16), reason="torch was built without oneDNN")
def test_packing_replaces_the_layers_of_a_bfloat16_model():
    model = torch.nn.Sequential(torch.nn.Linear(96, 96), torch.nn.Linear(96, 4)).bfloat16()
    assert pack_linears(model) == 1
    assert [type(layer) for layer in model] == [PackedLinear, torch.nn.Linear]


@pytest.mark.skipif(not can_pack(*BFLOAT16), reason="torch was built without oneDNN")
def test_packing_holds_one_plain_layer_at_a_time():
    alive_when_set = []

    class Watched(torch.nn.Sequential):
        def __setattr__(self, name, value):
            if isinstance(value, PackedLinear):
                alive_when_set.append(sum(layer() is not None for layer in plain))
            super().__setattr__(name, value)

    model = Watched(*(torch.nn.Linear(96, 96) for _ in range(4))).bfloat16()
    plain = [weakref.ref(layer) for layer in model]
    pack_linears(model)
    assert alive_when_set == [4, 3, 2, 1]


def test_packing_leaves_a_float32_model_alone():
    model = torch.nn.Sequential(torch.nn.Linear(96, 96))
    assert pack_linears(model) == 0
