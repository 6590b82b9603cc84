"""Four measures side by side: what each finds for one query, and how far they agree.

    python examples/compare_measures.py --photos my_photos/ --query one.jpg --out measures.png

Photos are described once; only the distance differs. Without --photos, garments are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from clothzoo.datasets import folder, open_photo, rendered
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.extractor import Extractor
from clothzoo.similarity import METRICS, nearest


def main(
    extractor: str, level: str, photos: Path | None, query: Path | None, out: Path, k: int
) -> None:
    pictures = read(photos) if photos else [r.image for r in rendered.render(40, views=3)]
    asked = open_photo(query) if query else pictures.pop(0)

    network = Extractor.build(extractor, Descriptor(level))
    vectors = network.describe(pictures)
    question = network.describe(asked)
    found = {name: nearest(question, vectors, k, metric=name) for name in METRICS}

    for name, (indices, distances) in found.items():
        shared = {other: len(np.intersect1d(indices, found[other][0])) for other in found}
        print(f"{name}: nearest {indices[0].tolist()}, from {distances[0, 0]:.4f}")
        print(f"    hits in common with the others: {shared}")
    draw(asked, pictures, found, out)
    print(f"Look at {out}")


def read(photos: Path) -> list[np.ndarray]:
    return [open_photo(photos / name) for name in folder.photos(photos)]


def draw(
    asked: np.ndarray,
    pictures: list[np.ndarray],
    found: dict[str, tuple[np.ndarray, np.ndarray]],
    out: Path,
) -> None:
    columns = 1 + max(indices.shape[1] for indices, _ in found.values())
    figure, axes = plt.subplots(
        len(found), columns, figsize=(1.7 * columns, 2 * len(found)), layout="constrained"
    )
    for row, (name, (indices, distances)) in zip(axes, found.items(), strict=True):
        row[0].imshow(asked)
        row[0].set_title(name, fontsize=11, loc="left", fontweight="bold")
        for place, index, distance in zip(row[1:], indices[0], distances[0], strict=False):
            place.imshow(pictures[index])
            place.set_title(f"{distance:.4g}", fontsize=9)
        for place in row:
            place.axis("off")
    figure.savefig(out)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extractor", default="conventional_cnn.fashion_mnist")
    parser.add_argument("--level", default="low+high")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--query", type=Path, help="the first of the photos where left out")
    parser.add_argument("--out", type=Path, default=Path("measures.png"))
    parser.add_argument("-k", type=int, default=6)
    o = parser.parse_args()
    main(o.extractor, o.level, o.photos, o.query, o.out, o.k)
