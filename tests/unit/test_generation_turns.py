from threading import Event, Thread

import pytest

from ragapp.generation.turns import FifoSlots

TIMEOUT_S = 20


def waiting(slots, *, cancelled=None, then=lambda admitted: None):
    """Start a thread that asks for a slot, and return once it stands in the queue."""
    n_before = len(slots._waiting)
    thread = Thread(target=lambda: then(slots.acquire(cancelled)), daemon=True)
    thread.start()
    while len(slots._waiting) == n_before:
        assert thread.is_alive()
    return thread


def test_slots_are_given_in_the_order_of_asking():
    slots, order = FifoSlots(1), []
    slots.acquire()

    def leave(number):
        order.append(number)
        slots.release()

    threads = [waiting(slots, then=lambda _, n=number: leave(n)) for number in range(5)]
    slots.release()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert order == [0, 1, 2, 3, 4]


def test_a_cancelled_wait_ends_without_a_slot():
    slots, cancelled, outcome = FifoSlots(1), Event(), []
    slots.acquire()
    thread = waiting(slots, cancelled=cancelled, then=outcome.append)
    cancelled.set()
    thread.join(TIMEOUT_S)
    slots.release()
    assert outcome == [False]
    assert slots.acquire(Event())


def test_an_interrupted_wait_takes_no_slot_along():
    class Interrupting(Event):
        def is_set(self):
            raise KeyboardInterrupt

    slots = FifoSlots(1)
    slots.acquire()
    with pytest.raises(KeyboardInterrupt):
        slots.acquire(Interrupting())
    slots.release()
    assert slots.acquire(Event())


def test_as_many_are_admitted_as_there_are_slots():
    slots, cancelled = FifoSlots(2), Event()
    cancelled.set()
    assert [slots.acquire(cancelled) for _ in range(3)] == [True, True, False]
