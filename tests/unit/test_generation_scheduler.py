import gc
import random
import threading
from pathlib import Path
from threading import Event, Thread

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ragapp.errors import BusyError, ModelError
from ragapp.generation.causal_model import CausalModel
from ragapp.generation.engine import Engine
from ragapp.generation.kv_cache import GrowingCache
from ragapp.generation.limits import Limits
from ragapp.types import GenerationOptions
from tests.small_models import VOCABULARY
from tests.tiny_llama import make_model

pytestmark = pytest.mark.usefixtures("one_thread")

TIMEOUT_S = 60


class Gate(Event):
    """A `cancelled` that holds up the engine's thread, which asks it at each step, until opened."""

    def __init__(self):
        super().__init__()
        self.reached, self.opened = Event(), Event()

    def is_set(self):
        self.reached.set()
        assert self.opened.wait(TIMEOUT_S)
        return super().is_set()


@pytest.fixture(scope="module")
def llama():
    return make_model(VOCABULARY)


def words(ids):
    return "".join(f"{token_id} " for token_id in ids)


def engine_of(model, **options):
    return Engine(model, decode=words, end_ids=frozenset(), limits=Limits(**options))


def tiny_engine(llama, **options):
    return engine_of(CausalModel(llama, name="tiny"), **options)


def started(engine, prompt, *, cancelled=None, **options):
    return engine.stream(
        prompt,
        options=GenerationOptions(**{"max_new_tokens": 8, **options}),
        cancelled=cancelled or Event(),
    )


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def random_ids(draw, n_tokens):
    return [draw.randrange(3, VOCABULARY) for _ in range(n_tokens)]


class Asking(Thread):
    """A thread that reads one answer to its end."""

    def __init__(self, engine, prompt, **options):
        super().__init__(daemon=True)
        self.asked = started(engine, prompt, **options)
        self.pieces, self.error = [], None
        self.start()

    def run(self):
        try:
            self.pieces.extend(self.asked)
        except ModelError as error:
            self.error = error

    def result(self):
        self.join(TIMEOUT_S)
        assert not self.is_alive()
        return self.pieces


def asked_behind(engine, gate, requests):
    """Ask while the engine is held up by a first request, one after another; return the threads."""
    first = Asking(engine, [5, 6, 7], cancelled=gate)
    assert gate.reached.wait(TIMEOUT_S)
    threads = []
    for prompt, options in requests:
        n_waiting = len(engine._scheduler._waiting)
        threads.append(Asking(engine, prompt, **options))
        while len(engine._scheduler._waiting) == n_waiting and threads[-1].is_alive():
            pass  # until it has queued, so that the order is certain
    return first, threads


def test_requests_together_answer_as_one_after_another(llama):
    draw = random.Random(1)
    prompts = [random_ids(draw, draw.randint(1, 90)) for _ in range(12)]
    alone = [text_of(started(tiny_engine(llama), prompt)) for prompt in prompts]
    gate, engine = Gate(), tiny_engine(llama, max_streams=5, piece_tokens=16)
    first, threads = asked_behind(engine, gate, [(prompt, {}) for prompt in prompts])
    gate.opened.set()
    assert [text_of(thread.result()) for thread in threads] == alone
    assert first.result()[-1].finish_reason == "length"


def test_a_waiting_request_is_told_its_place_until_it_begins(llama):
    gate, engine = Gate(), tiny_engine(llama, max_streams=1)
    _, threads = asked_behind(engine, gate, [([5], {}), ([6], {}), ([7], {})])
    gate.opened.set()
    places = [[p.queue_place for p in t.result() if p.queue_place] for t in threads]
    assert places == [[1], [2, 1], [3, 2, 1]]


def test_too_many_waiting_requests_are_refused(llama):
    gate, engine = Gate(), tiny_engine(llama, max_streams=1, max_waiting=2)
    _, threads = asked_behind(engine, gate, [([5], {}), ([6], {})])
    with pytest.raises(BusyError, match="2 requests are waiting for 'tiny'"):
        next(started(engine, [7]))
    gate.opened.set()
    assert all(thread.result()[-1].finish_reason == "length" for thread in threads)


def test_a_waiting_request_can_be_cancelled(llama):
    cancelled, gate, engine = Event(), Gate(), tiny_engine(llama, max_streams=1)
    cancelled.set()
    _, [waiting] = asked_behind(engine, gate, [([5], {"cancelled": cancelled})])
    gate.opened.set()
    last = waiting.result()[-1]
    assert (last.finish_reason, last.usage.prompt_tokens) == ("cancelled", 0)


@pytest.mark.parametrize("max_streams", [1, 8])
def test_an_answer_ends_when_its_time_is_over(llama, max_streams):
    gate, engine = Gate(), tiny_engine(llama, max_streams=max_streams)
    _, [late] = asked_behind(engine, gate, [([5], {"timeout_s": 1e-6})])
    gate.opened.set()
    last = late.result()[-1]
    assert (last.finish_reason, last.usage.new_tokens) == ("timeout", 0)


def test_an_answer_in_time_is_whole(llama):
    *_, last = started(tiny_engine(llama), [5, 6], timeout_s=TIMEOUT_S)
    assert last.finish_reason == "length"


