"""The clothing data set: photos of worn and laid-out clothes that people sent in (CC0-1.0).

https://github.com/alexeygrigorev/clothing-dataset, 17 categories and whether it is for kids.
The test split is the photos of five people, of whom nothing else is used: decide by `folds` over
the training split, which keeps each person's photos together.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from clothzoo.datasets.download import cache_folder, data_folder, fetch_archive
from clothzoo.datasets.record import Label, Record
from clothzoo.errors import DatasetNotFound, InvalidInput, did_you_mean

LABELS: dict[str, tuple[Label, ...]] = {
    "category": (
        "Blazer", "Blouse", "Body", "Dress", "Hat", "Hoodie", "Longsleeve", "Outwear", "Pants",
        "Polo", "Shirt", "Shoes", "Shorts", "Skirt", "T-Shirt", "Top", "Undershirt",
    ),
    "kids": (False, True),
}  # fmt: skip
"""Task → its labels."""

EXCLUDED = ("Not sure", "Other", "Skip")
"""What is in the label column but is no category."""

SPLITS = ("train", "test", "excluded")
TEST_SENDERS = frozenset({"46", "204", "227", "309", "310"})
SOURCE = "https://github.com/alexeygrigorev/clothing-dataset/archive/7ed86a9.zip"

_MEMBERS = r"[^/]+/(images\.csv|images/[\w-]+\.jpg)"
_PHOTO_FOLDERS = ("images", "images_compressed", "images_original")
_FEWEST = 5_000  # of 5,403 rows; fewer mean that the archive is not the one expected


def load(
    split: str, *, folder: str | os.PathLike[str] | None = None, source: str = SOURCE
) -> list[Record]:
    """Read a split.

    The data set is looked for in `folder`, or else in `$CLOTHZOO_DATA/clothing-dataset`, or
    else in the user's cache, where it is downloaded to if need be. Rows of its table without a
    photo are left out; `missing` counts them.

    Args:
        split: "train", "test" (the five `TEST_SENDERS`), or "excluded": the photos of everyone
            that show none of the categories, for telling clothes from what is none.
        folder: with `images.csv` and the photos.
        source: address of the zip file to download.

    Returns:
        Records in the table's order, with `category` (None where excluded, with the reason as
        `excluded`), `kids` (bool), and the sender as group.

    Raises:
        InvalidInput: there is no such split.
        DatasetNotFound: it is nowhere to be had, or is not what it should be.
    """
    if split not in SPLITS:
        raise InvalidInput(f"clothing has no split {split!r}{did_you_mean(split, SPLITS)}")
    records, _ = _table(_folder(folder, source))
    if split == "excluded":
        return [r for r in records if r.labels["category"] is None]
    return [
        r
        for r in records
        if r.labels["category"] is not None and (r.group in TEST_SENDERS) == (split == "test")
    ]


def missing(*, folder: str | os.PathLike[str] | None = None, source: str = SOURCE) -> list[str]:
    """Ids that are in the table but have no photo."""
    return _table(_folder(folder, source))[1]


def senders(folder: Path) -> dict[str, str]:
    """Photo id → sender, from a folder's `images.csv`."""
    with (folder / "images.csv").open(newline="", encoding="utf-8") as stream:
        return {row["image"]: row["sender_id"] for row in csv.DictReader(stream)}


def photo_folder(folder: Path) -> Path:
    """Where below the data set's folder the photos are: its layouts differ in that."""
    for name in _PHOTO_FOLDERS:
        if (folder / name).is_dir():
            return folder / name
    raise DatasetNotFound(f"{str(folder)!r} has no folder {' or '.join(_PHOTO_FOLDERS)}")


def _folder(folder: str | os.PathLike[str] | None, source: str) -> Path:
    if folder is not None:
        return Path(folder)
    if here := data_folder("clothing-dataset"):
        return here
    place = fetch_archive(source, cache_folder("clothing-dataset"), members=_MEMBERS)
    found = len(_table(place)[0])
    if found < _FEWEST:
        raise DatasetNotFound(
            f"{source} has {found:,} labelled photos where at least {_FEWEST:,} were expected; "
            f"remove {place} and try again"
        )
    return place


def _table(folder: Path) -> tuple[list[Record], list[str]]:
    if not (table := folder / "images.csv").is_file():
        raise DatasetNotFound(f"{str(folder)!r} has no images.csv; is it the clothing data set?")
    photos = {path.stem: path for path in sorted(photo_folder(folder).iterdir())}
    records: list[Record] = []
    lost: list[str] = []
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            name, label = row["image"], row["label"]
            if name not in photos:
                lost.append(name)
                continue
            labels: dict[str, Label] = {"category": label, "kids": row["kids"] == "True"}
            if label in EXCLUDED:
                labels |= {"category": None, "excluded": label}
            elif label not in LABELS["category"]:
                raise DatasetNotFound(f"{table} has the unknown label {label!r}")
            records.append(Record(photos[name], labels, name, row["sender_id"]))
    return records, lost
