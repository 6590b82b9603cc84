"""Whether learning several tasks together pays."""

from __future__ import annotations

from collections.abc import Mapping

from clothzoo.errors import InvalidInput
from clothzoo.training.evaluation import Evaluation

# The figure that speaks for a task; for two classes the rare one counts.
_MANY, _TWO = "accuracy", "average_precision"


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


def compare(together: Evaluation, alone: Mapping[str, Evaluation]) -> float:
    """Δm of an evaluation against those of single-task networks on the same pictures.

    Args:
        together: of the multi-task network.
        alone: {task: of the network for that task}.

    Returns:
        Δm over accuracy, or average precision for a task of two classes.
    """
    figure = {t: _TWO if len(r.labels) == 2 else _MANY for t, r in together.tasks.items()}
    return relative_gain(
        {task: together.tasks[task].figures[name] for task, name in figure.items()},
        {task: alone[task].tasks[task].figures[figure[task]] for task in alone},
    )
