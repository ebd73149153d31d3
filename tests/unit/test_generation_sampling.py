import pytest
import torch

from ragapp.errors import UsageError
from ragapp.generation.sampling import Sampler, check_options
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
    [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_k": -1}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        check_options(GenerationOptions(**options))
