import json
import random
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from peft import IA3Config
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from ragapp.errors import ModelError, ModelNotFoundError
from ragapp.generation.adapted_linear import AdaptedLinear, Chosen, LowRank
from ragapp.generation.budget import ROOM_BYTES
from ragapp.generation.causal_model import CausalModel, Row
from ragapp.generation.locating import list_adapters
from ragapp.generation.packed_linear import PackedLinear, can_pack
from ragapp.generation.session import Session
from ragapp.language_models.transformers import TransformersModel
from ragapp.types import GenerationOptions, Message
from tests.tiny_adapter import save_adapter, save_merged
from tests.tiny_llama import CONTEXT_TOKENS, make_model, make_tokenizer, save_tiny_llama

NAMES = ("", "brief", "formal")
BFLOAT16 = (torch.device("cpu"), torch.bfloat16)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny matrices: a second thread only waits."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders of the base model, of its adapters, and of the models they merge into."""
    root = tmp_path_factory.mktemp("adapters")
    save_tiny_llama(root / "base")
    save_adapter(root / "adapters" / "brief", seed=1)
    save_adapter(root / "adapters" / "formal", seed=2, use_rslora=True, r=8)
    save_merged(root / "brief", seed=1)
    save_merged(root / "formal", seed=2, use_rslora=True, r=8)
    return root


@pytest.fixture
def model(folders):
    model = opened(folders / "base", adapters=folders / "adapters")
    yield model
    model.close()


def opened(folder, **options):
    return TransformersModel(str(folder), device="cpu", dtype="float32", **options)


def answered(model, question="Why?", adapter=""):
    options = GenerationOptions(max_new_tokens=24, adapter=adapter)
    pieces = list(model.stream([Message.of("user", question)], options=options, cancelled=Event()))
    return "".join(piece.text for piece in pieces), pieces[-1].usage


def room_for(folder, *, n_tokens, extra_bytes=0):
    """The memory for a tiny Llama in float32 with a context of so many tokens."""
    token_bytes = 2 * 4 * 2 * 16 * 4
    n_bytes = (folder / "model.safetensors").stat().st_size
    return ROOM_BYTES + n_bytes + n_tokens * token_bytes + extra_bytes


def test_an_adapter_that_fits_beside_the_context_leaves_it_whole(folders):
    memory = room_for(folders / "base", n_tokens=CONTEXT_TOKENS, extra_bytes=2**20)
    model = opened(folders / "base", adapters=folders / "adapters", memory_bytes=memory)
    answered(model, adapter="brief")
    assert model.context_tokens == CONTEXT_TOKENS


def test_an_adapter_that_memory_does_not_hold_is_refused_in_a_line(folders):
    memory = room_for(folders / "base", n_tokens=CONTEXT_TOKENS)
    model = opened(folders / "base", adapters=folders / "adapters", memory_bytes=memory)
    with pytest.raises(ModelError, match="with the adapter brief' needs") as caught:
        answered(model, adapter="brief")
    assert "\n" not in str(caught.value)
    assert answered(model)[0]


def test_a_closed_model_counts_no_adapters(folders):
    model = opened(folders / "base", adapters=folders / "adapters", memory_bytes=2**30)
    answered(model, adapter="brief")
    model.close()
    assert model._adapter_bytes == {}


@pytest.mark.parametrize("name", ["brief", "formal"])
def test_an_adapter_answers_as_the_model_it_merges_into(model, folders, name):
    text, _ = answered(model, adapter=name)
    assert text == answered(opened(folders / name))[0] != answered(model)[0]


def test_the_base_answers_as_before_after_an_adapter_did(model, folders):
    text, _ = answered(opened(folders / "base"))
    answered(model, adapter="brief")
    assert answered(model)[0] == text


def test_an_adapter_can_be_named_by_its_folder(model, folders):
    by_folder, _ = answered(model, adapter=str(folders / "adapters" / "brief"))
    assert by_folder == answered(model, adapter="brief")[0]


def test_no_cache_is_lent_to_another_adapter(model):
    cached = [answered(model, adapter=name)[1].cached_tokens for name in (*NAMES, *NAMES)]
    assert cached[:3] == [0, 0, 0]
    assert min(cached[3:]) > 0


def test_adapters_asked_at_once_answer_as_one_after_another(model, folders):
    asked = [(f"Why {n}?", name) for n in range(4) for name in NAMES]
    expected = [
        answered(opened(folders / (name or "base")), question)[0] for question, name in asked
    ]
    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(lambda pair: answered(model, *pair)[0], asked))
    assert texts == expected


def test_rows_of_several_adapters_have_the_logits_of_each_alone(folders):
    draw = random.Random(3)
    weights = AutoModelForCausalLM.from_pretrained(folders / "base").eval()
    model = CausalModel(weights, name="base")
    loaded = ["", *(str(folders / "adapters" / name) for name in ("brief", "formal"))]
    for folder in loaded[1:]:
        model.load_adapter(folder)
    prompts = [[draw.randrange(3, 300) for _ in range(n)] for n in (9, 5, 12, 7)]
    rows = [Row(prompt, model.new_cache(), 1, loaded[i % 3]) for i, prompt in enumerate(prompts)]
    together = model.step(rows)
    for i, prompt in enumerate(prompts):
        session = Session(model, adapter=loaded[i % 3])
        alone = session.prefill(prompt, cancelled=Event()).logits
        torch.testing.assert_close(together[i][-1], alone, rtol=1e-4, atol=1e-4)


