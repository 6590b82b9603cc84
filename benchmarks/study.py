"""Which descriptor and measure find what is alike: the tables and pictures of docs/study.md.

    python benchmarks/study.py --data FOLDER

FOLDER is what CLOTHZOO_DATA would name. What is described is kept in runs/study, so that a run that
was broken off goes on, and a second one only judges and writes. Whatever is chosen is chosen on
photos of other people, and on other drawn garments, than those that it is reported on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import study_page
from study_classics import settings

from clothzoo.datasets import clothing, fashion_mnist, rendered
from clothzoo.datasets.photo import open_photo
from clothzoo.datasets.record import Record
from clothzoo.preprocessing import IMAGENET
from clothzoo.retrieval import grid, pooled
from clothzoo.retrieval.assessment import milliseconds
from clothzoo.retrieval.colours import SPACES, histogram
from clothzoo.retrieval.descriptors import Descriptor, Pooling
from clothzoo.retrieval.evaluation import Judged, Relevance, judge_distances
from clothzoo.retrieval.extractor import Extractor, is_preset
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR, LOOKS, Look
from clothzoo.retrieval.projection import Projection
from clothzoo.similarity import METRICS, pairwise_distances, plain

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

Vectors = np.ndarray[Any, Any]

PHOTO = (224, 224)
BASELINE = "ImageNet pooled cosine"


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

# A look is chosen by the tasks that have its meaning, and reported on those and on more photos.
LOOK_TASKS = {
    "same-kind": ("photos: category", "drawn: category"),
    "same-look": ("drawn: category + colour", "drawn: category + colour + pattern"),
    "same-garment": ("drawn: same garment",),
}
REPORT_TASKS = {
    **LOOK_TASKS,
    "same-kind": ("photos: category", "photos of other senders: category", "drawn: category"),
}
# Tasks whose photos the trained network has not seen, nor photos of the same senders.
UNSEEN = {
    **LOOK_TASKS,
    "same-kind": ("photos: category", "photos: category + kids", "drawn: category"),
}
CHOSEN_BY = {"same-kind": "P@k", "same-look": "P@k", "same-garment": "mAP@R"}
_TIMED = 128  # photos
MOST_VALUES = 1024  # of a look's vector: 4 KB


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


def candidates(network: Network) -> dict[str, list[Look]]:
    """What a look is chosen from: all that fit into 4 KB, and none that was learned."""
    stages, top = network.stages, network.top
    alone = [
        Look(level, pooling, how, metric)
        for level in dict.fromkeys((stages[len(stages) // 2], *stages[-3:]))
        for pooling in ("avg", "gem", "grid2", "fold1024", "fold768")
        for how, metric in (
            ("none", "cosine"),
            ("none", "braycurtis"),
            ("l1", "braycurtis"),
            ("hellinger", "cosine"),
        )
        if pooling[:4] != "fold" or level == top
    ]
    coloured = [
        Look(f"{level}+{weight}*{space}", f"{pooling}+avg", how, metric)
        for level, pooling in ((top, "fold640"), (top, "fold768"), (stages[-2], "avg"))
        for space in ("lab", "hsv")
        for weight in ("0.25", "0.35", "0.5", "0.7")
        for how, metric in (("l1", "braycurtis"), ("hellinger", "cosine"))
    ]
    return {"same-kind": alone, "same-look": coloured, "same-garment": coloured}


def named_by(network: Network, look: Look) -> Look:
    """The look by the network's own name of its topmost map."""
    return replace(look, level=look.level.replace("high", network.top))


def baseline(network: Network) -> Look:
    """What people use today: the averages of the topmost map, by cosine."""
    return Look(network.top, "avg", "none", "cosine")


def length_of(look: Look, channels: dict[str, int]) -> int:
    """Number of values of a look's vectors."""
    total = 0
    for part in look.descriptor().parts:
        pooling = Pooling.of(part.pooling)
        size = SPACES[part.level].size if part.of_colour else channels[part.level]
        total += min(size * pooling.grid**2, pooling.fold or size * pooling.grid**2)
    return total


