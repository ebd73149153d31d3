import copy
from threading import Event

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from ragapp.errors import ModelError, SettingsError
from ragapp.generation.budget import ROOM_BYTES, ModelSize, fit_context, quantized_size, size_of
from ragapp.generation.causal_model import CausalModel
from ragapp.generation.loading import load_config, load_weights
from ragapp.generation.quantized_linear import (
    GROUP,
    Int4Linear,
    Int8Linear,
    quantize_linears,
    quantized_bytes,
)
from ragapp.language_models.transformers import TransformersModel
from ragapp.types import GenerationOptions, Message
from tests.tiny_adapter import save_adapter
from tests.tiny_llama import save_tiny_llama

CPU = torch.device("cpu")
LAYERS = {"int8": (Int8Linear, 0.9999), "int4": (Int4Linear, 0.995)}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny matrices: a second thread only waits."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory):
    return save_tiny_llama(tmp_path_factory.mktemp("tiny-llama"))


def made_linear(n_in=96, n_out=128, *, has_bias=True):
    torch.manual_seed(1)
    return torch.nn.Linear(n_in, n_out, bias=has_bias, dtype=torch.bfloat16)


def cosine(first, second):
    return torch.cosine_similarity(first.float().flatten(), second.float().flatten(), dim=0).item()


@pytest.mark.parametrize("quantization", LAYERS)
@pytest.mark.parametrize("n_rows", [1, 4, 5, 48, 49, 200])
@pytest.mark.parametrize("n_out", [128, 48])
@torch.inference_mode()
def test_products_are_near_those_of_the_plain_layer(quantization, n_rows, n_out):
    make, least = LAYERS[quantization]
    layer = made_linear(n_out=n_out)
    rows = torch.randn(2, n_rows, 96, dtype=torch.bfloat16)
    products = make(layer)(rows)
    assert products.shape == (2, n_rows, n_out)
    assert cosine(products, layer(rows)) > least


@pytest.mark.parametrize("make", [Int8Linear, Int4Linear])
@torch.inference_mode()
def test_few_rows_and_many_are_computed_from_the_same_weights(make):
    layer = make(made_linear())
    rows = torch.randn(64, 96, dtype=torch.bfloat16)
    one_by_one = torch.cat([layer(row[None]) for row in rows])
    assert cosine(layer(rows), one_by_one) > 0.9999


@torch.inference_mode()
def test_levels_of_four_bits_are_half_a_step_off_at_most():
    layer = made_linear(has_bias=False)
    units = torch.eye(96, dtype=torch.bfloat16)
    held = Int4Linear(layer)(units).T.float()
    groups = layer.weight.float().view(128, -1, GROUP)
    step = (groups.amax(-1) - groups.amin(-1)) / 15
    error = (held - layer.weight.float()).abs().view(128, -1, GROUP).amax(-1)
    assert bool((error <= 0.5 * step + 0.01 * groups.abs().amax(-1)).all())


def test_four_bits_leave_the_output_layer_and_odd_shapes_in_eight():
    odd = torch.nn.Linear(80, 64)
    model = torch.nn.Sequential(made_linear(), odd.bfloat16(), made_linear())
    assert quantize_linears(model, "int4", head=model[2]) == 3
    assert [type(layer) for layer in model] == [Int4Linear, Int8Linear, Int8Linear]


@pytest.mark.parametrize("make", [Int8Linear, Int4Linear])
@torch.inference_mode()
def test_a_large_layer_is_quantised_as_its_parts_are(make):
    large = made_linear(n_out=2 * 1024 + 128)
    rows = torch.randn(3, 96, dtype=torch.bfloat16)
    products = []
    for part in (slice(0, 1024), slice(1024, None)):
        small = torch.nn.Linear(1, 1)
        small.in_features, small.weight = 96, torch.nn.Parameter(large.weight[part].clone())
        small.out_features, small.bias = len(small.weight), torch.nn.Parameter(large.bias[part])
        products.append(make(small)(rows))
    assert cosine(make(large)(rows), torch.cat(products, dim=-1)) > 0.9999


def test_a_quantised_model_drafts_fewer_tokens(tiny_llama):
    names = ("", "int8", "int4")
    models = [
        load_weights(tiny_llama, device="cpu", dtype="bfloat16", quantization=name)
        for name in names
    ]
    assert [CausalModel(model, name="m").cheap_rows for model in models] == [8, 4, 4]


def logits_of(weights, ids):
    model = CausalModel(weights, name="model")
    return model.forward(ids, model.new_cache())


@pytest.mark.parametrize(("quantization", "least"), [("int8", 0.999), ("int4", 0.95)])
def test_the_logits_of_a_model_drift_little(quantization, least):
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=300, hidden_size=128, intermediate_size=256, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2,
    )  # fmt: skip
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    quantised = copy.deepcopy(plain)
    quantize_linears(quantised, quantization, head=quantised.lm_head)
    for n_tokens in (1, 3, 100):
        ids = list(range(5, 5 + n_tokens))
        assert cosine(logits_of(quantised, ids), logits_of(plain, ids)) > least


def answered(model, **options):
    messages = [Message.of("user", "When does the dome open?")]
    options = GenerationOptions(max_new_tokens=12, **options)
    return "".join(p.text for p in model.stream(messages, options=options, cancelled=Event()))


@pytest.mark.parametrize("quantization", LAYERS)
def test_a_quantised_model_answers_and_takes_adapters(tiny_llama, tmp_path, quantization):
    adapter = str(save_adapter(tmp_path / "brief"))
    model = TransformersModel(
        str(tiny_llama), device="cpu", dtype="bfloat16", quantization=quantization
    )
    assert answered(model) == answered(model) != answered(model, adapter=adapter)


def test_what_cannot_be_quantised_is_one_clear_line(tiny_llama):
    model = TransformersModel(str(tiny_llama), device="cpu", dtype="float32", quantization="int8")
    with pytest.raises(SettingsError, match="'int8' needs a CPU and bfloat16, not cpu"):
        answered(model)


@pytest.mark.parametrize("quantization", LAYERS)
def test_the_size_told_is_the_size_of_the_quantised_weights(tiny_llama, quantization):
    config = load_config(tiny_llama)
    plain = size_of(tiny_llama, config, dtype=torch.bfloat16, device=CPU)
    told = quantized_size(plain, tiny_llama, config, quantization=quantization)
    model = load_weights(tiny_llama, device="cpu", dtype="bfloat16", quantization=quantization)
    held = sum(parameter.nbytes for parameter in model.parameters())
    for layer in model.modules():
        held += sum(v.nbytes for v in vars(layer).values() if isinstance(v, torch.Tensor))
    assert told.weight_bytes < plain.weight_bytes
    assert told.weight_bytes == pytest.approx(held, rel=0.15)


def test_four_bits_take_less_than_eight_and_these_less_than_sixteen():
    sizes = [quantized_bytes(4096, 4096, kind) for kind in ("int4", "int8")]
    assert sizes == sorted([*sizes, 2 * 4096 * 4096])[:2]


def test_a_model_that_fits_only_once_quantised_is_refused_before_it_is_loaded():
    size = ModelSize(10**9, 100, 2 * 10**9, loading_bytes=4 * 10**9)
    free_bytes = 3 * 10**9 + ROOM_BYTES
    with pytest.raises(ModelError, match=r"takes 4\.1 GB while it is loaded"):
        fit_context(size, name="m", own_tokens=4096, asked_tokens=None, free_bytes=free_bytes)
