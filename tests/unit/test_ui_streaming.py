"""What a conversation keeps when an answer is interrupted or fails on its way."""

import pytest

from ragapp import RagError
from ui import state
from ui.state import Turn
from ui.views import ask


class Interruption(BaseException):
    """Stands for what Streamlit raises in a run that a click has ended."""


class FakeStream:
    def __init__(self, pieces, error=None):
        self._pieces, self._error, self.is_cancelled = pieces, error, False

    def __iter__(self):
        yield from self._pieces
        if self._error is not None:
            raise self._error

    def cancel(self):
        self.is_cancelled = True


class Slot:
    """Breaks off at the n-th time that something is shown."""

    def __init__(self, n_shown):
        self._remaining = n_shown

    def html(self, body):
        self._remaining -= 1
        if self._remaining == 0:
            raise Interruption


@pytest.fixture
def turns(monkeypatch):
    kept = [Turn("a question that failed before")]
    monkeypatch.setattr(state, "conversation", lambda: kept)
    return kept


def test_an_interrupted_answer_is_kept_as_far_as_it_came_and_the_model_is_stopped(turns):
    stream = FakeStream(["One ", "two ", "three"])

    with pytest.raises(Interruption):
        ask._stream(None, Turn("count"), 2, Slot(2), lambda: stream)

    assert turns[-1] == Turn("count", partial="One two ")
    assert stream.is_cancelled


def test_an_error_on_the_way_is_kept_with_the_question(turns):
    stream = FakeStream(["One "], RagError("the model is gone", hint="find it"))

    ask._stream(None, Turn("count"), 2, Slot(0), lambda: stream)

    assert turns[-1].failure.message == "the model is gone"
    assert turns[-1].answer is None


def test_an_answer_that_cannot_begin_is_a_failure_of_its_turn(turns):
    def begin():
        raise RagError("no conversation can be stored")

    ask._stream(None, Turn("count"), 2, Slot(0), begin)

    assert turns[-1].failure.message == "no conversation can be stored"