class Study:
    """The whole of it.

    Args:
        size: how much.
        data: folder of the data sets.
        folder: where it keeps what it has described, and its results.
    """

    def __init__(self, size: Size, data: Path, folder: Path) -> None:
        self.size, self.data, self.folder = size, data, folder
        self.results: dict[str, Any] = {}
        kinds = ["clothing", "rendered"]
        names = [(kind, part) for kind in kinds for part in ("choose", "report")]
        names.append(("senders", "report"))
        if size.fashion:
            names.append(("fashion", "report"))
        vectors = folder / "vectors"
        vectors.mkdir(parents=True, exist_ok=True)
        self.pictures = {
            (kind, part): Pictures(size, kind, part, data, vectors) for kind, part in names
        }

    def tasks(self) -> list[Task]:
        """Those that the pictures have labels for."""
        tasks = [t for t in TASKS.values() if (t.pictures, "report") in self.pictures]
        if not self.size.real:
            tasks = [t for t in tasks if "kids" not in t.labels]
        return tasks

    def report(self, network: Network, look: Look, task: Task, part: str = "report") -> Judged:
        """The figures of a look on the pictures of one part."""
        pictures = self.pictures[task.pictures, part]
        return pictures.judged(network, look.descriptor(), look.metric, task)

    def run(self) -> dict[str, Any]:
        """Everything, step by step; each step's results are kept as soon as they are there."""
        started = time.perf_counter()
        for network in self.size.networks:
            for pictures in self.pictures.values():
                pictures.pooled_once(network)
        for name, step in (
            ("levels", self.levels),
            ("layers", self.layers),
            ("fusion", self.fusion),
            ("looks", self.looks),
            ("trained", self.trained),
            ("projection", self.projection),
            ("classics", self.classics),
            ("heat", self.heat),
        ):
            self._step(name, step)
        self.results["about"] = self.about()
        print(f"all of it: {(time.perf_counter() - started) / 60:.1f} minutes", flush=True)
        return self.results

    def _step(self, name: str, step: Callable[[], Any]) -> None:
        path = self.folder / f"{name}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        if not found:  # or an empty one: of something that was not installed
            started = time.perf_counter()
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(step()), encoding="utf-8")
            partial.replace(path)
            print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
        self.results[name] = json.loads(path.read_text(encoding="utf-8"))

    def levels(self) -> list[dict[str, Any]]:
        """The thesis' table: levels × measures, on the maps as they are and in grids."""
        rows = []
        for network in self.size.networks:
            chosen = (network.fine[0], *network.fine[1:-1], network.top)
            for level in dict.fromkeys(chosen):
                for pooling in ("avg", "grid4"):
                    if pooling == "grid4" and level != network.fine[0]:
                        continue  # the others' would be longer than their place is worth
                    for metric in METRICS:
                        for task in self.tasks():
                            found = self.report(network, Look(level, pooling, "none", metric), task)
                            rows.append(
                                row_of(found, network=network.id, level=level, pooling=pooling,
                                       metric=metric, task=task.name)
                            )  # fmt: skip
        return rows

    def layers(self) -> list[dict[str, Any]]:
        """Layer by layer: what is found from the image up to the top."""
        rows = []
        network = self.size.networks[0]
        for stage in network.stages:
            for task in self.tasks():
                found = self.report(network, Look(stage, "avg", "none", "braycurtis"), task)
                low, high = found.interval("mAP@R")
                rows.append(row_of(found, stage=stage, task=task.name, low=low, high=high))
        return rows

    def fusion(self) -> list[dict[str, Any]]:
        """Low and high joined, by how much low counts."""
        rows = []
        network = self.size.networks[0]
        low, high = network.fine[0] if len(network.fine) > 1 else network.stages[0], network.top
        for share in ("", "0.25", "0.5", "1"):
            level = f"{high}+{share}*{low}" if share else high
            for task in self.tasks():
                found = self.report(network, Look(level, "avg", "l1", "braycurtis"), task)
                rows.append(row_of(found, level=level, task=task.name))
        return rows

    def looks(self) -> list[dict[str, Any]]:
        """Choose each look, then compare the table's with the baseline on other pictures."""
        rows = []
        for network in self.size.networks:
            for look, options in candidates(network).items():
                scored = sorted(
                    ((self._score(network, option, look), n) for n, option in enumerate(options)),
                    key=lambda pair: (-pair[0], pair[1]),
                )
                best = options[scored[0][1]]
                used = named_by(network, LOOKS[look])
                entry: dict[str, Any] = {
                    "network": network.id,
                    "look": look,
                    "best": asdict(best),
                    "best_score": scored[0][0],
                    "used": asdict(used),
                    "used_score": self._score(network, used, look),
                    "baseline_score": self._score(network, baseline(network), look),
                    "tasks": [self._against(network, used, TASKS[t]) for t in REPORT_TASKS[look]],
                }
                rows.append(entry | self._cost(network, used))
        return rows

    def trained(self) -> list[dict[str, Any]]:
        """Each look of the zoo's own network against what people use today."""
        rows = []
        network = self.size.trained
        known = {task.name for task in self.tasks()}
        for look, used in LOOKS.items():
            tasks = [TASKS[name] for name in UNSEEN[look] if name in known]
            cost = self._cost(network, used)
            rows += [
                {
                    "network": frozen.id,
                    "look": look,
                    "used": asdict(used),
                    "tasks": [self._against(network, used, task, frozen) for task in tasks],
                    **cost,
                }
                for frozen in self.size.networks
            ]
        return rows

    def _cost(self, network: Network, look: Look) -> dict[str, float]:
        """Values of a vector, milliseconds of a search, and photos described in a second."""
        vectors = self.pictures["rendered", "report"].vectors(network, look.descriptor())
        extractor = built(network, self.data, look.descriptor())
        photos = [record.image for record in self.pictures["clothing", "report"].records[:_TIMED]]
        extractor.describe(photos[: extractor.batch_size])
        started = time.perf_counter()
        extractor.describe(photos)
        return {
            "a_second": len(photos) / (time.perf_counter() - started),
            "values": vectors.shape[1],
            "milliseconds": milliseconds(vectors, look.metric),
        }

    def _score(self, network: Network, option: Look, look: str) -> float:
        """How good it is where looks are chosen; minus one if it is too long."""
        maps = self.pictures["rendered", "choose"].pooled_once(network)
        sizes = {level: size for level, how, size in maps.parts if how == "max"}
        if option != baseline(network) and length_of(option, sizes) > MOST_VALUES:
            return -1.0
        found = [self.report(network, option, TASKS[t], "choose") for t in LOOK_TASKS[look]]
        return float(np.mean([judged[CHOSEN_BY[look]] for judged in found]))

    def _against(
        self, network: Network, look: Look, task: Task, frozen: Network | None = None
    ) -> dict[str, Any]:
        """A look against the plain search by a frozen network; None is the look's own."""
        mine = self.report(network, look, task)
        frozen = frozen or network
        plain = self.report(frozen, baseline(frozen), task)
        return row_of(
            mine,
            task=task.name,
            baseline={m: plain[m] for m in ("P@k", "mAP@R", "R@k")},
            ahead={m: mine.ahead_of(plain, m) for m in ("P@k", "mAP@R")},
            ratio={m: mine.ratio_to(plain, m) for m in ("P@k", "mAP@R")},
            groups=len(np.unique(mine.groups)),
        )

    def projection(self) -> list[dict[str, Any]]:
        """What a learned projection adds: learned where looks are chosen, reported elsewhere."""
        rows = []
        for network in self.size.networks:
            task = TASKS["photos: category"]
            plain = Descriptor(network.top, "avg", "hellinger")
            chosen = self.pictures["clothing", "choose"]
            vectors = chosen.vectors(network, plain)
            labels = [record.labels["category"] for record in chosen.records]
            length = min(128, (len(vectors) - 1) // 2 * 2)
            for name, projection, metric in (
                ("principal axes", Projection.fit(vectors, length), "cosine"),
                (
                    "learned from categories",
                    Projection.fit(vectors, length, labels=labels),
                    "cosine",
                ),
                (
                    "learned from categories, split to be non-negative",
                    Projection.fit(vectors, length, labels=labels, non_negative=True),
                    "braycurtis",
                ),
            ):
                for name_of_task in REPORT_TASKS["same-kind"]:
                    task = TASKS[name_of_task]
                    pictures = self.pictures[task.pictures, "report"]
                    found = pictures.judged(
                        network, replace(plain, projection=projection), metric, task
                    )
                    other = self.report(network, baseline(network), task)
                    rows.append(
                        row_of(
                            found, network=network.id, name=name, metric=metric, task=task.name,
                            values=projection.size, baseline=other["P@k"],
                            ahead={m: found.ahead_of(other, m) for m in ("P@k", "mAP@R")},
                        )
                    )  # fmt: skip
        return rows

    def classics(self) -> list[dict[str, Any]]:
        """Bags of visual words over SURF and SIFT; nothing where those are not installed."""
        if not all(map(importlib.util.find_spec, ("mahotas", "cv2"))):
            return []
        rows = []
        network = self.size.networks[0]
        tasks = [task for task in self.tasks() if (task.pictures, "choose") in self.pictures]
        for pictures in dict.fromkeys(task.pictures for task in tasks):
            chosen, reported = (self.pictures[pictures, part] for part in ("choose", "report"))
            mine = [task for task in tasks if task.pictures == pictures]
            for kind in ("surf", "sift"):
                meanings = [chosen.relevance(task) for task in mine]
                tried = list(settings(kind, chosen.records, meanings, self.size.words))
                best = max(tried)
                words = best.learn(kind, chosen.records)
                vectors = words.describe([record.image for record in reported.records])
                distances = pairwise_distances(vectors, metric=best.metric)
                for task in mine:
                    found = judge_distances(
                        lambda rows, d=distances: d[rows], reported.relevance(task)
                    )
                    plain = self.report(network, baseline(network), task)
                    rows.append(
                        row_of(
                            found, kind=kind, task=task.name, setting=best._asdict(),
                            tried=len(tried), ratio=plain.ratio_to(found, "mAP@R"),
                        )
                    )  # fmt: skip
        return rows

    def heat(self) -> dict[str, Any]:
        """Levels × pooling × normalisation × measure, for the picture."""
        network = self.size.networks[0]
        kind = "clothing"
        pictures = self.pictures[kind, "choose"]
        rows = np.arange(0, len(pictures.records), -(-len(pictures.records) // self.size.heated))
        maps = pictures.pooled_once(network)
        some = pooled.Pooled(maps.parts, np.asarray(maps.values[rows]))
        relevance = pictures.relevance(TASKS["photos: category"]).take(rows)
        levels = dict.fromkeys((network.stages[0], *network.stages[1::2], network.top))
        cells = grid.cells(tuple(levels), ("avg", "gem"), ("none", "l1", "l2", "hellinger"))
        done = grid.run(cells, some, relevance, self.folder / "grid.parquet")
        return {"rows": done, "photos": len(rows)}

    def about(self) -> dict[str, Any]:
        """What it ran on."""
        return {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "photos": {p.name: len(p.records) for p in self.pictures.values()},
            "groups": {
                p.name: len({record.group for record in p.records}) for p in self.pictures.values()
            },
        }


def row_of(found: Judged, **names: Any) -> dict[str, Any]:
    """A row of a table: names, figures, and how many queries they stand for."""
    figures = {measure: found[measure] for measure in ("P@k", "R@k", "mAP@R", "nDCG@k")}
    return {**names, **figures, "queries": len(found.queries)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CLOTHZOO_DATA") or None)
    parser.add_argument("--runs", type=Path, default=Path("runs/study"), help="what is kept")
    parser.add_argument("--page", type=Path, default=Path("docs/study.md"), help="what is written")
    parser.add_argument(
        "--quick", action="store_true", help="a random network on few drawn garments, as a trial"
    )
    given = parser.parse_args()
    if given.data is None and not given.quick:
        parser.error("say where the data sets are: --data, or CLOTHZOO_DATA")
    if given.data is not None:
        os.environ["CLOTHZOO_DATA"] = str(given.data)  # the data sets look there
    size = QUICK if given.quick else FULL
    results = Study(size, given.data or Path(), given.runs).run()
    command = "python benchmarks/study.py --data …" + (" --quick" if given.quick else "")
    study_page.write(results, given.page, [network.id for network in size.networks], command)
    print(f"written: {given.page}")


if __name__ == "__main__":
    main()