def test_a_layer_without_its_adapter_is_the_layer_to_the_bit():
    layer, chosen = torch.nn.Linear(8, 6), Chosen()
    adapted = AdaptedLinear(layer, chosen)
    adapted.adapters["a"] = LowRank(torch.randn(2, 8), torch.randn(6, 2))
    rows = torch.randn(3, 8)
    assert torch.equal(adapted(rows), layer(rows))
    chosen.name = "a"
    assert not torch.equal(adapted(rows), layer(rows))


@pytest.mark.skipif(not can_pack(*BFLOAT16), reason="torch was built without oneDNN")
def test_an_adapter_stands_beside_a_packed_layer():
    torch.manual_seed(1)
    layer, chosen = torch.nn.Linear(96, 64, dtype=torch.bfloat16), Chosen()
    chosen.name = "a"
    part = LowRank(torch.randn(2, 96).bfloat16(), torch.randn(64, 2).bfloat16())
    plain, packed = AdaptedLinear(layer, chosen), AdaptedLinear(PackedLinear(layer), chosen)
    plain.adapters["a"] = packed.adapters["a"] = part
    rows = torch.randn(3, 96, dtype=torch.bfloat16)
    with torch.inference_mode():
        torch.testing.assert_close(packed(rows), plain(rows))


@pytest.mark.skipif(not can_pack(*BFLOAT16), reason="torch was built without oneDNN")
def test_a_packed_model_takes_adapters(folders):
    options = {"device": "cpu", "dtype": "bfloat16", "adapters": folders / "adapters"}
    model = TransformersModel(str(folders / "base"), **options)
    texts = [answered(model, adapter=name)[0] for name in (*NAMES, *NAMES)]
    assert texts[:3] == texts[3:]
    assert len(set(texts)) == 3


def other_llama(**sizes):
    config = make_model(len(make_tokenizer())).config.to_dict()
    return LlamaForCausalLM(LlamaConfig(**{**config, **sizes}))


@pytest.mark.parametrize(
    "sizes",
    [{"hidden_size": 96, "head_dim": 16}, {"num_hidden_layers": 3}, {"num_hidden_layers": 5}],
    ids=["wider", "fewer layers", "more layers"],
)
def test_an_adapter_of_another_base_is_refused_with_its_name(model, tmp_path, sizes):
    adapter = save_adapter(tmp_path / "other", model=other_llama(**sizes))
    with pytest.raises(
        ModelError, match=r"'other' does not fit 'transformers:base': .*lora"
    ) as caught:
        answered(model, adapter=str(adapter))
    assert "it was made for somebody/tiny" in caught.value.hint


def test_an_adapter_of_layers_that_the_model_lacks_is_refused(model, folders, tmp_path):
    adapter = shutil.copytree(folders / "adapters" / "brief", tmp_path / "other")
    change_config(adapter, target_modules=["c_attn"])
    with pytest.raises(ModelError, match=r"does not fit .*no layer has the names"):
        answered(model, adapter=str(adapter))


def test_a_refused_adapter_leaves_the_model_answering(model, tmp_path):
    text, _ = answered(model)
    adapter = save_adapter(tmp_path / "other", model=other_llama(num_hidden_layers=5))
    with pytest.raises(ModelError):
        answered(model, adapter=str(adapter))
    assert answered(model)[0] == text


def change_config(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


def truncate(folder):
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def make_ia3(folder):
    IA3Config(target_modules=["q_proj"], feedforward_modules=[]).save_pretrained(folder)


DAMAGES = {
    "truncated": (truncate, "cannot be read"),
    "no weights": (
        lambda folder: (folder / "adapter_model.safetensors").unlink(),
        "cannot be read",
    ),
    "no JSON": (lambda folder: (folder / "adapter_config.json").write_text("{"), "cannot be read"),
    "unknown type": (lambda folder: change_config(folder, peft_type="MAGIC"), "cannot be read"),
    "another type": (make_ia3, "of type IA3"),
    "DoRA": (lambda folder: change_config(folder, use_dora=True), r"plain LoRA \(use_dora\)"),
    "biases": (lambda folder: change_config(folder, bias="all"), r"plain LoRA \(bias\)"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_adapter_that_cannot_be_used_is_one_clear_line(model, folders, tmp_path, damage):
    adapter = shutil.copytree(folders / "adapters" / "brief", tmp_path / "damaged")
    change, message = DAMAGES[damage]
    change(adapter)
    with pytest.raises(ModelError, match=message) as caught:
        answered(model, adapter=str(adapter))
    assert "\n" not in str(caught.value)


def test_a_missing_adapter_names_those_there_are(model):
    with pytest.raises(ModelNotFoundError, match="'rude' is not on this machine") as caught:
        answered(model, adapter="rude")
    assert "brief, formal" in caught.value.hint


def test_adapters_are_listed_by_name(folders):
    assert list_adapters(folders / "adapters") == ["brief", "formal"]
    assert list_adapters(folders / "nowhere") == []
