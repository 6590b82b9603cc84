"""What the processes of `test_durability` do; imported by them, so it must stay light."""

from __future__ import annotations

import mmap  # noqa: F401 - as in `read_as_nobody`: NumPy imports it when it first maps a file
import os
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np

from clothzoo.errors import CatalogueError
from clothzoo.retrieval import rolling
from clothzoo.retrieval.index import Hits
from clothzoo.retrieval.local import LocalIndex

DIM = 4
GROUP = 8
"""The writer adds and removes its items in groups; a reader must never see part of one."""


def make_segments_small() -> None:
    rolling.RECENT_BYTES = 4 * DIM * 60
    rolling.SEGMENT_BYTES = 4 * DIM * 2000


def operation(number: int) -> tuple[str, list[str]]:
    """The number-th change that a writer makes, the same in every process."""
    rng = np.random.default_rng(number)
    if number % 23 == 22:
        return "compact", []
    kind = "remove" if rng.random() < 0.25 else "add"
    groups = rng.choice(30, size=int(rng.integers(1, 5)), replace=False)
    return kind, [f"{group:02}-{member}" for group in groups for member in range(GROUP)]


def apply(index: LocalIndex, number: int) -> None:
    kind, ids = operation(number)
    if kind == "compact":
        index.compact()
    elif kind == "remove":
        index.remove(ids)
    else:
        index.add(ids, np.full((len(ids), DIM), number), [{"number": number}] * len(ids))


def state_after(count: int) -> dict[str, int]:
    """The number of the add that each item comes from, after as many operations."""
    state: dict[str, int] = {}
    for number in range(count):
        kind, ids = operation(number)
        if kind == "add":
            state.update(dict.fromkeys(ids, number))
        elif kind == "remove":
            for name in ids:
                state.pop(name, None)
    return state


def write(path: Path, first: int, acknowledged: Connection) -> None:
    """Change the catalogue until killed, and tell after each change that it has returned."""
    make_segments_small()
    with LocalIndex.open(path) as index:
        number = first
        while True:
            apply(index, number)
            number += 1
            acknowledged.send(number)


def write_for(path: Path, seconds: float, result: Connection) -> None:
    """Change the catalogue for a while; send how many changes that were."""
    make_segments_small()
    number, end = 0, time.monotonic() + seconds
    with LocalIndex.open(path) as index:
        while time.monotonic() < end:
            apply(index, number)
            number += 1
    result.send(number)


def read_for(path: Path, seconds: float, result: Connection) -> None:
    """Search for a while; send how many searches that were, or what was wrong."""
    searches, newest = 0, 0
    try:
        with LocalIndex.open(path) as index:
            index.search(np.zeros(DIM))  # loads the kernels, which may take a second
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                newest = max(newest, check_one_state(index, newest))
                searches += 1
        result.send(searches)
    except BaseException as error:
        result.send(repr(error))
        raise


def check_one_state(index: LocalIndex, newest: int) -> int:
    """Search, and check that what comes back is one state of the catalogue, and not an old one."""
    hits = cast("Hits", index.search(np.zeros(DIM), k=1000))
    groups: dict[str, list[float]] = {}
    for hit in hits:
        assert hit.distance == DIM * hit.attributes["number"], hit
        groups.setdefault(hit.id[:2], []).append(hit.distance)
    assert len({hit.id for hit in hits}) == len(hits)
    assert all(len(found) == GROUP and len(set(found)) == 1 for found in groups.values()), groups
    latest = int(max((distance for found in groups.values() for distance in found), default=0))
    number = latest // DIM
    # The newest add may have been removed since, but not its state undone.
    expected = {name: add for name, add in state_after(number + 1).items() if add == number}
    assert number < newest or {hit.id for hit in hits if hit.distance == latest} <= set(expected)
    return number


def write_until_the_disk_is_full(path: Path, limit: int | None, result: Connection) -> None:
    """Add until it fails, then once more with the limit lifted; send the message and what is in.

    Args:
        path: a catalogue.
        limit: bytes that a file may have; None where the disk itself is small.
        result: takes the message and the ids that were acknowledged.
    """
    make_segments_small()
    lifted = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, lifted[1]))
    acknowledged: list[str] = []
    try:
        with LocalIndex.open(path) as index:
            while True:
                ids = [f"{len(acknowledged) + row:06}" for row in range(50)]
                index.add(ids, np.ones((50, DIM)), [{"padding": "x" * 500}] * 50)
                acknowledged += ids
    except CatalogueError as error:
        message = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, lifted)
    result.send((message, acknowledged))


def read_as_nobody(path: Path, result: Connection) -> None:
    """Use a catalogue that may not be written; send what came of it."""
    with LocalIndex.create(None, dim=DIM, metric="manhattan") as warm:
        warm.add(["a"], np.ones((1, DIM)))  # nobody may not even read what Python still imports
        warm.search(np.ones(DIM))
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    outcome: dict[str, Any] = {}
    try:
        with LocalIndex.open(path) as index:
            outcome["ids"] = list(index)
            outcome["hits"] = [hit.id for hit in cast("Hits", index.search(np.zeros(DIM), k=3))]
            outcome["problems"] = index.verify()
            try:
                index.add(["new"], np.ones((1, DIM)))
            except CatalogueError as error:
                outcome["refusal"] = str(error)
            result.send(outcome)
            result.recv()  # the folder has changed meanwhile
            result.send(list(index))
    except BaseException as error:
        result.send({"error": repr(error)})
        raise
