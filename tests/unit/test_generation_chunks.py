"""Passages whose keys and values are joined: right where they stand, and never taken for exact."""

import copy
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GemmaConfig,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)

from ragapp.errors import ModelError, SettingsError
from ragapp.generation.causal_model import CausalModel
from ragapp.generation.chunk_files import ChunkFiles
from ragapp.generation.chunk_reuse import ChunkReuse
from ragapp.generation.chunk_store import ChunkStates, ChunkStore
from ragapp.generation.engine import Engine
from ragapp.generation.limits import Limits
from ragapp.generation.session import Placed, Session
from ragapp.types import GenerationOptions
from tests.small_models import SMALL, VOCABULARY, SetAfter

pytestmark = pytest.mark.usefixtures("one_thread")

LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 4.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 128,
}  # fmt: skip
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "llama, scaled": LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROPE),
    "qwen2": Qwen2Config(**SMALL, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SMALL, head_dim=8),
    "gemma": GemmaConfig(**SMALL, head_dim=8),
}
LENGTHS = (20, 1, 33, 12)


def weights_of(name):
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(
        copy.deepcopy(CONFIGS[name]), dtype=torch.float32
    ).eval()


@pytest.fixture(scope="module", params=CONFIGS)
def model(request):
    return CausalModel(weights_of(request.param), name=request.param)


@pytest.fixture(scope="module")
def llama():
    return CausalModel(weights_of("llama"), name="llama")


def store_of(files=None, *, max_bytes=2**24):
    return ChunkStore(max_bytes=max_bytes, device=torch.device("cpu"), files=files)


def engine_of(model, *, share, store=None, **limits):
    return Engine(
        model,
        decode=lambda ids: "".join(f"{token_id} " for token_id in ids),
        end_ids=frozenset([2]),
        limits=Limits(**{"piece_tokens": 16, "max_streams": 3, **limits}),
        chunks=ChunkReuse(model, store or store_of(), share=share),
    )


def random_ids(draw, n_tokens):
    return [draw.randrange(3, VOCABULARY) for _ in range(n_tokens)]


def prompt_of(draw, passages):
    """A prompt with headers of several lengths; its ids and the ranges of the passages."""
    ids, ranges = random_ids(draw, draw.randint(0, 9)), []
    for passage in passages:
        ids += random_ids(draw, draw.randint(0, 4))
        ranges.append((len(ids), len(ids) + len(passage)))
        ids += passage
    return ids + random_ids(draw, draw.randint(0, 6)), ranges


def random_prompt(draw):
    return prompt_of(draw, [random_ids(draw, n) for n in LENGTHS])


def answered(engine, prompt, ranges=(), *, cancelled=None, n_tokens=6):
    stream = engine.stream(
        prompt,
        options=GenerationOptions(max_new_tokens=n_tokens, has_logprobs=True),
        cancelled=cancelled or Event(),
        passages=ranges,
    )
    *pieces, last = stream
    return [int(word) for piece in [*pieces, last] for word in piece.text.split()], last


def cold_tokens(model, prompt, n_tokens=6):
    session = Session(model)
    logits = session.prefill(prompt, cancelled=Event()).logits
    tokens = []
    while len(tokens) < n_tokens and (token := int(logits.argmax())) != 2:
        tokens.append(token)
        logits = session.decode(token)
    return tokens


def blocked_mask(n_tokens, ranges):
    """What a token sees where passages see nothing before them: additive, (1, 1, n, n)."""
    sees = torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()
    for start, end in ranges:
        sees[start:end, :start] = False
    return torch.zeros(n_tokens, n_tokens).masked_fill(~sees, float("-inf"))[None, None]


@torch.inference_mode()
def test_joined_passages_are_as_if_none_saw_what_stands_before_it(model):
    weights = weights_of(model.name)
    weights.set_attn_implementation("eager")
    for seed in range(4):
        prompt, ranges = random_prompt(random.Random(seed))
        prompt = [*prompt, 5]  # the last token is always computed in place
        mask = blocked_mask(len(prompt), ranges)
        rows = torch.tensor([prompt])
        expected = weights(input_ids=rows, attention_mask=mask, use_cache=False).logits[0, -1]
        _, last = answered(engine_of(model, share=0.0), prompt, ranges, n_tokens=1)
        best = expected.log_softmax(dim=-1).max()
        assert last.logprobs == pytest.approx([float(best)], abs=1e-4)


