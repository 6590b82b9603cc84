"""The public 10-class subset of the clothing data set (CC0-1.0), with its own split.

https://github.com/alexeygrigorev/clothing-dataset-small. Its test split has five senders of its
own, but its validation split shares 113 senders with the training split and so flatters: decide
by `clothzoo.datasets.folds` over train + validation.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from clothzoo.datasets import clothing
from clothzoo.datasets.download import cache_folder, data_folder, fetch, fetch_archive
from clothzoo.datasets.record import Record
from clothzoo.errors import DatasetNotFound, InvalidInput, did_you_mean

LABELS: dict[str, tuple[str, ...]] = {
    "category": (
        "dress", "hat", "longsleeve", "outwear", "pants",
        "shirt", "shoes", "shorts", "skirt", "t-shirt",
    )
}  # fmt: skip
"""Task → its labels, spelled as in the data set."""

SPLITS = ("train", "validation", "test")
SIZES = {"train": 3_068, "validation": 341, "test": 372}
SOURCE = (
    "https://github.com/alexeygrigorev/clothing-dataset-small/archive/"
    "11961516512414bf9f6c150a832cfd21b54a6b54.zip"
)
SENDERS = "https://raw.githubusercontent.com/alexeygrigorev/clothing-dataset/7ed86a9/images.csv"

_MEMBERS = r"[^/]+/((?:train|validation|test)/[\w-]+/[\w-]+\.jpg)"


def load(
    split: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    source: str = SOURCE,
    senders: str = SENDERS,
) -> list[Record]:
    """Read a split.

    The data set is looked for in `folder`, or else under `CLOTHZOO_DATA` (`clothing-dataset`
    with its `small_split.csv`, or `clothing-dataset-small`), or else in the user's cache, where
    it is downloaded to if need be.

    Args:
        split: "train" (3,068), "validation" (341) or "test" (372).
        folder: with folders `<split>/<label>/` of photos, or with `small_split.csv`,
            `images.csv` and `images/`.
        source: address of the zip file to download.
        senders: address of the full set's table, which alone knows who sent which photo.

    Returns:
        Records with `category`, sorted by id; the group is the sender, or None where a folder
        of upstream's layout comes without an `images.csv` in or beside it.

    Raises:
        InvalidInput: there is no such split.
        DatasetNotFound: it is nowhere to be had, or is not what it should be.
    """
    if split not in SPLITS:
        raise InvalidInput(f"clothing_small has no split {split!r}{did_you_mean(split, SPLITS)}")
    place = Path(folder) if folder is not None else _found() or _downloaded(source, senders)
    if (place / "small_split.csv").is_file():
        return _from_table(place, split)
    if (place / split).is_dir():
        return _from_folders(place, split)
    raise DatasetNotFound(
        f"{str(place)!r} has neither small_split.csv nor a folder {split!r}; "
        "is it the small clothing data set?"
    )


def _found() -> Path | None:
    full = data_folder("clothing-dataset")
    if full and (full / "small_split.csv").is_file():
        return full
    return data_folder("clothing-dataset-small")


def _downloaded(source: str, senders: str) -> Path:
    place = fetch_archive(source, cache_folder("clothing-dataset-small"), members=_MEMBERS)
    for split, size in SIZES.items():
        found = sum(1 for _ in (place / split).glob("*/*.jpg"))
        if found != size:
            raise DatasetNotFound(
                f"{source} has {found:,} photos in {split!r} where {size:,} were expected; "
                f"remove {place} and try again"
            )
    fetch(senders, place / "images.csv")
    return place


def _from_table(place: Path, split: str) -> list[Record]:
    photos, sender = clothing.photo_folder(place), clothing.senders(place)
    with (place / "small_split.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    return [
        Record(
            photos / f"{row['image']}.jpg",
            {"category": row["label"]},
            row["image"],
            sender.get(row["image"]),
        )
        for row in sorted(rows, key=lambda row: row["image"])
    ]


def _from_folders(place: Path, split: str) -> list[Record]:
    tables = (folder / "images.csv" for folder in (place, place.parent / "clothing-dataset"))
    table = next((t for t in tables if t.is_file()), None)
    sender = clothing.senders(table.parent) if table else {}
    photos = sorted((place / split).glob("*/*.jpg"), key=lambda path: path.stem)
    return [
        Record(path, {"category": path.parent.name}, path.stem, sender.get(path.stem))
        for path in photos
    ]
