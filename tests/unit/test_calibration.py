import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opened_rag import open_fake_rag
from stored_documents import add

from ragapp.calibration import Sample, calibrate, fitted, threshold_at
from ragapp.confidence import DEFAULT_FIT, Signals
from ragapp.errors import UsageError
from ragapp.trust import describe_calibration, forget_calibration

NAMES = "dome lens ferry pump mirror tower harbour bridge tunnel garden".split()
FACTS = [
    f"The {name} of {place} opens at dawn." for name in NAMES for place in ("Lark", "Wren", "Rook")
]
ANSWERABLE = [
    (f"When does the {name} of {p} open?", True) for name in NAMES for p in ("Lark", "Wren")
]
OTHER = [
    (f"Who painted the {word} submarine?", False) for word in "red blue green pink grey".split()
]
OTHER += [(f"How much is a {word} violin?", False) for word in "red blue green pink grey".split()]


def drawn(n, *, shift, seed=0):
    """Return samples whose coverage tells answerable from not, the answerable `shift` higher."""
    chance = random.Random(seed)
    return [
        Sample(
            Signals(
                coverage=min(max(chance.gauss(0.4 + shift * (i % 2), 0.15), 0.0), 1.0),
                **dict.fromkeys(Signals._fields[1:], 0.5),
            ),
            is_read=False,
            is_answerable=bool(i % 2),
        )
        for i in range(n)
    ]


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as rag:
        with rag.collection.writing():
            for i, fact in enumerate(FACTS):
                add(rag.collection, fact, path=f"{i}.txt")
        yield rag


def state(rag):
    return describe_calibration(rag.collection, rag.settings, rag.embedder)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 0.99))
def test_at_most_the_target_lies_below_the_threshold(scores, target):
    threshold = threshold_at(scores, target)

    assert sum(score < threshold for score in scores) <= target * len(scores)


@pytest.mark.parametrize("target", [0.0, 0.05, 0.2])
def test_no_more_of_the_answerable_are_refused_than_the_target(target):
    assert calibrate(drawn(200, shift=0.3), target=target).false_abstention <= target


def test_signals_that_tell_are_found():
    assert calibrate(drawn(200, shift=0.4)).measured.auroc > 0.9


def test_signals_that_tell_nothing_are_no_better_than_chance():
    assert abs(calibrate(drawn(400, shift=0.0)).measured.auroc - 0.5) < 0.1


def test_samples_of_one_kind_leave_the_default_fit():
    samples = [sample for sample in drawn(40, shift=0.3) if sample.is_answerable]

    assert fitted(samples) == DEFAULT_FIT


def test_the_fit_of_questions_that_are_not_read_leaves_the_other_as_it_is():
    assert fitted(drawn(100, shift=0.3)).read == DEFAULT_FIT.read


def test_the_gradient_of_the_fit_vanishes_for_the_constant():
    samples = drawn(300, shift=0.2)
    fit = fitted(samples)

    p = np.array([fit.confidence(s.signals, is_read=False) for s in samples])
    y = np.array([s.is_answerable for s in samples])

    assert p[y].mean() == pytest.approx(1 - p[~y].mean(), abs=1e-4)


def loss(samples, fit):
    chances = [
        fit.confidence(s.signals, is_read=False)
        if s.is_answerable
        else 1.0 - fit.confidence(s.signals, is_read=False)
        for s in samples
    ]
    return -np.log(np.maximum(chances, 1e-12)).mean()


@pytest.mark.parametrize("seed", range(8))
def test_the_fit_is_never_worse_than_the_default_on_its_own_samples(seed):
    chance = random.Random(seed)
    samples = [
        Sample(Signals(*(chance.random() for _ in Signals._fields)), False, bool(i % 2))
        for i in range(60)
    ]

    assert loss(samples, fitted(samples)) <= loss(samples, DEFAULT_FIT) + 1e-6


def test_a_question_without_hits_is_refused_and_counted():
    samples = [*drawn(100, shift=0.3), *[Sample(None, False, False)] * 10]

    found = calibrate(samples)

    assert found.measured.n_unanswerable == 60
    assert found.refused >= 10 / 60


@pytest.mark.parametrize(("n", "said"), [(0, "0 answerable and 0"), (30, "15 answerable and 15")])
def test_too_few_questions_are_one_clear_line(n, said):
    with pytest.raises(UsageError, match=said):
        calibrate(drawn(n, shift=0.3))


@pytest.mark.parametrize("target", [-0.1, 1.0])
def test_a_target_out_of_range_is_a_usage_error(target):
    with pytest.raises(UsageError, match="false abstention"):
        calibrate(drawn(100, shift=0.3), target=target)


def test_a_calibration_is_used_from_then_on(rag):
    found = rag.calibrate([*ANSWERABLE, *OTHER])

    assert rag.trust().fit == found.fit
    assert rag.trust().threshold == found.threshold


def test_a_setting_that_is_given_comes_before_the_calibrated_threshold(tmp_path):
    with open_fake_rag(tmp_path / "collection", abstain_below=0.2) as rag:
        with rag.collection.writing():
            for i, fact in enumerate(FACTS):
                add(rag.collection, fact, path=f"{i}.txt")
        rag.calibrate([*ANSWERABLE, *OTHER])

        assert rag.trust().threshold == 0.2


def test_a_collection_of_other_size_goes_back_to_the_default(rag):
    rag.calibrate([*ANSWERABLE, *OTHER])
    with rag.collection.writing():
        for i in range(2 * len(FACTS)):
            add(rag.collection, f"Shed {i} holds {i} spare oars.", path=f"shed{i}.txt")

    assert rag.trust().fit == DEFAULT_FIT
    assert "no longer holds" in state(rag)[1]


def test_a_damaged_calibration_is_told_and_the_default_used(rag):
    rag.calibrate([*ANSWERABLE, *OTHER])
    (path,) = (rag.settings.collection / "evaluations").iterdir()
    path.write_text(json.dumps({"format": 1}))

    assert rag.trust().fit == DEFAULT_FIT
    assert "cannot be read" in state(rag)[1]


def test_a_calibration_that_holds_is_nothing_to_warn_of(rag):
    rag.calibrate([*ANSWERABLE, *OTHER])

    assert state(rag)[1] == ""
    assert "20 answerable and 10 other" in state(rag)[0]


def test_forgetting_goes_back_to_the_default(rag):
    rag.calibrate([*ANSWERABLE, *OTHER])

    assert forget_calibration(rag.settings.collection)
    assert rag.trust().fit == DEFAULT_FIT
    assert not forget_calibration(rag.settings.collection)
