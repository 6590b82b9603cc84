"""Several threads for one search: kernels run without the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from clothzoo.errors import InvalidInput

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="clothzoo")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child inherits no threads


def thread_count(threads: int | None) -> int:
    """How many threads to use.

    Args:
        threads: as the user asked, or None for NUMBA_NUM_THREADS, which is by default the number
            of processors that the process may use.

    Returns:
        At least 1.

    Raises:
        InvalidInput: fewer than one were asked for, or NUMBA_NUM_THREADS is no whole number.
    """
    if threads is None:
        asked = os.environ.get("NUMBA_NUM_THREADS") or _processors()
        if not str(asked).isdecimal() or int(asked) < 1:
            raise InvalidInput(f"NUMBA_NUM_THREADS={asked!r}: a whole number above 0 is needed")
        return int(asked)
    if threads < 1:
        raise InvalidInput(f"threads={threads}: at least one thread is needed")
    return threads


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_out(
    items: Iterable[Item], work: Callable[[Iterator[Item]], Result], threads: int
) -> list[Result]:
    """Let several threads take items from one list until it is empty.

    Args:
        items: what is to be done.
        work: called once in each thread, with an iterator over the items that fall to it.
        threads: how many, the calling one included.

    Returns:
        What each call of `work` returned.
    """
    waiting = deque(items)

    def taken() -> Iterator[Item]:
        while True:
            try:
                yield waiting.popleft()
            except IndexError:
                return

    others = min(threads, len(waiting)) - 1
    futures = [_pool().submit(work, taken()) for _ in range(others)]
    own = work(taken())
    return [own, *(future.result() for future in futures)]
