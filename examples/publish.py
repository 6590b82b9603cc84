"""Make a preset of a network of your own, look at its card, and publish it.

    python examples/publish.py --out my_presets
    HF_TOKEN=… python examples/publish.py --out my_presets --to NAMESPACE --publish

Without --publish it says what would be uploaded and touches nothing. The network learns ten kinds
of drawn garments for a moment, so publish something better. `card.png` shows the figures that go
into the record and onto the card.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

import clothzoo
from clothzoo.datasets import rendered
from clothzoo.hub import Preset, save, write_preset
from clothzoo.hub.presets import Data, Metric, Training
from clothzoo.hub.publish import publish
from clothzoo.preprocessing import Preprocessing
from clothzoo.training import Feeder

NAME = "inception_residual_cnn.drawn"


def main(out: Path, to: str, garments: int, epochs: int, really: bool) -> None:
    folder = out / NAME
    if not (folder / "preset.toml").exists():
        make(folder, garments, epochs)
    preset = measure(folder)
    draw(preset, out / "card.png")
    print(f"Look at {folder / 'README.md'}, the card, and {out / 'card.png'}")

    done = publish(folder, to, dry_run=not really)
    for name, size in done.files.items():
        print(f"{size:>9,}  {name}")
    if really:
        source = done.preset.source
        print(f"Published: {source.repository} as {done.tag}, commit {source.commit}")
    else:
        print(f"Would be published to {done.preset.source.repository} as {done.tag}")


def make(folder: Path, garments: int, epochs: int) -> None:
    """Train a network and write its preset: weights, record, card."""
    preprocessing = Preprocessing(size=(48, 48))
    labels = {"category": rendered.LABELS["category"]}
    arguments = {"input_shape": preprocessing.shape, "classes": len(labels["category"])}
    keras.utils.set_random_seed(0)
    model = clothzoo.models.InceptionResidualCNN(**arguments)
    model.compile(keras.optimizers.Adam(0.002), "categorical_crossentropy", jit_compile=False)
    feeder = Feeder(list(rendered.render(garments, 1, 56, seed=1)), preprocessing, labels)
    start = time.perf_counter()
    model.fit(feeder, epochs=epochs, verbose=2)
    write_preset(
        folder,
        model,
        arguments=arguments,
        labels=labels,
        preprocessing=preprocessing,
        summary="Names ten kinds of drawn garments.",
        intended_use="To see how publishing works.",
        limits="It has seen drawings only, and not for long.",
        licence="Apache-2.0",
        data=[Data("rendered", "clothzoo.datasets.rendered", "Apache-2.0", "")],
        training=Training(
            "", "", "a laptop", round(time.perf_counter() - start, 1), {"keras": keras.__version__}
        ),
    )


def measure(folder: Path) -> Preset:
    """Measure the stored weights, which are rounded, and note the figure in the record."""
    preset = Preset.read(folder)
    records = list(rendered.render(100, views=1, seed=2))
    answers = clothzoo.classify([r.image for r in records], str(folder), top=1)
    right = [a[0][0] == r.labels["category"] for a, r in zip(answers, records, strict=True)]
    figure = Metric(
        "rendered", "seed 2", "category", len(records), "accuracy", float(np.mean(right)), (), 0,
        "examples/publish.py",
    )  # fmt: skip
    preset = dataclasses.replace(preset, metrics=(figure,))
    save(preset, folder)
    return preset


def draw(preset: Preset, out: Path) -> None:
    figure, axes = plt.subplots(figsize=(6, 1.2 + 0.6 * len(preset.metrics)), layout="constrained")
    names = [f"{m.metric}, n = {m.n}" for m in preset.metrics]
    axes.barh(names, [m.value for m in preset.metrics], color="#0b6b5d")
    axes.set_xlim(0, 1)
    axes.set_title(f"{preset.name}, revision {preset.revision}", loc="left")
    figure.savefig(out)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/publish"))
    parser.add_argument("--to", default="NAMESPACE", help="a user or organisation on the Hub")
    parser.add_argument("--garments", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--publish", action="store_true", help="upload; needs a token")
    o = parser.parse_args()
    main(o.out, o.to, o.garments, o.epochs, o.publish)
