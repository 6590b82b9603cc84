"""The networks and pictures of the study, and what the networks say of them, kept on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from clothzoo.datasets import clothing, fashion_mnist, rendered
from clothzoo.datasets.photo import open_photo
from clothzoo.datasets.record import Record
from clothzoo.preprocessing import IMAGENET
from clothzoo.retrieval import pooled
from clothzoo.retrieval.colours import histogram
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.evaluation import Judged, Relevance, judge_distances
from clothzoo.retrieval.extractor import Extractor, is_preset
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR
from clothzoo.similarity import pairwise_distances

Vectors = np.ndarray[Any, Any]

PHOTO = (224, 224)


@dataclass(frozen=True)
class Network:
    """A network whose levels are studied.

    Args:
        id: of its architecture, or a preset's name.
        weights: below the data's folder; None for a preset's own, and for random ones to try the
            study out.
        stages: from image to top.
        fine: those that are kept on a 4×4 grid; the others are on a 2×2.
        side: of its input, in pixels.
    """

    id: str
    weights: str | None
    stages: tuple[str, ...]
    fine: tuple[str, ...]
    side: int = 224

    @property
    def top(self) -> str:
        """The topmost stage."""
        return self.stages[-1]

    @property
    def parts(self) -> list[tuple[str, str]]:
        """What is kept of each photo."""
        return [
            (stage, pooling)
            for stage in self.stages
            for pooling in ("grid4" if stage in self.fine else "grid2", "max", "gem")
        ]


@dataclass(frozen=True)
class Size:
    """How much is studied.

    Args:
        networks: frozen ones; the first is the one whose layers are shown.
        trained: the zoo's own for searches, a preset.
        senders: photos of one sender at most among those to choose by.
        garments: drawn garments to choose by, and as many to report on.
        fashion: pictures of Fashion-MNIST.
        heated: photos for the heat map, which has hundreds of combinations.
        real: whether the data sets are there; otherwise drawn garments take their place.
        side: of drawn garments, in pixels.
        words: numbers of visual words that are tried.
    """

    networks: tuple[Network, ...]
    trained: Network
    senders: int = 5
    garments: int = 300
    fashion: int = 500
    heated: int = 600
    real: bool = True
    side: int = 160
    words: tuple[int, ...] = (256, 1024)


FULL = Size(
    (
        Network(
            "transfer_inception_v3",
            "imagenet/inception_v3_google2015_to_mixed8.weights.h5",
            tuple(f"mixed{n}" for n in range(9)),
            ("mixed0", "mixed4", "mixed8"),
        ),
        Network(
            "transfer_mobilenet_v2",
            "imagenet/mobilenet_v2_1.0_224_no_top.weights.h5",
            (
                "block_1_expand_relu",
                "block_3_expand_relu",
                "block_6_expand_relu",
                "block_13_expand_relu",
                "out_relu",
            ),
            ("block_6_expand_relu", "block_13_expand_relu", "out_relu"),
        ),
    ),
    Network(DEFAULT_EXTRACTOR, None, ("high",), ()),
)
QUICK = Size(
    (
        Network(
            # A random MobileNetV2 lets so little through that float16 keeps nothing of it.
            "inception_residual_cnn",
            None,
            ("low", "mid", "high"),
            ("low",),
            side=64,
        ),
    ),
    Network("shared_multitask_cnn.rendered", None, ("high",), (), side=64),
    garments=60,
    fashion=0,
    heated=40,
    real=False,
    side=48,
    words=(16,),
)


@dataclass(frozen=True)
class Task:
    """One meaning of alike, on one kind of pictures.

    Args:
        name: for people.
        pictures: "clothing", "senders", "rendered" or "fashion".
        labels: alike are pictures with the same values of these.
        others: whether only hits by other senders, or of other garments, count.
    """

    name: str
    pictures: str
    labels: tuple[str, ...]
    others: bool = True


TASKS = {
    task.name: task
    for task in (
        Task("photos: category", "clothing", ("category",)),
        Task("photos: category + kids", "clothing", ("category", "kids")),
        Task("photos of other senders: category", "senders", ("category",)),
        Task("drawn: category", "rendered", ("category",)),
        Task("drawn: category + colour", "rendered", ("category", "colour")),
        Task("drawn: category + colour + pattern", "rendered", ("category", "colour", "pattern")),
        Task("drawn: same garment", "rendered", ("garment",), others=False),
        Task("Fashion-MNIST: category", "fashion", ("category",), others=False),
    )
}


def records(size: Size, pictures: str, part: str) -> list[Record]:
    """The pictures to choose by ("choose") or to report on ("report").

    Photos to choose by are of one half of the training senders; "senders" are of the other half.
    """
    if pictures == "rendered" or not size.real:
        seeds = {"rendered": (101, 202), "clothing": (303, 404), "senders": (505, 606)}[pictures]
        seed = seeds[part == "report"]
        return list(rendered.render(size.garments, 2, size.side, seed=seed))
    if pictures == "fashion":
        return fashion_mnist.load("test")[: size.fashion]
    if pictures == "clothing" and part == "report":
        return clothing.load("test")
    found = capped(clothing.load("train"), size.senders)
    names = sorted({str(record.group) for record in found})
    first = set(np.random.default_rng(0).permutation(names)[: len(names) // 2].tolist())
    return [r for r in found if (str(r.group) in first) == (pictures == "clothing")]


def capped(given: Sequence[Record], most: int, seed: int = 0) -> list[Record]:
    """At most so many records of each group, drawn by chance."""
    kept, seen = [], dict[str | None, int]()
    for row in np.random.default_rng(seed).permutation(len(given)):
        group = given[row].group
        seen[group] = seen.get(group, 0) + 1
        if seen[group] <= most:
            kept.append(int(row))
    return [given[row] for row in sorted(kept)]


class Pictures:
    """Pictures with all that is ever asked of them, described once.

    Args:
        size: how much is studied.
        kind: "clothing", "senders", "rendered" or "fashion".
        part: "choose" or "report".
        data: the data's folder.
        folder: where what is described is kept.
    """

    def __init__(self, size: Size, kind: str, part: str, data: Path, folder: Path) -> None:
        self.size, self.data, self.folder = size, data, folder
        self.name = f"{kind}_{part}"
        self.records = records(size, kind, part)
        self._relevance: dict[str, Relevance] = {}
        self._distances: dict[tuple[str, str, str], Vectors] = {}

    @cached_property
    def colours(self) -> dict[str, Vectors]:
        """The colour parts, by space."""
        path = self.folder / f"colours.{self.name}.npz"
        if not path.exists():
            print(f"colours of {self.name}: {len(self.records):,} pictures", flush=True)
            pixels = [open_photo(record.image, size_hint=PHOTO) for record in self.records]
            found = {
                space: np.stack([histogram(p, space) for p in pixels]) for space in ("lab", "hsv")
            }
            partial = path.with_name(f".{path.name}")
            np.savez(partial, **found)
            partial.replace(path)
        with np.load(path) as kept:
            return {space: kept[space] for space in ("lab", "hsv")}

    def pooled(self, network: Network) -> pooled.Pooled:
        """All levels of a network, from one pass over the pictures."""
        path = self.folder / f"{network.id}.{self.name}.npy"
        started = time.perf_counter()
        before = path.exists()
        found = pooled.extract(extractor_of(network, self.data), self.records, path)
        if not before:
            seconds = time.perf_counter() - started
            print(
                f"{network.id}, {self.name}: {len(self.records):,} pictures, "
                f"{len(self.records) / seconds:.1f} a second",
                flush=True,
            )
        return found

    def relevance(self, task: Task) -> Relevance:
        """What is alike among them."""
        if task.name not in self._relevance:
            found = Relevance.of(self.records, task.labels, other_groups=task.others)
            self._relevance[task.name] = found
        return self._relevance[task.name]

    def vectors(self, network: Network, descriptor: Descriptor) -> Vectors:
        """Their vectors by any descriptor of the network's levels."""
        maps = self.pooled_once(network)
        return descriptor.compose(
            [
                self.colours[p.level] if p.of_colour else maps.part(p.level, p.of_network)
                for p in descriptor.parts
            ]
        )

    def pooled_once(self, network: Network) -> pooled.Pooled:
        """The same, opened once."""
        key = f"_pooled_{network.id}"
        if key not in self.__dict__:
            self.__dict__[key] = self.pooled(network)
        found: pooled.Pooled = self.__dict__[key]
        return found

    def judged(self, network: Network, descriptor: Descriptor, metric: str, task: Task) -> Judged:
        """The figures of one search, its distances computed once for all tasks."""
        key = (network.id, f"{descriptor} {id(descriptor.projection)}", metric)
        if key not in self._distances:
            self._distances.clear()  # those of one descriptor at a time are enough
            vectors = self.vectors(network, descriptor)
            self._distances[key] = pairwise_distances(vectors, metric=metric)
        distances = self._distances[key]
        return judge_distances(lambda rows: distances[rows], self.relevance(task))


_EXTRACTORS: dict[str, Extractor] = {}


def extractor_of(network: Network, data: Path) -> Extractor:
    """The extractor of every level of a network, compiled where that can be."""
    if network.id not in _EXTRACTORS:
        _EXTRACTORS[network.id] = built(network, data, pooled.everything(network.parts))
    return _EXTRACTORS[network.id]


def built(network: Network, data: Path, descriptor: Descriptor) -> Extractor:
    """An extractor of the network, compiled where that can be."""
    keras.utils.set_random_seed(0)  # random weights are to be the same when a run goes on
    return Extractor.build(
        network.id,
        descriptor,
        weights=data / network.weights if network.weights else None,
        preprocessing=None
        if is_preset(network.id)
        else replace(IMAGENET, size=(network.side, network.side)),
        precision="float32",
    )