def test_cancelling_one_request_leaves_the_others(llama):
    draw = random.Random(3)
    prompts = [random_ids(draw, 20) for _ in range(3)]
    alone = text_of(started(tiny_engine(llama), prompts[0]))
    cancelled, gate, engine = Event(), Gate(), tiny_engine(llama)
    cancelled.set()
    requests = [(prompts[0], {}), (prompts[1], {"cancelled": cancelled})]
    _, [kept, dropped] = asked_behind(engine, gate, requests)
    gate.opened.set()
    assert text_of(kept.result()) == alone
    assert dropped.result()[-1].finish_reason == "cancelled"


def test_an_answer_that_nobody_reads_is_not_written_far_ahead_and_holds_up_no_other(llama):
    engine = tiny_engine(llama)
    unread = started(engine, [5, 6], max_new_tokens=100)
    next(unread)
    assert list(started(engine, [7, 8], max_new_tokens=60))[-1].finish_reason == "length"
    [held] = engine._scheduler._active
    assert len(held._answer_ids) < 20
    assert list(unread)[-1].usage.new_tokens == 100


def test_a_stream_may_be_collected_while_its_thread_holds_the_lock(llama):
    engine = tiny_engine(llama)
    pieces = started(engine, [5, 6], max_new_tokens=100)
    next(pieces)
    closing = Thread(target=lambda: close_inside_lock(engine, pieces), daemon=True)
    closing.start()
    closing.join(TIMEOUT_S)
    assert not closing.is_alive()
    assert list(started(engine, [7]))[-1].finish_reason == "length"


def close_inside_lock(engine, pieces):
    with engine._scheduler._lock:
        pieces.close()


def test_logprobs_are_those_of_the_models_own_distribution(llama):
    prompt = random_ids(random.Random(4), 20)
    *pieces, last = started(tiny_engine(llama), prompt, temperature=2.0, has_logprobs=True)
    tokens = [int(word) for word in text_of([*pieces, last]).split()]
    with torch.inference_mode():
        logits = llama(input_ids=torch.tensor([[*prompt, *tokens]]), use_cache=False).logits[0]
    expected = logits.log_softmax(dim=-1)[range(len(prompt) - 1, len(logits) - 1), tokens]
    assert last.logprobs == pytest.approx(expected.tolist(), abs=1e-4)


class SmallMemory(CausalModel):
    """Has memory for one sequence: fails in the middle of a pass over several."""

    def step(self, rows):
        if len(rows) > 1:
            super().step(rows[:1])
            raise ModelError("the memory does not suffice")
        return super().step(rows)


def test_requests_too_many_for_the_memory_are_computed_one_at_a_time(llama, caplog):
    draw = random.Random(5)
    prompts = [random_ids(draw, 20) for _ in range(3)]
    alone = [text_of(started(tiny_engine(llama), prompt)) for prompt in prompts]
    gate, engine = Gate(), engine_of(SmallMemory(llama, name="small"))
    _, threads = asked_behind(engine, gate, [(prompt, {}) for prompt in prompts])
    gate.opened.set()
    assert [text_of(thread.result()) for thread in threads] == alone
    assert "one request at a time" in caplog.text


class NoMemory(CausalModel):
    def step(self, rows):
        raise ModelError("the memory does not suffice")


def test_what_ends_a_request_reaches_whoever_asked(llama):
    engine = engine_of(NoMemory(llama, name="none"))
    with pytest.raises(ModelError, match="does not suffice"):
        list(started(engine, [5, 6]))


def test_an_engine_answers_after_a_failure(llama):
    failing = [True]

    class Once(CausalModel):
        def step(self, rows):
            if failing.pop() if failing else False:
                raise ModelError("the memory does not suffice")
            return super().step(rows)

    engine = engine_of(Once(llama, name="once"))
    with pytest.raises(ModelError):
        list(started(engine, [5, 6]))
    assert text_of(started(engine, [5, 6])) == text_of(started(tiny_engine(llama), [5, 6]))


def test_a_prompt_copies_what_a_request_under_way_has_read(llama):
    shared = random_ids(random.Random(6), 40)
    expected = text_of(started(tiny_engine(llama), [*shared, 9]))
    engine = tiny_engine(llama)
    first = started(engine, [*shared, 8], max_new_tokens=400)
    next(first)
    *pieces, last = started(engine, [*shared, 9])
    assert last.usage.cached_tokens == 40
    assert text_of([*pieces, last]) == expected
    first.close()


def wide_model():
    """A model of 4 MB of keys and values a session, so that what is not freed shows."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=8, num_key_value_heads=8, head_dim=128, max_position_embeddings=512,
    )  # fmt: skip
    return CausalModel(LlamaForCausalLM(config).eval(), name="wide")


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def left_early(engine, n_times):
    for turn in range(n_times):
        pieces = started(engine, [turn % 250 + 3, 5, 6], max_new_tokens=100)
        next(pieces)
        pieces.close()
    assert list(started(engine, [4]))  # the last one is gone, too


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_two_hundred_cancelled_answers_leave_the_memory_as_it_was():
    engine = engine_of(wide_model(), pool_bytes=16 * 2**20)
    left_early(engine, 20)
    before = resident_bytes()
    left_early(engine, 200)
    assert resident_bytes() < 1.05 * before


def test_a_closed_engine_holds_no_cache():
    engine = engine_of(wide_model())
    left_early(engine, 5)
    engine.close()
    for thread in threading.enumerate():
        if thread.name == "engine of wide":
            thread.join(TIMEOUT_S)
    gc.collect()
    assert not [kept for kept in gc.get_objects() if type(kept) is GrowingCache]
