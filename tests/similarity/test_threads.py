from __future__ import annotations

import os
import threading
from itertools import chain

import numba
import pytest

from clothzoo.errors import InvalidInput
from clothzoo.similarity.threads import share_out, thread_count


def test_every_item_is_taken_once():
    met = threading.Barrier(3)

    def work(items):
        first = next(items)
        met.wait(10)  # so that all three take part
        return [first, *items]

    taken = share_out(range(20), work, 3)
    assert len(taken) == 3
    assert sorted(chain(*taken)) == list(range(20))


def test_an_error_in_any_thread_reaches_the_caller():
    met = threading.Barrier(2)

    def work(items):
        item = next(items)
        met.wait(10)
        if item == 1:
            raise ValueError("item 1")

    with pytest.raises(ValueError, match="item 1"):
        share_out([0, 1], work, 2)


def test_no_threads_are_woken_for_one_item():
    assert share_out([1], lambda items: threading.current_thread(), 8) == [
        threading.current_thread()
    ]


def test_the_default_is_what_numba_would_use(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert thread_count(None) == numba.config.NUMBA_DEFAULT_NUM_THREADS
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    assert thread_count(None) == 7
    for unusable in ("many", "0", "-1"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", unusable)
        with pytest.raises(InvalidInput, match=f"NUMBA_NUM_THREADS='{unusable}'"):
            thread_count(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_starts_threads_of_its_own():
    share_out(range(4), list, 2)
    child = os.fork()
    if not child:
        os._exit(0 if sorted(chain(*share_out(range(4), list, 2))) == [0, 1, 2, 3] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
