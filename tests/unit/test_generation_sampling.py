import pytest
import torch

from ragapp.errors import UsageError
from ragapp.generation.options import check_options
from ragapp.generation.sampling import Sampler, logprob_of
from ragapp.types import GenerationOptions

LOGITS = torch.tensor([0.1, 2.0, 1.5, -3.0, 1.9])


def drawn(n=300, logits=LOGITS, **options):
    sampler = Sampler(GenerationOptions(**options), device=torch.device("cpu"))
    return [sampler.choose(logits) for _ in range(n)]


def test_temperature_zero_takes_the_best():
    assert drawn(5, temperature=0.0) == [1] * 5


def test_equal_seeds_draw_equal_tokens():
    assert drawn(temperature=1.0, seed=3) == drawn(temperature=1.0, seed=3)


def test_other_seeds_draw_other_tokens():
    assert drawn(temperature=1.0, seed=3) != drawn(temperature=1.0, seed=4)


def test_top_k_draws_from_the_best_k_only():
    assert set(drawn(temperature=5.0, top_k=2)) == {1, 4}


def test_top_k_beyond_the_vocabulary_draws_from_all():
    assert set(drawn(temperature=5.0, top_k=99)) == set(range(5))


def test_top_p_draws_from_the_fewest_tokens_that_reach_the_mass():
    logits = torch.tensor([0.2, 0.5, 0.3]).log()
    assert set(drawn(logits=logits, temperature=1.0, top_p=0.6)) == {1, 2}


def test_tiny_top_p_keeps_the_best():
    assert set(drawn(temperature=9.0, top_p=1e-9)) == {1}


def test_tiny_temperature_takes_the_best():
    assert drawn(5, temperature=1e-40) == [1] * 5


def test_frequencies_follow_the_softmax():
    logits = torch.tensor([0.2, 0.5, 0.3]).log()
    tokens = drawn(4000, logits=logits, temperature=1.0)
    assert [tokens.count(token) / 4000 for token in range(3)] == pytest.approx(
        [0.2, 0.5, 0.3], abs=0.03
    )


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 0},
        {"temperature": -1.0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"min_p": -0.1},
        {"min_p": 1.5},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": float("inf")},
        {"timeout_s": 0.0},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        check_options(GenerationOptions(**options))


def test_min_p_drops_what_is_less_likely_than_its_share_of_the_best():
    logits = torch.tensor([0.1, 0.6, 0.3]).log()
    assert set(drawn(logits=logits, temperature=1.0, min_p=0.4)) == {1, 2}


def test_min_p_one_keeps_the_best():
    assert set(drawn(temperature=9.0, min_p=1.0)) == {1}


def test_a_penalty_makes_seen_tokens_less_likely_as_transformers_does():
    from transformers import RepetitionPenaltyLogitsProcessor

    logits, prompt = torch.tensor([2.0, -1.0, 1.9, 0.5, -3.0]), [0, 1, 0]
    options = GenerationOptions(repetition_penalty=1.5)
    sampler = Sampler(options, device=torch.device("cpu"), prompt_ids=prompt)
    penalise, ids = RepetitionPenaltyLogitsProcessor(1.5), list(prompt)
    for _ in range(4):
        expected = penalise(torch.tensor([ids]), logits[None].clone())[0]
        ids.append(sampler.choose(logits))
        assert ids[-1] == int(expected.argmax())
    assert len(set(ids[3:])) > 1


def test_without_a_penalty_tokens_repeat():
    assert drawn(3, temperature=0.0, repetition_penalty=1.0) == [1] * 3


def test_a_logprob_is_that_of_the_softmax():
    expected = LOGITS.double().softmax(dim=-1)[4].log()
    assert logprob_of(LOGITS, 4) == pytest.approx(float(expected), abs=1e-6)