@torch.inference_mode()
def test_gaps_filled_in_pieces_are_as_read_in_order(model):
    draw = random.Random(1)
    prompt = random_ids(draw, 90)
    expected = Session(model).prefill(prompt, cancelled=Event()).logits
    session, held = Session(model), Session(model)
    held.prefill(prompt, cancelled=Event())
    keys, values = held._cache.states()
    chunks = [Placed(start, keys[:, :, start : start + 8], values[:, :, start : start + 8])
              for start in (10, 40, 70)]  # fmt: skip
    session.place(chunks, n_tokens=len(prompt))
    joined = {place for chunk in chunks for place in range(chunk.start, chunk.start + 8)}
    gaps = [place for place in range(len(prompt)) if place not in joined]
    for start in range(0, len(gaps), 25):
        places = gaps[start : start + 25]
        logits = model.step([session.placed_row([prompt[i] for i in places], places)])[0][-1]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_keys_and_values_that_are_all_computed_anew_are_those_of_a_full_prefill(model):
    prompt = random_ids(random.Random(2), 50)
    expected = Session(model)
    logits = expected.prefill(prompt, cancelled=Event()).logits
    keys, values = expected._cache.states()
    session = Session(model)
    wrong = Placed(0, torch.full_like(keys, 9.0), torch.full_like(values, -9.0))
    session.place([wrong], n_tokens=len(prompt))
    found = model.step([session.placed_row(prompt, range(len(prompt)))])[0][-1]
    for one, other in zip((found, *session._cache.states()), (logits, keys, values), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_with_the_share_of_1_answers_are_those_of_a_full_prefill(model):
    engine = engine_of(model, share=1.0)
    for seed in range(4):
        prompt, ranges = random_prompt(random.Random(seed))
        assert answered(engine, prompt, ranges)[0] == cold_tokens(model, prompt)


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_passage_is_computed_once_wherever_it_stands(llama, share):
    draw, engine = random.Random(4), engine_of(llama, share=share, pool_bytes=0)
    passages = [random_ids(draw, n) for n in (20, 30, 40)]
    prompt, ranges = prompt_of(draw, passages)
    _, first = answered(engine, [*prompt, 5], ranges)
    prompt, ranges = prompt_of(draw, passages[::-1])
    _, second = answered(engine, [*prompt, 5], ranges)
    n_reused = sum(n - int(-(-share * n // 1)) for n in (20, 30, 40))
    assert (first.usage.cached_tokens, second.usage.cached_tokens) == (0, n_reused)
    assert second.usage.prefilled_tokens == len(prompt) + 1 - n_reused


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_answers_are_the_same_whether_passages_were_known(model, share):
    store = store_of()
    for seed in range(4):
        prompt, ranges = random_prompt(random.Random(seed))
        unknown, known = (
            answered(engine_of(model, share=share, store=store), prompt, ranges)[0]
            for _ in range(2)
        )
        assert unknown == known


def test_a_passage_that_comes_twice_is_computed_once(llama):
    draw, store = random.Random(5), store_of()
    passage = random_ids(draw, 30)
    prompt, ranges = prompt_of(draw, [passage, passage])
    answered(engine_of(llama, share=0.0, store=store), prompt, ranges)
    once = store_of()
    answered(engine_of(llama, share=0.0, store=once), *prompt_of(draw, [passage]))
    assert store.n_bytes == once.n_bytes > 0


def check_mixed(model, engine, *, seed, n_prompts):
    """Prompts with and without reuse that begin alike: those without must be as if cold."""
    draw = random.Random(seed)
    shared, ranges = random_prompt(random.Random(0))
    for _ in range(n_prompts):
        kept = draw.randrange(1, len(shared))
        prompt = [*shared[:kept], *random_ids(draw, draw.randint(1, 9))]
        inside = [(start, end) for start, end in ranges if end <= kept]
        cancelled = SetAfter(draw.randrange(8)) if draw.random() < 0.3 else Event()
        is_joined = draw.random() < 0.6
        tokens, last = answered(engine, prompt, inside if is_joined else (), cancelled=cancelled)
        usage = last.usage
        assert usage.cached_tokens + usage.prefilled_tokens == usage.prompt_tokens
        assert usage.prefilled_tokens >= 0
        if not is_joined:
            assert tokens == cold_tokens(model, prompt)[: len(tokens)]
            assert last.finish_reason == "cancelled" or usage.prompt_tokens == len(prompt)


def test_what_was_joined_never_serves_prompts_that_want_it_exact(model):
    check_mixed(model, engine_of(model, share=0.1), seed=6, n_prompts=25)


def test_joined_and_exact_prompts_at_once_keep_apart(model):
    engine = engine_of(model, share=0.1, max_streams=4)
    with ThreadPoolExecutor(4) as threads:
        checks = [
            threads.submit(check_mixed, model, engine, seed=seed, n_prompts=6) for seed in range(4)
        ]
        for check in checks:
            check.result()


def test_a_cancelled_prompt_leaves_what_others_can_go_on_with(llama):
    prompt, ranges = random_prompt(random.Random(7))
    engine = engine_of(llama, share=0.2, piece_tokens=8)
    expected = answered(engine_of(llama, share=0.2), prompt, ranges)[0]
    for n_steps in range(20):
        answered(engine, prompt, ranges, cancelled=SetAfter(n_steps))
    assert answered(engine, prompt, ranges)[0] == expected


class Cramped(CausalModel):
    """A model whose memory suffices for one sequence a pass alone, which it notices too late."""

    def step(self, rows):
        computed = super().step(rows)
        if len(rows) > 1:
            raise ModelError("the memory does not suffice")
        return computed


def test_a_prompt_is_joined_though_a_pass_of_several_failed():
    model = Cramped(weights_of("llama"), name="cramped")
    draw = random.Random(8)
    prompts = [random_prompt(draw) for _ in range(3)]
    expected = [answered(engine_of(model, share=0.2), *prompt)[0] for prompt in prompts]
    engine = engine_of(model, share=0.2, is_drafting=False)
    with ThreadPoolExecutor(3) as threads:
        assert [one[0] for one in threads.map(lambda p: answered(engine, *p), prompts)] == expected


def test_the_least_recently_used_passages_are_forgotten_beyond_the_limit():
    states = ChunkStates(torch.zeros(1, 1, 4, 2), torch.zeros(1, 1, 4, 2))
    store = store_of(max_bytes=2 * states.n_bytes)
    for key in ("a", "b"):
        store.put(key, states)
    store.get("a")
    store.put("c", states)
    assert [store.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    assert store.n_bytes == 2 * states.n_bytes


def files_of(folder, *, max_bytes=2**24):
    return ChunkFiles(folder, fingerprint="model", max_bytes=max_bytes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_file_holds_what_was_written(tmp_path, dtype):
    keys, values = torch.randn(2, 2, 2, 5, 4).to(dtype)
    files_of(tmp_path).write("a", keys, values)
    read = files_of(tmp_path).read("a")
    assert all(torch.equal(*pair) for pair in zip(read, (keys, values), strict=True))


def test_files_outlive_the_engine(llama, tmp_path):
    prompt, ranges = random_prompt(random.Random(9))
    prompt = [*prompt, 5]
    engines = [engine_of(llama, share=0.0, store=store_of(files_of(tmp_path))) for _ in range(2)]
    (first, before), (second, after) = (answered(engine, prompt, ranges) for engine in engines)
    assert first == second
    assert (before.usage.cached_tokens, after.usage.cached_tokens) == (0, sum(LENGTHS))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def empty(path):
    path.write_bytes(b"")


def alter(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def swap(path):
    """Put another chunk's file in its place."""
    others = [other for other in path.parent.iterdir() if other != path]
    path.write_bytes(others[0].read_bytes())


@pytest.mark.parametrize("damage", [cut, empty, alter, swap])
def test_a_damaged_file_is_computed_anew(llama, tmp_path, damage, caplog):
    prompt, ranges = random_prompt(random.Random(9))
    expected = answered(engine_of(llama, share=0.0), prompt, ranges)[0]
    engine = engine_of(llama, share=0.0, store=store_of(files_of(tmp_path)))
    answered(engine, prompt, ranges)
    for path in sorted(tmp_path.glob("*/*")):
        damage(path)
    again = engine_of(llama, share=0.0, store=store_of(files_of(tmp_path)))
    tokens, last = answered(again, prompt, ranges)
    assert tokens == expected
    assert last.usage.cached_tokens < sum(LENGTHS)
    assert "computed anew" in caplog.text


def test_files_are_bounded_and_those_read_least_recently_go(tmp_path):
    keys, values = torch.zeros(2, 1, 1, 1000, 1)
    files_of(tmp_path).write("a", keys, values)
    size = next(tmp_path.glob("*/*")).stat().st_size
    files = files_of(tmp_path, max_bytes=2 * size + 10)
    for key in ("b", "c", "d"):
        files.write(key, keys, values)
    assert sorted(path.stem for path in tmp_path.glob("*/*")) == ["c", "d"]


def test_a_folder_that_cannot_be_written_costs_only_time(llama, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    prompt, ranges = random_prompt(random.Random(9))
    engine = engine_of(llama, share=0.0, store=store_of(files_of(blocked)))
    assert answered(engine, prompt, ranges)[0]
    assert "cannot be written" in caplog.text


def test_a_model_whose_keys_cannot_be_moved_is_refused_in_a_line():
    config = Gemma2Config(**SMALL, head_dim=8, sliding_window=24)
    torch.manual_seed(3)
    model = CausalModel(AutoModelForCausalLM.from_config(config).eval(), name="windowed")
    with pytest.raises(SettingsError, match=r"chunk_cache needs .* 'windowed'") as raised:
        ChunkReuse(model, store_of(), share=0.1)
    assert "\n" not in str(raised.value)
    assert "chunk_cache to off" in raised.value.hint
