"""What each layer knows: a linear probe and a search over its descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.explain.maps import stages
from clothzoo.explain.networks import Floats, Network, Source, network_of
from clothzoo.optional import require
from clothzoo.preprocessing import Preprocessing
from clothzoo.similarity import pairwise_distances
from clothzoo.similarity.metrics import find_metric
from clothzoo.streaming import stream


@dataclass(frozen=True)
class LayerScore:
    """How well the labels of photos can be told from one layer.

    Args:
        level: the layer, as it was asked for.
        dim: number of channels: values in a descriptor.
        probe: balanced accuracy of a linear classifier, mean over the folds.
        probe_spread: standard deviation over the folds.
        retrieval: share of the nearest photos of other groups that have the label of the query,
            mean over the labels.
        chance: what either would be by chance.
    """

    level: str
    dim: int
    probe: float
    probe_spread: float
    retrieval: float
    chance: float


def layer_probe(
    model_or_preset: Source,
    records: Sequence[Record],
    *,
    task: str = "category",
    levels: Sequence[str] | None = None,
    metric: str = "braycurtis",
    k: int = 5,
    folds: int = 5,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
) -> list[LayerScore]:
    """Measure, layer by layer, how abstract a network's view of photos is.

    Every layer's map is averaged to a descriptor. A logistic regression over standardised
    descriptors is trained and tested in folds, and each photo is searched for among the others.
    Photos of one group (of one garment, by one person) are never on both sides.

    Args:
        model_or_preset: a preset's name or folder, or a Keras model with one image input.
        records: photos with labels; those without a label of the task are left out.
        task: which label.
        levels: as for `feature_maps`.
        metric: "braycurtis", "cosine", "euclidean" or "manhattan".
        k: how many nearest photos are looked at.
        folds: number of folds, 2 or more.
        seed: of the folds.
        preprocessing: how photos are prepared; a Keras model of your own needs it.

    Returns:
        A score for each layer, in order.

    Raises:
        InvalidInput: too few photos or groups of a label, or no such level.
        UnreadablePhoto: a photo cannot be decoded.
        ExtraMissing: scikit-learn is not installed.
        PresetNotFound: no preset has that name.

    Reference:
        Alain and Bengio, "Understanding intermediate layers using linear classifier probes",
        2016, https://arxiv.org/abs/1610.01644.
    """
    network = network_of(model_or_preset, preprocessing=preprocessing)
    find_metric(metric)
    known = [record for record in records if record.labels.get(task) is not None]
    # A photo that belongs to no group is one of its own.
    groups = np.array([r.group or f"photo {n}" for n, r in enumerate(known)])
    names, labels = np.unique([str(r.labels[task]) for r in known], return_inverse=True)
    _check(task, names, labels, groups, folds, k)
    levels = stages(network) if levels is None else levels
    splits = _splits(labels, groups, folds, seed)
    return [
        LayerScore(
            level,
            vectors.shape[1],
            *_probe(vectors, labels, splits),
            retrieval=_retrieval(vectors, labels, groups, metric, k),
            chance=1 / len(names),
        )
        for level, vectors in zip(levels, descriptors(network, known, levels), strict=True)
    ]


def descriptors(network: Network, records: Sequence[Record], levels: Sequence[str]) -> list[Floats]:
    """The averaged maps of layers, for many photos in one go.

    Args:
        network: whose layers.
        records: the photos.
        levels: the layers.

    Returns:
        float32 (N, channels) for each layer.

    Raises:
        UnreadablePhoto: the first photo that cannot be decoded.
        InvalidInput: there is no such level, or it is no map.
    """
    layers = [network.map_layer(level) for level in levels]
    if not layers:
        raise InvalidInput("there is no level to look at; name one, or give levels=None for all")
    pooled = [
        keras.layers.GlobalAveragePooling2D(dtype="float32", name=f"{layer.name}_probed")(
            layer.output
        )
        for layer in dict.fromkeys(layers)
    ]
    order = [list(dict.fromkeys(layers)).index(layer) for layer in layers]
    joined = keras.layers.Concatenate(name="probed")(pooled) if len(pooled) > 1 else pooled[0]
    model = keras.Model(network.model.inputs[0], joined)

    rows = []
    for _, row in stream(
        records, lambda record: network.preprocessing.one(record.image), model.predict_on_batch
    ):
        if isinstance(row, UnreadablePhoto):
            raise row
        rows.append(np.asarray(row, np.float32))
    ends = np.cumsum([tensor.shape[-1] for tensor in pooled])
    parts = np.split(np.stack(rows), ends[:-1], axis=1)
    return [parts[place] for place in order]


def _check(
    task: str,
    names: NDArray[Any],
    labels: NDArray[np.intp],
    groups: NDArray[Any],
    folds: int,
    k: int,
) -> None:
    if len(names) < 2:
        raise InvalidInput(
            f"a probe needs photos with two or more labels of {task!r}; there are {len(names)}"
        )
    if folds < 2 or k < 1:
        raise InvalidInput(f"a probe needs folds ≥ 2 and k ≥ 1, not {folds!r} and {k!r}")
    fewest = min((len(set(groups[labels == n])), name) for n, name in enumerate(names))
    if fewest[0] < folds:
        raise InvalidInput(
            f"{folds} folds need photos of {folds} or more groups of every label; "
            f"{fewest[1]!r} has {fewest[0]}; give more photos, or folds={max(2, fewest[0])}"
        )


def _splits(
    labels: NDArray[np.intp], groups: NDArray[Any], folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    selection = require("sklearn.model_selection", "explain")
    splitter = selection.StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(labels, labels, groups))


def _probe(
    vectors: Floats,
    labels: NDArray[np.intp],
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> tuple[float, float]:
    linear = require("sklearn.linear_model", "explain")
    scores = []
    for train, test in splits:
        mean, spread = vectors[train].mean(axis=0), vectors[train].std(axis=0)
        spread[spread == 0] = 1  # a channel that is always dark says nothing
        model = linear.LogisticRegression(C=0.1, max_iter=1000)
        model.fit((vectors[train] - mean) / spread, labels[train])
        right = model.predict((vectors[test] - mean) / spread) == labels[test]
        scores.append(_mean_by(labels[test], right))
    return float(np.mean(scores)), float(np.std(scores))


def _retrieval(
    vectors: Floats, labels: NDArray[np.intp], groups: NDArray[Any], metric: str, k: int
) -> float:
    distances = pairwise_distances(vectors, metric=metric)
    distances[groups[:, None] == groups[None]] = np.inf
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    counts = np.isfinite(np.take_along_axis(distances, nearest, axis=1))
    same = (labels[nearest] == labels[:, None]) & counts
    return _mean_by(labels, same.sum(axis=1) / np.maximum(counts.sum(axis=1), 1))


def _mean_by(labels: NDArray[np.intp], values: NDArray[Any]) -> float:
    """The mean over the labels of the mean over each label's values."""
    return float(np.mean([values[labels == label].mean() for label in np.unique(labels)]))
