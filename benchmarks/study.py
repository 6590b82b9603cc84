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
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import study_page
from study_classics import settings
from study_pictures import (
    FULL,
    QUICK,
    TASKS,
    Network,
    Pictures,
    Size,
    Task,
    built,
)

from clothzoo.retrieval import grid, pooled
from clothzoo.retrieval.assessment import milliseconds
from clothzoo.retrieval.colours import SPACES
from clothzoo.retrieval.descriptors import Descriptor, Pooling
from clothzoo.retrieval.evaluation import Judged, judge_distances
from clothzoo.retrieval.looks import LOOKS, Look
from clothzoo.retrieval.projection import Projection
from clothzoo.similarity import METRICS, pairwise_distances, plain

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

BASELINE = "ImageNet pooled cosine"


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
