"""Shards described by the actors of a Ray cluster.

Ray Data hands the numbers of the shards to actors that each have one extractor. An actor reads,
describes and writes a whole shard by itself, so nothing but its number crosses the cluster, and
no other task has to find a CPU beside the actors. What a dying actor had begun another one does
again, and a shard that is there already is simply written once more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo import errors
from clothzoo.errors import ClothzooError, ExtractionFailed, InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval.bulk.describing import Describer, Shard
from clothzoo.retrieval.bulk.extraction import Cluster
from clothzoo.retrieval.extractor import Extractor

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 4
_MOST_BLOCKS = 4096
_ERROR = "error"


def shards(
    out: str, make: Callable[[], Extractor], pending: Sequence[int], cluster: Cluster
) -> Iterator[Shard]:
    """Describe shards on a cluster.

    Args:
        out: the folder of shards, as every machine sees it.
        make: makes an extractor there.
        pending: the numbers of the shards.
        cluster: which cluster, and how much of it.

    Yields:
        What came of each shard, in no particular order.

    Raises:
        InvalidInput: there is no such cluster, or it has no room for one actor.
        ExtractionFailed: an actor cannot go on, or died several times over the same shard.
        ClothzooError: what an actor raised.
        ExtraMissing: Ray is not installed.
    """
    if not pending:
        return
    ray, data = require("ray", "ray"), require("ray.data", "ray")
    ours = not ray.is_initialized()
    if ours:
        _join(ray, cluster)
    talk = logging.getLogger("ray.data")  # it tells of each step, beside our own progress bar
    before = talk.level
    talk.setLevel(logging.CRITICAL)
    try:
        data.DataContext.get_current().enable_progress_bars = False
        left = set(pending)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                for shard in _described(ray, data, out, make, sorted(left), cluster):
                    left.remove(shard.number)
                    yield shard
                return
            except ray.exceptions.RayError as error:
                # A lost machine uses up all attempts at what it had before Ray knows of the loss.
                if attempt == _ATTEMPTS:
                    raise _explained(error) from error
                _LOG.warning("%s; beginning anew with %d shards", _last_line(error), len(left))
    finally:
        talk.setLevel(before)
        if ours:
            ray.shutdown()


def _described(
    ray: Any,
    data: Any,
    out: str,
    make: Callable[[], Extractor],
    pending: Sequence[int],
    cluster: Cluster,
) -> Iterator[Shard]:
    described = data.from_items(
        [{"shard": number} for number in pending],
        override_num_blocks=min(len(pending), _MOST_BLOCKS),
    ).map_batches(
        _Actor,
        fn_constructor_args=(out, make, os.environ.get("KERAS_BACKEND")),
        batch_size=1,
        batch_format="numpy",
        compute=data.ActorPoolStrategy(
            size=min(_actors(ray, cluster), len(pending)), max_tasks_in_flight_per_actor=2
        ),
        num_cpus=cluster.cpus,
        num_gpus=cluster.gpus or None,
        # Ray Data restarts actors for ever, and would so over a photo that kills each of them.
        ray_remote_args_fn=lambda: {"max_task_retries": _ATTEMPTS - 1},
    )
    for row in described.iter_rows():
        kind, _, message = row.pop(_ERROR).partition(" ")
        if kind:
            raise getattr(errors, kind)(message)
        yield Shard(**{name: int(value) for name, value in row.items()})


class _Actor:
    """What runs on the machines: one `Describer` a process."""

    def __init__(self, out: str, make: Callable[[], Extractor], backend: str | None) -> None:
        if backend is not None:
            os.environ["KERAS_BACKEND"] = backend
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # The extractor is made with the first shard: what goes wrong then comes back as an error
        # of that shard, whereas of an actor that does not start Ray only says that it died.
        self._describer = Describer(out, make)

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[Any]]:
        (number,) = batch["shard"].tolist()
        # Ray hands an exception over as text of its own; ours goes as a value.
        try:
            found, error = self._describer.describe(number), ""
        except ClothzooError as raised:
            found, error = Shard(number, 0, 0), f"{type(raised).__name__} {raised}"
        values = {name: np.array([value]) for name, value in asdict(found).items()}
        return {**values, _ERROR: np.array([error])}


def _join(ray: Any, cluster: Cluster) -> None:
    try:
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            **({} if cluster.address else {"include_dashboard": False}),
        )
    except (ConnectionError, ValueError) as error:
        raise InvalidInput(
            f"no Ray cluster answers at {cluster.address or 'this machine'!r}: {error}"
        ) from error


def _actors(ray: Any, cluster: Cluster) -> int:
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = [
        machine
        for machine in machines
        if machine.get("CPU", 0) >= cluster.cpus and machine.get("GPU", 0) >= cluster.gpus
    ]
    if not room:
        raise InvalidInput(
            f"no machine of the cluster has {cluster.cpus:g} CPUs and {cluster.gpus:g} GPUs for an "
            f"actor; it has {len(machines)} machines with {[m.get('CPU', 0) for m in machines]} "
            f"CPUs and {[m.get('GPU', 0) for m in machines]} GPUs"
        )
    return cluster.actors or len(room)


def _explained(error: BaseException) -> ExtractionFailed:
    return ExtractionFailed(
        f"the Ray cluster could not go on: {_last_line(error)}; the shards that are there are "
        "whole; run it again to go on"
    )


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
