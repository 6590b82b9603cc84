"""Teach one network several things at once: kind, colour and pattern of drawn garments.

    python examples/multitask.py --out runs/multitask

One trunk sees the photo, and one head for each task answers. The picture `answers.png` shows
photos that it was not taught with, and what it says of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

import clothzoo
from clothzoo.classification import Classifier
from clothzoo.datasets import Record, rendered
from clothzoo.preprocessing import Preprocessing
from clothzoo.training import Augmentation, Feeder

TASKS = ("category", "colour", "pattern")


def main(out: Path, garments: int, epochs: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    labels = {task: rendered.LABELS[task] for task in TASKS}
    preprocessing = Preprocessing(size=(48, 48))
    print(f"Drawing {garments} garments to learn from …")
    lessons = list(rendered.render(garments, views=1, size=56, seed=1))
    others = list(rendered.render(50, views=1))  # another seed: other garments

    keras.utils.set_random_seed(0)
    model = clothzoo.models.SharedMultiTaskCNN(
        tasks={task: len(names) for task, names in labels.items()},
        input_shape=preprocessing.shape,
        classifier_activation=None,
    )
    feeder = Feeder(
        lessons, preprocessing, labels, shuffle=True, augmentation=Augmentation(flip=0.5)
    )
    rate = keras.optimizers.schedules.CosineDecay(
        0.0004,
        epochs * len(feeder),
        warmup_target=0.004,
        warmup_steps=epochs * len(feeder) // 5,
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02),
        {task: keras.losses.CategoricalCrossentropy(from_logits=True) for task in labels},
        weighted_metrics={task: ["accuracy"] for task in labels},
        jit_compile=False,  # compiling takes longer than so short a training
    )
    model.fit(feeder, epochs=epochs, shuffle=False, callbacks=[feeder.follow_epochs()], verbose=2)

    answers = Classifier(model, labels, preprocessing)([r.image for r in others])
    for task in TASKS:
        right = np.mean(
            [a[task][0][0] == r.labels[task] for a, r in zip(answers, others, strict=True)]
        )
        print(f"{task}: {right:.0%} of {len(others)} new garments are named right")
    draw(others[:10], answers, out / "answers.png")
    print(f"Look at {out / 'answers.png'}")


def draw(
    records: list[Record], answers: list[dict[str, list[tuple[str, float]]]], out: Path
) -> None:
    figure, axes = plt.subplots(2, 5, figsize=(11, 6), layout="constrained")
    for place, record, answer in zip(axes.flat, records, answers, strict=False):
        place.imshow(record.image)
        place.axis("off")
        said = [
            f"{ranking[0][0]} {ranking[0][1]:.0%}"
            + ("" if ranking[0][0] == record.labels[task] else f" (is {record.labels[task]})")
            for task, ranking in answer.items()
        ]
        place.set_title("\n".join(said), fontsize=9)
    figure.savefig(out)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/multitask"))
    parser.add_argument("--garments", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    main(options.out, options.garments, options.epochs)
