"""Files are prepared ahead of their turn, in order, within bounds."""

from __future__ import annotations

from contextlib import closing
from threading import Event
from types import SimpleNamespace

import pytest

from ingest import ahead
from ingest.ahead import MAX_FILES, prepared_ahead

WAIT_S = 10.0


def task(name, *, n_characters=1, begun=None):
    def prepare():
        if begun is not None:
            begun.set()
        return SimpleNamespace(name=name, document=SimpleNamespace(text="x" * n_characters))

    return prepare


def test_files_come_in_their_order():
    names = [item.name for item in prepared_ahead(task(i) for i in range(60))]
    assert names == list(range(60))


def test_no_more_files_than_the_bound_are_asked_for_ahead():
    asked = []
    tasks = (asked.append(i) or task(i) for i in range(60))
    with closing(prepared_ahead(tasks)) as coming:
        next(coming)
        assert len(asked) == MAX_FILES


def test_a_file_begins_while_an_earlier_one_is_stored():
    begun = Event()
    with closing(prepared_ahead([task(0), task(1, begun=begun)])) as coming:
        next(coming)
        assert begun.wait(WAIT_S)


def test_while_much_text_waits_only_the_next_file_is_read(monkeypatch):
    monkeypatch.setattr(ahead, "MAX_CHARACTERS", 10)
    begun = [Event() for _ in range(3)]
    tasks = [task(i, n_characters=10, begun=event) for i, event in enumerate(begun)]
    readers = ahead._Readers(1)
    futures = [readers.submit(prepare) for prepare in tasks]
    futures[0].result(WAIT_S)
    assert not begun[1].is_set()
    readers.taken(futures[0])
    assert begun[1].wait(WAIT_S)
    readers.close()


def test_what_a_task_raises_is_raised_in_its_turn():
    def fail():
        raise MemoryError

    coming = prepared_ahead([task(0), fail])
    assert next(coming).name == 0
    with pytest.raises(MemoryError):
        next(coming)
