"""What a preset is worth: figures, intervals, a table and a picture."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record
from clothzoo.errors import InvalidInput
from clothzoo.hub import presets, writing
from clothzoo.hub.presets import Metric, Preset
from clothzoo.logits import softmax
from clothzoo.models import load
from clothzoo.preprocessing import Preprocessing
from clothzoo.training import measures
from clothzoo.training.data import dataset_of, evaluation_records
from clothzoo.training.figures import confusion
from clothzoo.training.prediction import logits_of

Table = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]

SEED = 0  # of the bootstrap
_WITH_INTERVAL = ("accuracy", "balanced_accuracy", "average_precision")


@dataclass(frozen=True)
class TaskReport:
    """The figures of one task.

    Args:
        labels: of the classes.
        n: number of pictures whose label is known.
        groups: number of groups (e.g. senders); 0 where pictures stand alone.
        figures: {measure: value}; fractions. Those with `flip_averaged_` in front are of the
            mean of the probabilities for the picture and its mirror image.
        intervals: {measure: 95 % interval} by bootstrap over groups, or pictures.
        precision: of each class.
        recall: of each class.
        confusion: (classes, classes) counts, rows are true classes.
    """

    labels: tuple[str, ...]
    n: int
    groups: int
    figures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """The figures of a network on a split.

    Args:
        name: of the preset.
        dataset: name of the data.
        split: e.g. "test".
        tasks: {task: its figures}.
    """

    name: str
    dataset: str
    split: str
    tasks: Mapping[str, TaskReport]

    def metrics(self) -> tuple[Metric, ...]:
        """As a preset's record has them."""
        command = f"clothzoo evaluate {self.name} --dataset {self.dataset}"
        return tuple(
            Metric(
                self.dataset, self.split, task, report.n, measure, round(value, 6),
                tuple(round(v, 6) for v in report.intervals.get(measure, ())), SEED, command,
            )
            for task, report in self.tasks.items()
            for measure, value in report.figures.items()
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        tasks = {
            task: {
                "labels": list(report.labels),
                "n": report.n,
                "groups": report.groups,
                "figures": dict(report.figures),
                "intervals": {k: list(v) for k, v in report.intervals.items()},
                "precision": list(report.precision),
                "recall": list(report.recall),
                "confusion": report.confusion.tolist(),
            }
            for task, report in self.tasks.items()
        }
        return {"preset": self.name, "dataset": self.dataset, "split": self.split, "tasks": tasks}

    def tables(self) -> list[Table]:
        """For people: figures and classes of each task, as (title, columns, rows)."""
        made: list[Table] = []
        for task, report in self.tasks.items():
            by = f"{report.groups} groups" if report.groups else "pictures"
            title = f"{self.name}: {task} on {self.dataset}, {self.split}, n = {report.n:,}"
            rows: list[tuple[str, ...]] = []
            for name, value in report.figures.items():
                interval = " – ".join(f"{v:.2%}" for v in report.intervals.get(name, ()))
                rows.append((name.replace("_", " "), f"{value:.2%}", interval))
            made.append((title, ("figure", "value", f"95 % by {by}"), rows))
            counts = report.confusion.sum(axis=1).tolist()
            classes = [
                (label, str(count), f"{precision:.1%}", f"{recall:.1%}")
                for label, count, precision, recall in zip(
                    report.labels, counts, report.precision, report.recall, strict=True
                )
            ]
            made.append(("", (task, "n", "precision", "recall"), classes))
        return made

    def draw(self, folder: str | Path) -> list[Path]:
        """Draw each task's confusion matrix.

        Args:
            folder: where `confusion_<task>.png` is written.

        Raises:
            ExtraMissing: matplotlib is not installed.
        """
        paths = []
        for task, report in self.tasks.items():
            path = Path(folder) / f"confusion_{task}.png"
            confusion(report.confusion, report.labels, path, f"{self.name}, {self.split}")
            paths.append(path)
        return paths


def evaluate(
    preset: str | Path,
    dataset: str | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    write: bool = False,
) -> Evaluation:
    """Measure a preset on a test split, in float32.

    Args:
        preset: a preset's name or folder.
        dataset: "fashion_mnist", "clothing_small", "clothing", or "folder" for labelled photos
            of your own; what the preset was trained on where None.
        data: the data set's folder, or a table of photos; None looks in the usual places.
        write: put the figures into the preset's record and card.

    Returns:
        The figures of every task that both preset and data know.

    Raises:
        PresetNotFound: no preset has that name.
        InvalidInput: preset and data share no task, or a label is unknown to the preset.
        DatasetNotFound: the data is nowhere to be had.

    Example:
        >>> from clothzoo.training import evaluate
        >>> report = evaluate("conventional_cnn.fashion_mnist")  # doctest: +SKIP
        >>> report.tasks["category"].figures["accuracy"]  # doctest: +SKIP
    """
    record = presets.preset(preset)
    dataset = dataset or dataset_of(record)
    records = evaluation_records(dataset, data)
    split = "all" if dataset == "folder" else "test"
    network = load(preset, dtype="float32", classifier_activation=None)
    tasks = report(network, record.labels, record.preprocessing, records)
    if not tasks:
        raise InvalidInput(
            f"{record.name} knows {', '.join(record.labels)}; {dataset} labels none of these"
        )
    result = Evaluation(record.name, dataset, split, tasks)
    if write:
        _write(record, presets.folder(preset), result)
    return result


def report(
    network: keras.Model,
    labels: Mapping[str, Sequence[str]],
    preprocessing: Preprocessing,
    records: Sequence[Record],
) -> dict[str, TaskReport]:
    """Measure a network on records.

    Args:
        network: gives logits.
        labels: {task: class names in the order of the outputs}.
        preprocessing: pictures → input.
        records: a task that none of them has a label for is left out.

    Returns:
        {task: its figures}.

    Raises:
        InvalidInput: a record has a label that `labels` lacks.
    """
    plain, mirrored = (
        {
            task or next(iter(labels)): softmax(values)
            for task, values in logits_of(network, preprocessing, records, mirrored=m).items()
        }
        for m in (False, True)
    )
    found = {}
    for task, names in labels.items():
        truth = measures.targets(records, task, names)
        if (known := truth >= 0).any():
            groups = [r.group for r, k in zip(records, known, strict=True) if k]
            found[task] = task_report(
                truth[known], plain[task][known], mirrored[task][known], names, groups
            )
    return found


def task_report(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    mirrored: NDArray[np.float64],
    labels: Sequence[str],
    groups: Sequence[str | None],
) -> TaskReport:
    """The figures of one task from probabilities.

    Args:
        truth: (N,) true classes.
        scores: (N, classes) probabilities.
        mirrored: (N, classes) probabilities for the mirror images.
        labels: of the classes.
        groups: (N,) of the pictures; an interval goes by groups if every picture has one.
    """
    wanted: dict[str, measures.Measure] = {"accuracy": measures.accuracy}
    if len(labels) > 3:
        wanted["top_3"] = measures.top_3
    wanted["balanced_accuracy"] = measures.balanced_accuracy
    if len(labels) == 2:
        wanted["average_precision"] = measures.average_precision
    figures = {name: measure(truth, scores) for name, measure in wanted.items()}
    figures["calibration_error"] = measures.calibration_error(truth, scores)
    both = (scores + mirrored) / 2
    figures["flip_averaged_accuracy"] = measures.accuracy(truth, both)
    if len(labels) == 2:
        figures["flip_averaged_average_precision"] = measures.average_precision(truth, both)
    by = None if None in groups else groups
    intervals = {
        name: measures.bootstrap(wanted[name], truth, scores, by, seed=SEED)
        for name in _WITH_INTERVAL
        if name in wanted
    }
    matrix = measures.confusion_matrix(truth, scores)
    precision, recall = measures.precision_recall(matrix)
    return TaskReport(
        tuple(labels),
        len(truth),
        0 if by is None else len(set(by)),
        figures,
        intervals,
        tuple(precision.tolist()),
        tuple(recall.tolist()),
        matrix,
    )


def _write(record: Preset, folder: Path, result: Evaluation) -> None:
    """Put new figures in the place of those on the same data and split."""
    others = [m for m in record.metrics if (m.dataset, m.split) != (result.dataset, result.split)]
    writing.save(dataclasses.replace(record, metrics=(*others, *result.metrics())), folder)
