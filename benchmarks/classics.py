"""Tune the bags of visual words, and print what each setting finds.

Run: python benchmarks/classics.py [--data FOLDER] [--out runs/classics] [--quick]

The folder (or CLOTHZOO_DATA) holds `clothing-dataset`. Vocabularies are learnt from photos of
three quarters of the training senders, and photos of the others are searched among themselves for
those of the same category. No photo of the five test senders is read. First the features and the
number of words are chosen with the rest as Lazebnik, Schmid and Ponce have it, then the rest for
the best of each kind and sampling.
What is done is kept in the folder --out, and a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from clothzoo.datasets import clothing
from clothzoo.datasets.record import Record
from clothzoo.datasets.splits import folds
from clothzoo.retrieval.classics.points import Points, find_points
from clothzoo.retrieval.classics.words import (
    count_words,
    find_words,
    learn_vocabulary,
    normalised,
    rarity,
)
from clothzoo.retrieval.content import mark
from clothzoo.similarity import pairwise_distances

FEATURES = (
    ("surf", "detected", 256),
    ("surf", "detected", 384),
    ("sift", "detected", 256),
    ("sift", "detected", 384),
    ("surf", "dense", 256),
    ("sift", "dense", 256),
)
WORDS = (256, 1024, 2048)
COMPARED = (
    ("l1", "braycurtis"), ("l1", "cosine"), ("l1", "euclidean"),
    ("l2", "braycurtis"), ("l2", "manhattan"),
    ("hellinger", "braycurtis"), ("hellinger", "cosine"), ("hellinger", "manhattan"),
)  # fmt: skip
"""The rest rank as one of these: with l1 Manhattan as Bray-Curtis, with l2 Euclidean as cosine."""

SEED = 0


class Setting(NamedTuple):
    """One line of the grid."""

    kind: str
    sampling: str
    side: int
    words: int
    pyramid: int = 2
    tf_idf: bool = True
    normalisation: str = "l1"
    metric: str = "braycurtis"


class Photos(NamedTuple):
    """Learnt from, and searched."""

    fitted: list[Record]
    searched: list[Record]


def some(records: Sequence[Record], n: int) -> list[Record]:
    order = np.random.default_rng(SEED).permutation(len(records))[:n]
    return [records[i] for i in np.sort(order)]


def _points(task: tuple[Record, str, str, int]) -> Points:
    record, *features = task
    return find_points(record.image, *features)


def prepare(photos: Photos, features: tuple[str, str, int], out: Path) -> Path:
    """The words of every photo, for each size of the vocabulary, in a file."""
    path = out / f"{'-'.join(map(str, features))}.npz"
    if path.exists():
        return path
    start = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        tasks = [(record, *features) for record in photos.fitted + photos.searched]
        points = list(pool.map(_points, tasks, chunksize=16))
    extracted = time.perf_counter()
    arrays = {
        "lengths": np.array([len(one.places) for one in points]),
        "places": np.concatenate([one.places for one in points]),
    }
    for words in WORDS:
        vocabulary = learn_vocabulary(points[: len(photos.fitted)], words, SEED)
        found = [find_words(one.features, vocabulary) for one in points]
        arrays[str(words)] = np.concatenate(found)
    print(
        f"{path.stem}: {np.mean(arrays['lengths']):.0f} features a photo; seconds: "
        f"{extracted - start:.0f} for them, {time.perf_counter() - extracted:.0f} for words",
        flush=True,
    )
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.rename(path)
    return path


def bags(setting: Setting, photos: Photos, out: Path) -> np.ndarray:
    """The descriptors of the photos that are searched."""
    with np.load(prepare(photos, setting[:3], out)) as stored:
        ends = np.cumsum(stored["lengths"])[:-1]
        places = np.split(stored["places"], ends)
        words = np.split(stored[str(setting.words)], ends)
    learnt = len(photos.fitted)
    size = setting.words
    counts = np.stack(
        [
            count_words(w, p, size, setting.pyramid)
            for w, p in zip(words[learnt:], places[learnt:], strict=True)
        ]
    )
    if setting.tf_idf:
        whole = [np.bincount(w, minlength=size) for w in words[:learnt]]
        counts *= np.tile(rarity(np.stack(whole)), counts.shape[1] // size)
    return normalised(counts, setting.normalisation)


def judged(vectors: np.ndarray, records: Sequence[Record], metric: str) -> dict[str, np.ndarray]:
    """P@10 and mAP@R of every photo that shares its category with another one.

    A photo is not its own hit, nor is a file of the same content.
    """
    label = np.array([record.labels["category"] for record in records])
    content = np.array([mark(record.image) for record in records])
    distances = pairwise_distances(vectors, metric=metric)
    figures: dict[str, list[float]] = {"P@10": [], "mAP@R": []}
    for row, far in enumerate(distances):
        others = np.flatnonzero(content != content[row])
        nearest = others[np.argsort(far[others], kind="stable")]
        alike = label[nearest] == label[row]
        r = int(alike.sum())
        if r:
            precision = alike[:r].cumsum() / np.arange(1, r + 1)
            figures["P@10"].append(alike[:10].mean())
            figures["mAP@R"].append(float((precision * alike[:r]).sum()) / r)
    return {name: np.array(values) for name, values in figures.items()}


class Grid:
    """Figures by setting, kept in a file as they come."""

    def __init__(self, photos: Photos, out: Path) -> None:
        self.photos, self.out, self.path = photos, out, out / "grid.jsonl"
        self.figures: dict[Setting, dict[str, float]] = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                setting, figures = json.loads(line)
                self.figures[Setting(*setting)] = figures

    def measure(self, settings: Sequence[Setting]) -> Setting:
        """Measure what is not measured yet; the best by mAP@R."""
        alike = lambda s: s._replace(metric="")  # noqa: E731
        new = [setting for setting in settings if setting not in self.figures]
        for _, group in itertools.groupby(new, alike):
            group = list(group)
            vectors = bags(group[0], self.photos, self.out)
            for setting in group:
                values = judged(vectors, self.photos.searched, setting.metric)
                figures = {name: float(value.mean()) for name, value in values.items()}
                self.figures[setting] = figures
                with self.path.open("a") as stream:
                    stream.write(json.dumps([setting, figures]) + "\n")
        return max(settings, key=lambda setting: self.figures[setting]["mAP@R"])


def rest_of(chosen: Setting) -> Iterator[Setting]:
    for pyramid, tf_idf in itertools.product((1, 2, 3), (False, True)):
        for normalisation, metric in COMPARED:
            yield chosen._replace(
                pyramid=pyramid, tf_idf=tf_idf, normalisation=normalisation, metric=metric
            )


def show(title: str, grid: Grid, settings: Sequence[Setting], best: Setting) -> None:
    table = Table(title=title)
    for heading in (*Setting._fields, "P@10", "mAP@R"):
        table.add_column(heading, justify="right")
    for setting in settings:
        figures = grid.figures[setting]
        cells = [str(value) for value in setting] + [f"{figures[n]:.3f}" for n in figures]
        table.add_row(*cells, style="bold" if setting == best else None)
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="in place of CLOTHZOO_DATA")
    parser.add_argument("--out", type=Path, default=Path("runs/classics"))
    parser.add_argument("--quick", action="store_true", help="a tenth of the photos and features")
    options = parser.parse_args()
    if options.data:
        os.environ["CLOTHZOO_DATA"] = str(options.data)
    training, checking = folds(clothing.load("train"), 4, SEED)[0]
    photos = Photos(some(training, 250), some(checking, 450))
    out, features = options.out, FEATURES
    if options.quick:
        photos = Photos(photos.fitted[:30], photos.searched[:45])
        out, features = out / "quick", FEATURES[::2]
    out.mkdir(parents=True, exist_ok=True)
    grid = Grid(photos, out)
    print(f"{len(photos.fitted)} photos are learnt from, {len(photos.searched)} are searched")
    for kind, sampling in dict.fromkeys(one[:2] for one in features):
        sides = [side for *name, side in features if name == [kind, sampling]]
        settings = [Setting(kind, sampling, *one) for one in itertools.product(sides, WORDS)]
        best = grid.measure(settings)
        show(f"{kind}, {sampling}: features and words", grid, settings, best)
        settings = list(rest_of(best))
        show(f"{kind}, {sampling}: the rest", grid, settings, grid.measure(settings))


if __name__ == "__main__":
    main()
