"""Whether learning several tasks together pays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput
from clothzoo.training import measures
from clothzoo.training.cross_validation import OutOfFold

_TWO = 2  # classes of which the rare one counts


def relative_gain(together: Mapping[str, float], alone: Mapping[str, float]) -> float:
    """Δm: the mean over the tasks of what a multi-task network gains, relative to single ones.

    Args:
        together: {task: figure of the multi-task network}; higher is better.
        alone: {task: figure of a network for that task alone, with the same trunk}.

    Returns:
        A fraction; 0.01 is one per cent better on average.

    Raises:
        InvalidInput: the tasks are not the same.

    Reference:
        Maninis, Radosavovic, Kokkinos, "Attentive Single-Tasking of Multiple Tasks", 2019,
        https://arxiv.org/abs/1904.08918, equation 4.

    Example:
        >>> round(relative_gain({"category": 0.88, "kids": 0.6}, {"category": 0.8, "kids": 0.6}), 3)
        0.05
    """
    if together.keys() != alone.keys():
        raise InvalidInput(f"the tasks differ: {sorted(together)} and {sorted(alone)}")
    return sum(together[t] / alone[t] - 1 for t in together) / len(together)


def compare(
    together: OutOfFold, alone: Mapping[str, OutOfFold]
) -> tuple[float, tuple[float, float]]:
    """Δm of a multi-task network against single-task networks, on pictures that none had seen.

    Args:
        together: of the multi-task network.
        alone: {task: of the network for that task}, on the same pictures.

    Returns:
        Δm over accuracy, or average precision for a task of two classes; and a 95 % interval, by
        drawing whole groups of pictures, the same for all networks (`measures.bootstrap`).

    Raises:
        InvalidInput: the tasks or the pictures are not the same.
    """
    records = together.records
    by_task = {}
    for task, names in together.labels.items():
        if task not in alone:
            raise InvalidInput(f"there is no single-task network for {task!r}")
        other = alone[task]
        row = {record.id: number for number, record in enumerate(other.records)}
        if row.keys() != {record.id for record in records} or other.labels[task] != names:
            raise InvalidInput(f"the network for {task!r} was asked of other pictures or labels")
        aligned = other.scores[task][[row[record.id] for record in records]]
        truth = measures.targets(records, task, names)
        measure = measures.average_precision if len(names) == _TWO else measures.accuracy
        by_task[task] = (truth, measure, together.scores[task], aligned)

    def gain(rows: NDArray[np.int64], _: object = None) -> float:
        figures: tuple[dict[str, float], dict[str, float]] = ({}, {})
        for task, (truth, measure, *scores) in by_task.items():
            known = rows[truth[rows] >= 0]
            for found, of in zip(figures, scores, strict=True):
                found[task] = measure(truth[known], of[known])
        # Nothing can be gained relative to a network that gets nothing right.
        return relative_gain(*figures) if all(figures[1].values()) else np.nan

    every = np.arange(len(records))
    groups = [record.group for record in records]
    # The draws are of rows; what is measured on them are two networks at once.
    return gain(every), measures.bootstrap(gain, every, np.empty((len(every), 0)), groups)
