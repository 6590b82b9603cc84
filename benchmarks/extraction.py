"""Descriptors a second, one photo, a folder and a cold search: compiled against Keras.

Run: python benchmarks/extraction.py [--quick] [--data FOLDER] [--weights WEIGHTS]

The folder (or CLOTHZOO_DATA) holds `clothing-dataset/images` and `imagenet`; without it garments
are drawn and the weights are random, which changes no speed. All ways are timed in turn, in one
process, on the same photos; a figure is the median of the rounds. Commands run in processes of
their own, with the files already in the system's cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from clothzoo.datasets.rendered import render
from clothzoo.inference import processor
from clothzoo.preprocessing import IMAGENET
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import Extractor
from clothzoo.similarity import nearest

NETWORK = "transfer_inception_v3"
START = "from clothzoo.cli import main; main()"
FILE = "imagenet/inception_v3_google2015_to_mixed8.weights.h5"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """{way: median seconds}; every way runs once before it counts."""
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            times[way].append(seconds(work))
    return {way: statistics.median(taken) for way, taken in times.items()}


def report(title: str, taken: dict[str, float], photos: int) -> None:
    """Print photos a second, or milliseconds for a single one, and how much faster the last is."""
    ours = list(taken)[-1]
    print(f"\n{title}")
    for way, each in taken.items():
        figure = f"{1000 * each:9.1f} ms" if photos == 1 else f"{photos / each:9.1f} photos/s"
        ratio = "" if way == ours else f"   {ours} ×{each / taken[ours]:.1f}"
        print(f"  {way:<44}{figure}{ratio}")


def descriptors(level: str, weights: Path, photos: list[Path], rounds: int) -> None:
    """Table rows of one level: batches, one photo, and agreement of the two runtimes."""
    pair = {
        runtime: Extractor.build(
            NETWORK, Descriptor(level), weights=weights, runtime=runtime, precision=precision
        )
        for runtime, precision in (("keras", "auto"), ("openvino", "auto"))
    }
    by_keras, compiled = pair["keras"]._network, pair["openvino"]._network
    batch = IMAGENET(photos[:32])
    name = f"OpenVINO {compiled.precision}"
    ways: dict[str, Callable[[], object]] = {}
    if level == "high":
        whole = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")
        ways["keras.applications, whole network, predict"] = lambda: whole.predict(batch, verbose=0)
    ways["Keras, cut network, predict"] = lambda: by_keras.model.predict(batch, verbose=0)
    ways[name] = lambda: compiled(batch)
    report(f"Descriptors at {level}, 224 px, 32 photos", in_turn(ways, rounds), len(batch))
    one = batch[:1]
    ways = {"Keras, model(x)": lambda: by_keras.model(one), name: lambda: compiled(one)}
    report(f"One photo at {level}, warm process", in_turn(ways, 3 * rounds), 1)
    a, b = (extractor.describe(photos) for extractor in pair.values())
    hits = [nearest(vectors, vectors, k=10)[0] for vectors in (a, b)]
    overlap = np.mean([len(set(x) & set(y)) / 10 for x, y in zip(*hits, strict=True)])
    print(
        f"\nAgreement at {level} over {len(photos)} photos: top-10 overlap {overlap:.4f}, "
        f"largest relative difference {np.abs(a - b).max() / np.abs(a).max():.1e}"
    )


def folders(weights: Path, photos: list[Path], level: str, work: Path) -> None:
    """A folder into a catalogue, end to end, beside its two halves alone."""
    folder = work / "photos"
    folder.mkdir(exist_ok=True)
    for photo in photos:
        if not (folder / photo.name).exists():
            (folder / photo.name).symlink_to(photo.resolve())
    taken = {}
    for runtime in ("keras", "openvino"):
        engine = RetrievalEngine(
            NETWORK, weights=weights, level=level, path=work / f"{level}-{runtime}", runtime=runtime
        )
        with engine:
            engine.extractor.describe(photos[:2])
            taken[runtime] = seconds(lambda engine=engine: engine.add_folder(folder))
            network = engine.extractor._network
    decode = seconds(lambda: IMAGENET(photos))
    pixels = IMAGENET(photos[:128])
    infer = seconds(lambda: network(pixels)) * len(photos) / len(pixels)
    report(f"Folder → catalogue, {len(photos)} photos at {level}", taken, len(photos))
    slower = max(decode, infer)
    print(
        f"  decoding alone {len(photos) / decode:.0f} photos/s, inference alone "
        f"{len(photos) / infer:.0f} photos/s: {slower / taken['openvino']:.0%} of the slower"
    )


def cold_search(photo: Path, catalogues: dict[str, Path], rounds: int) -> None:
    def search(runtime: str) -> Callable[[], object]:
        command = [sys.executable, "-c", START, "search", str(photo)]
        command += ["--in", str(catalogues[runtime]), "--runtime", runtime]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    ways = {runtime: search(runtime) for runtime in catalogues}
    report("clothzoo search PHOTO, cold process", in_turn(ways, rounds), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CLOTHZOO_DATA") or None)
    parser.add_argument("--weights", type=Path, help="of Inception-v3, in place of the data's")
    parser.add_argument("--quick", action="store_true", help="fewer photos and rounds")
    given = parser.parse_args()
    rounds, count = (2, 128) if given.quick else (5, 1000)
    print(
        f"{processor.identity()}; {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.backend.backend()} "
        f"{version({'tensorflow': 'tensorflow-cpu'}.get(b := keras.backend.backend(), b))}"
    )
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        weights, photos = given.weights, []
        if given.data:
            weights = weights or given.data / FILE
            photos = sorted((given.data / "clothing-dataset/images").glob("*.jpg"))[:count]
        if not photos:
            for number, record in enumerate(render(count // 4, 4, size=256)):
                photos.append(work / f"{number:04}.jpg")
                Image.fromarray(record.image).save(photos[-1], quality=85)
        if weights is None:
            weights = work / "random.weights.h5"
            stock = keras.applications.InceptionV3(weights=None, include_top=False)
            keras.Model(stock.input, stock.get_layer("mixed8").output).save_weights(weights)
        print(f"{len(photos)} photos, {'real' if given.data else 'drawn'}")
        for level in ("high", "low"):
            descriptors(level, weights, photos[: count // 4], rounds)
            folders(weights, photos, level, work)
        catalogues = {runtime: work / f"low-{runtime}" for runtime in ("keras", "openvino")}
        cold_search(photos[0], catalogues, rounds)


if __name__ == "__main__":
    main()
