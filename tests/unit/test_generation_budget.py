import json
import logging
import struct
from threading import Event

import pytest
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig

from ragapp.errors import ModelError
from ragapp.generation.budget import (
    ROOM_BYTES,
    Budget,
    ModelSize,
    adapter_size,
    fit_context,
    size_of,
)
from ragapp.generation.memory import free_memory, total_memory
from ragapp.generation.packed_linear import can_pack
from ragapp.language_models.transformers import TransformersModel
from ragapp.types import GenerationOptions, Message
from tests.tiny_llama import CONTEXT_TOKENS, save_tiny_llama

GB = 10**9
CONFIG = LlamaConfig(
    hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2
)
SIZE = ModelSize(weight_bytes=2 * GB, token_bytes=100_000, n_floats=10**9)


def size(folder, dtype, config=CONFIG):
    return size_of(folder, config, dtype=dtype, device=torch.device("cpu"))


def fitted(free_bytes, *, own_tokens=8192, asked_tokens=None, model=SIZE):
    return fit_context(
        model, name="m", own_tokens=own_tokens, asked_tokens=asked_tokens, free_bytes=free_bytes
    )


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory):
    return save_tiny_llama(tmp_path_factory.mktemp("tiny-llama"))


def test_the_size_is_that_of_the_tensors_in_the_dtype_asked_for(tmp_path):
    tensors = {"a": torch.zeros(10, 7), "b": torch.zeros(5, dtype=torch.int32)}
    save_file(tensors, tmp_path / "model.safetensors")
    found = size(tmp_path, torch.bfloat16)
    assert (found.weight_bytes, found.n_floats) == (70 * 2 + 5 * 4, 70)


def test_an_adapter_takes_the_context_that_its_bytes_are_worth():
    budget = Budget(SIZE, 8192, None, 2 * GB + ROOM_BYTES + 5000 * SIZE.token_bytes)
    assert budget.context_tokens(name="m") == 5000
    assert budget.context_tokens(name="m", adapter_bytes=1000 * SIZE.token_bytes) == 4000


def test_an_adapter_has_the_size_of_its_tensors(tmp_path):
    save_file({"a": torch.zeros(8, 4), "b": torch.zeros(2, 3)}, tmp_path / "a.safetensors")
    assert adapter_size(tmp_path, dtype=torch.bfloat16) == 2 * (32 + 6)


def test_a_token_takes_its_keys_and_values_in_every_layer(tmp_path):
    assert size(tmp_path, torch.float32).token_bytes == 2 * 3 * 2 * 16 * 4


@pytest.mark.skipif(
    not can_pack(torch.device("cpu"), torch.bfloat16), reason="torch was built without oneDNN"
)
def test_an_output_layer_shared_with_the_embeddings_is_there_twice_when_packed(tmp_path):
    tied = LlamaConfig(vocab_size=1000, hidden_size=64, tie_word_embeddings=True)
    assert size(tmp_path, torch.bfloat16, tied).weight_bytes == 1000 * 64 * 2
    assert size(tmp_path, torch.float32, tied).weight_bytes == 0


@pytest.mark.parametrize(
    "content",
    [
        b"", b"short", struct.pack("<Q", 2**60), struct.pack("<Q", 4) + b"nope",
        struct.pack("<Q", 8) + b'{"a": 1}', struct.pack("<Q", 2) + b"[]",
    ],
)  # fmt: skip
def test_a_damaged_file_counts_by_its_length(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    assert size(tmp_path, torch.float32).weight_bytes == len(content)


def test_a_header_without_tensors_takes_nothing(tmp_path):
    text = json.dumps({"__metadata__": {"format": "pt"}}).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    assert size(tmp_path, torch.float32).weight_bytes == 0


def test_enough_memory_gives_the_models_own_context_or_the_one_asked_for():
    assert fitted(100 * GB) == 8192
    assert fitted(100 * GB, asked_tokens=3000) == 3000
    assert fitted(100 * GB, asked_tokens=10**6) == 8192


def test_a_context_that_nobody_asked_for_is_narrowed_and_said_aloud(caplog):
    with caplog.at_level(logging.WARNING):
        assert fitted(2 * GB + ROOM_BYTES + 4000 * 100_000) == 4000
    assert "4000 tokens" in caplog.text


def test_a_context_that_was_asked_for_is_refused_naming_the_one_that_fits():
    with pytest.raises(ModelError, match=r"2\.9 GB \(2\.0 GB of weights, 0\.8 GB") as caught:
        fitted(2 * GB + ROOM_BYTES + 4000 * 100_000, asked_tokens=8000)
    assert caught.value.hint == "set context_tokens to at most 4000"


def test_weights_in_float32_that_fit_in_half_are_told_so():
    wide = ModelSize(weight_bytes=4 * GB, token_bytes=100_000, n_floats=10**9)
    with pytest.raises(ModelError) as caught:
        fitted(3 * GB, model=wide)
    assert "bfloat16" in caught.value.hint
    assert "billion" not in caught.value.hint


def test_weights_that_do_not_fit_are_refused_naming_the_size_that_does():
    with pytest.raises(ModelError, match=r"and 1\.0 GB are free") as caught:
        fitted(GB)
    assert "at most 0.3 billion parameters" in caught.value.hint


@pytest.mark.parametrize("free_bytes", range(0, 4 * GB, 333_333_333))
@pytest.mark.parametrize("asked_tokens", [None, 1, 5000])
def test_whatever_is_granted_fits(free_bytes, asked_tokens):
    try:
        n_tokens = fitted(free_bytes, asked_tokens=asked_tokens)
    except ModelError:
        return
    assert SIZE.weight_bytes + ROOM_BYTES + n_tokens * SIZE.token_bytes <= free_bytes


def test_a_model_too_large_is_refused_before_it_is_loaded(tiny_llama):
    model = TransformersModel(str(tiny_llama), device="cpu", memory_bytes=1000)
    with pytest.raises(ModelError, match=r"0\.0 GB are free"):
        next(
            model.stream(
                [Message.of("user", "Why?")], options=GenerationOptions(), cancelled=Event()
            )
        )
    assert model._engine is None


def test_a_small_memory_narrows_the_context_of_a_model(tiny_llama):
    found = size(tiny_llama, torch.float32, LlamaConfig.from_pretrained(tiny_llama))
    exact = found.weight_bytes + ROOM_BYTES + CONTEXT_TOKENS * found.token_bytes
    model = TransformersModel(str(tiny_llama), device="cpu", dtype="float32", memory_bytes=exact)
    assert model.context_tokens == CONTEXT_TOKENS


def test_free_memory_is_part_of_the_whole():
    assert 0 < free_memory() <= total_memory()
