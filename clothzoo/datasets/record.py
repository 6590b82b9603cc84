"""What every data set gives: a picture, what is known of it, and who it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clothzoo.datasets.photo import Pixels

Label = str | int | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One labelled picture.

    Args:
        image: a file, or uint8 pixels (H, W) or (H, W, 3).
        labels: task → label; None where it is not known.
        id: unique within the data set.
        group: what must not be torn apart by a split, e.g. the person who took the photo.
    """

    image: Path | Pixels
    labels: Mapping[str, Label]
    id: str
    group: str | None = None
