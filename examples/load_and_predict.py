"""Load a preset, name what is on photos, and draw each photo with its answer.

    python examples/load_and_predict.py --photos my_photos/ --out answers.png

Without --photos, garments are drawn. Everything goes through the plain `keras.Model` that
`clothzoo.load` gives; `clothzoo.classify` does the same in one call.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import clothzoo
from clothzoo.datasets import folder, open_photo, rendered


def main(preset: str, photos: Path | None, out: Path) -> None:
    record = clothzoo.preset(preset)
    model = clothzoo.load(preset)
    print(f"{record.name}: {record.summary}")
    print(f"Its limits: {record.limits}")

    pictures = some_of(photos) if photos else drawn()
    scores = model.predict(record.preprocessing(pictures), verbose=0)
    # One array for a network with one task, a dict of arrays for one with several.
    by_task = scores if isinstance(scores, dict) else {next(iter(record.labels)): scores}
    answers = [
        [best(record.labels[task], table[n]) for task, table in by_task.items()]
        for n in range(len(pictures))
    ]
    for number, answer in enumerate(answers):
        print(f"{number}: {'; '.join(answer)}")
    draw(pictures, answers, out)
    print(f"Look at {out}")


def best(labels: tuple[str, ...], scores: np.ndarray) -> str:
    return f"{labels[scores.argmax()]} {scores.max():.0%}"


def some_of(photos: Path) -> list[np.ndarray]:
    return [open_photo(photos / name) for name in folder.photos(photos)[:8]]


def drawn() -> list[np.ndarray]:
    return [record.image for record in rendered.render(8, views=1)]


def draw(pictures: list[np.ndarray], answers: list[list[str]], out: Path) -> None:
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.6), layout="constrained")
    for place in axes.flat:
        place.axis("off")
    for place, picture, answer in zip(axes.flat, pictures, answers, strict=False):
        place.imshow(picture)
        place.set_title("\n".join(answer), fontsize=10)
    figure.savefig(out)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="conventional_cnn.fashion_mnist")
    parser.add_argument("--photos", type=Path, help="a folder; the first eight are shown")
    parser.add_argument("--out", type=Path, default=Path("answers.png"))
    options = parser.parse_args()
    main(options.preset, options.photos, options.out)
