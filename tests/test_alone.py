"""Ops that run one by one: what is compiled is kept, up to a number, and found by all threads."""

import threading

import numpy as np
import pytest

from labkit import alone
from labkit.graph import OPS


@pytest.fixture
def kept(monkeypatch):
    """An empty store, for at most three plain ops."""
    store: dict[object, object] = {}
    monkeypatch.setattr(alone, "_alone", store)
    monkeypatch.setattr(alone, "_MOST", 3)
    return store


def reshaped(size):
    return alone.call_alone(OPS["Reshape"](), [np.zeros(12), np.array([size, 12 // size], np.int32)])


def test_an_op_is_compiled_once_for_each_static_value(kept):
    assert [reshaped(size).shape for size in (2, 3, 2)] == [(2, 6), (3, 4), (2, 6)]
    assert len(kept) == 2


def test_the_oldest_is_forgotten(kept):
    for size in (1, 2, 3, 4, 6):
        assert reshaped(size).shape == (size, 12 // size)
    assert len(kept) == 3
    assert reshaped(1).shape == (1, 12)


def test_threads_share_what_is_compiled(kept):
    """More threads than what is kept, each with other values: nobody loses what it is about to call."""
    wrong: list[object] = []

    def work(first):
        for size in (1, 2, 3, 4, 6, 12)[first % 6 :] * 3:
            try:
                if reshaped(size).shape != (size, 12 // size):
                    wrong.append(size)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(kept) == 3
