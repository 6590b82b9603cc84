"""Fashion-MNIST: 70,000 grey pictures of 28×28 pixels in 10 classes (Zalando, MIT licence).

Reference:
    Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
    Learning Algorithms", 2017, https://arxiv.org/abs/1708.07747.
"""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.download import cache_folder, data_folder, fetch
from clothzoo.datasets.photo import Pixels
from clothzoo.datasets.record import Record
from clothzoo.errors import DatasetNotFound, InvalidInput, did_you_mean

LABELS: dict[str, tuple[str, ...]] = {
    "category": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )
}  # fmt: skip
"""Task → its labels, in the order of the numbers in the files."""

SPLITS = ("train", "validation", "test")
SOURCE = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
_HELD_OUT = 500  # of each class, from the training pictures
_SEED = 1708


def load(
    split: str, *, folder: str | os.PathLike[str] | None = None, source: str = SOURCE
) -> list[Record]:
    """Read a split as records; see `arrays` for where from.

    Args:
        split: "train" (55,000), "validation" (5,000 of the official training pictures, 500 of
            each class, always the same) or "test" (10,000).
        folder: with the four files.
        source: base address to download them from.

    Returns:
        Records with uint8 pixels (28, 28) and the label `category`.

    Example:
        ```python
        records = fashion_mnist.load("test")
        records[0].labels["category"]  # 'Ankle boot'
        ```
    """
    images, labels = arrays(split, folder=folder, source=source)
    names = LABELS["category"]
    return [
        Record(image, {"category": names[label]}, f"{split}-{number:05d}")
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True))
    ]


def arrays(
    split: str, *, folder: str | os.PathLike[str] | None = None, source: str = SOURCE
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Read a split as arrays.

    The files are looked for in `folder`, or else in `$CLOTHZOO_DATA/fashion-mnist`, or else in
    the user's cache, where they are downloaded to if need be (30 MB, checked by md5).

    Args:
        split: "train", "validation" or "test".
        folder: with the four files.
        source: base address to download them from.

    Returns:
        Pixels uint8 (N, 28, 28), and the number of each one's class, uint8 (N,).

    Raises:
        InvalidInput: there is no such split.
        DatasetNotFound: the files are nowhere to be had, or are not what they should be.
    """
    if split not in SPLITS:
        raise InvalidInput(f"fashion_mnist has no split {split!r}{did_you_mean(split, SPLITS)}")
    part = "t10k" if split == "test" else "train"
    images = _idx(_file(f"{part}-images-idx3-ubyte.gz", folder, source), (28, 28))
    labels = _idx(_file(f"{part}-labels-idx1-ubyte.gz", folder, source), ())
    if split == "test":
        return images, labels
    rows = _validation_rows(labels)
    if split == "train":
        rows = np.setdiff1d(np.arange(len(labels)), rows)
    return images[rows], labels[rows]


def _validation_rows(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    rng = np.random.default_rng(_SEED)
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:_HELD_OUT] for c in range(10)]
    return np.sort(np.concatenate(chosen))


def _file(name: str, folder: str | os.PathLike[str] | None, source: str) -> Path:
    if folder is not None:
        if not (path := Path(folder) / name).is_file():
            raise DatasetNotFound(
                f"{str(folder)!r} has no {name}; a folder of Fashion-MNIST has the four .gz files "
                f"of {SOURCE}"
            )
        return path
    here = data_folder("fashion-mnist")
    if here and (path := here / name).is_file():
        return path
    return fetch(f"{source}/{name}", cache_folder("fashion-mnist") / name, md5=MD5[name])


def _idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array of bytes in the idx format: 0, 0, type 8, rank, sizes (big-endian), data."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DatasetNotFound(f"{path} is not a sound gzip file ({error})") from error
    rank = 1 + len(shape)
    start = 4 + 4 * rank
    sizes = np.frombuffer(content[4:start].ljust(4 * rank, b"\0"), ">u4").tolist()
    announced = content[:4] == bytes((0, 0, 8, rank)) and tuple(sizes[1:]) == shape
    if not announced or len(content) - start != math.prod(sizes):
        raise DatasetNotFound(f"{path} is not an idx file of bytes with shape (N, *{shape})")
    return np.frombuffer(content, np.uint8, offset=start).reshape(-1, *shape)
