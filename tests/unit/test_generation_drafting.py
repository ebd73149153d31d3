import random
from threading import Event

import pytest
import torch

from ragapp.generation.causal_model import CausalModel
from ragapp.generation.drafting import Drafter
from ragapp.generation.engine import Engine
from ragapp.generation.limits import Limits
from ragapp.types import GenerationOptions
from tests.small_models import VOCABULARY
from tests.tiny_llama import make_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def llama():
    return make_model(VOCABULARY)


class Reciter(CausalModel):
    """A model that computes as any, and then says what follows `prompt` in `script`."""

    def __init__(self, weights, prompt, script):
        super().__init__(weights, name="reciter")
        self.said = [*prompt, *script]
        self.n_passes = 0

    @torch.inference_mode()
    def step(self, rows):
        computed = super().step(rows)
        self.n_passes += 1
        for row, logits in zip(rows, computed, strict=True):
            end = row.cache.get_seq_length() + 1
            for place, following in enumerate(self.said[end - len(logits) : end]):
                logits[place].zero_()
                logits[place, following] = 1
        return computed


def answered(model, prompt, *, is_drafting, **options):
    engine = Engine(
        model,
        decode=lambda ids: "".join(f"{token_id} " for token_id in ids),
        end_ids=frozenset(),
        limits=Limits(is_drafting=is_drafting),
    )
    options = GenerationOptions(**{"max_new_tokens": 40, **options})
    *pieces, last = engine.stream(prompt, options=options, cancelled=Event())
    text = "".join(piece.text for piece in [*pieces, last])
    return [int(word) for word in text.split()], last


def random_ids(draw, n_tokens, *, low=3, high=VOCABULARY):
    return [draw.randrange(low, high) for _ in range(n_tokens)]


def test_what_followed_the_last_tokens_before_is_drafted():
    assert Drafter([5, 6, 7, 8, 9, 5, 6, 7]).draft(8) == [8, 9, 5, 6]


def test_the_latest_place_counts():
    assert Drafter([5, 6, 1, 5, 6, 2, 5, 6]).draft(1) == [2]


def test_tokens_that_never_stood_together_suggest_nothing():
    assert Drafter([5, 6, 7, 6, 5, 7]).draft(8) == []


def test_drafts_are_as_long_as_allowed():
    assert [len(Drafter([5, 6, 7, 8] * 9).draft(n)) for n in (0, 1, 3)] == [0, 1, 3]


def test_right_drafts_grow():
    drafter = Drafter([5, 6, 7, 8] * 9)
    drafter.learn(n_drafted=4, n_accepted=4)
    assert len(drafter.draft(99)) == 4  # as far as the text goes
    longer = Drafter([*range(10, 60), *range(10, 14)])
    longer.learn(n_drafted=4, n_accepted=4)
    assert len(longer.draft(99)) == 8


def test_wrong_drafts_pause_and_are_tried_again():
    drafter = Drafter([5, 6, 7, 8] * 9)
    n_tried = 0
    while drafter.draft(4):
        drafter.learn(n_drafted=4, n_accepted=0)
        n_tried += 1
    assert n_tried == 4
    drafter.extend([5, 6, 7, 8] * 4)
    assert drafter.draft(4)


@pytest.mark.parametrize("seed", range(6))
def test_answers_with_drafts_are_those_without(llama, seed):
    draw = random.Random(seed)
    words = random_ids(draw, 6)  # few words, so that pairs of them come again
    prompt = [draw.choice(words) for _ in range(80)]
    model = CausalModel(llama, name="tiny")
    plain, drafted = (answered(model, prompt, is_drafting=flag)[0] for flag in (False, True))
    assert drafted == plain


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_recited_answer_is_recited_whatever_is_drafted(llama, share):
    draw = random.Random(1)
    prompt, script = random_ids(draw, 200), []
    while len(script) < 60:
        start = draw.randrange(150)
        is_copy = draw.random() < share
        script += prompt[start : start + 12] if is_copy else random_ids(draw, 12)
    tokens, last = answered(Reciter(llama, prompt, script), prompt, is_drafting=True)
    assert tokens == script[:40]
    assert last.usage.new_tokens == 40


def test_a_copied_passage_takes_a_fraction_of_the_passes(llama):
    prompt = random_ids(random.Random(2), 200)
    model = Reciter(llama, prompt, prompt[50:130])
    answered(model, prompt, is_drafting=True)
    assert model.n_passes < 40 / 4


def test_no_more_tokens_come_than_asked_for(llama):
    prompt = random_ids(random.Random(2), 200)
    model = Reciter(llama, prompt, prompt[50:130])
    for n_tokens in range(1, 12):
        tokens, last = answered(model, prompt, is_drafting=True, max_new_tokens=n_tokens)
        assert (tokens, last.finish_reason) == (prompt[50 : 50 + n_tokens], "length")


def test_a_stop_string_inside_a_draft_ends_the_answer(llama):
    prompt = random_ids(random.Random(2), 200)
    model = Reciter(llama, prompt, prompt[50:130])
    end = next(place for place in range(58, 80) if prompt[place] not in prompt[50:place])
    tokens, last = answered(model, prompt, is_drafting=True, stop=(f" {prompt[end]} ",))
    assert (tokens, last.finish_reason) == (prompt[50:end], "stop")


def test_sampled_answers_are_not_drafted(llama):
    prompt = random_ids(random.Random(2), 200)
    model = Reciter(llama, prompt, prompt[50:130])
    answered(model, prompt, is_drafting=True, temperature=1e-3)
    assert model.n_passes == 40
