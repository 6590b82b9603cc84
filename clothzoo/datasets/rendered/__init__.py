"""Garments drawn here: a data set that needs nothing from outside.

Every garment has a cut, a colour and a pattern of its own, and appears in several photos: laid
down differently each time, on another ground, turned, cut off and lit in another way.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Pixels
from clothzoo.datasets.record import Record
from clothzoo.datasets.rendered.accessories import hat, shoes
from clothzoo.datasets.rendered.bottoms import pants, shorts, skirt
from clothzoo.datasets.rendered.drawing import Drawing
from clothzoo.datasets.rendered.fabric import COLOURS, PATTERNS, Pattern, palette
from clothzoo.datasets.rendered.objects import OBJECTS, TEXTURES, texture
from clothzoo.datasets.rendered.scene import picture
from clothzoo.datasets.rendered.tops import dress, longsleeve, outwear, shirt, t_shirt
from clothzoo.datasets.rendered.torso import sleeves_of
from clothzoo.errors import InvalidInput

Draw = Callable[[np.random.Generator, np.random.Generator, str], Drawing]

_DRAW: dict[str, Draw] = {
    "dress": dress,
    "hat": hat,
    "longsleeve": longsleeve,
    "outwear": outwear,
    "pants": pants,
    "shirt": shirt,
    "shoes": shoes,
    "shorts": shorts,
    "skirt": skirt,
    "t-shirt": t_shirt,
}

LABELS: dict[str, tuple[str, ...]] = {
    "category": tuple(_DRAW),
    "colour": tuple(COLOURS),
    "pattern": PATTERNS,
    "sleeve": ("long", "short", "sleeveless"),
}
"""Task → its labels in order. A garment without sleeves to speak of has `sleeve=None`."""


def render(n_garments: int, views: int = 3, size: int = 160, seed: int = 0) -> Iterator[Record]:
    """Draw garments, each in several photos.

    The same arguments give the same pixels in every process; more garments or views leave the
    earlier ones as they were. Categories take turns, so that ten garments have one of each.

    Args:
        n_garments: how many garments.
        views: photos of each.
        size: of the square photos in pixels.
        seed: another seed draws other garments.

    Yields:
        Records with uint8 pixels (size, size, 3), the labels `category`, `colour`, `pattern`,
        `sleeve` and `garment` (a number), and the garment as group.

    Raises:
        InvalidInput: a number is out of range.

    Example:
        >>> records = list(render(10, views=2, size=64))
        >>> len(records), records[0].labels["category"]
        (20, 'dress')
    """
    if n_garments < 0 or views < 1 or size < 16:
        raise InvalidInput(
            "render needs n_garments ≥ 0, views ≥ 1 and size ≥ 16, "
            f"not {n_garments}, {views} and {size}"
        )
    for garment in range(n_garments):
        for view in range(views):
            yield _record(garment, view, size, seed)


def _record(garment: int, view: int, size: int, seed: int) -> Record:
    category = tuple(_DRAW)[garment % len(_DRAW)]
    look = np.random.default_rng([seed, garment, 0])
    colour = str(look.choice(tuple(COLOURS)))
    name = str(look.choice(PATTERNS, p=(0.15, 0.13, 0.13, 0.33, 0.15, 0.11)))
    sleeve = str(look.choice(sleeves_of(category))) if sleeves_of(category) else None
    colours, pattern = palette(colour, look), Pattern(name, look)
    pose = np.random.default_rng([seed, garment, 2, view])
    # The cut is drawn again from the same seed for each view; only the pose differs.
    drawing = _DRAW[category](np.random.default_rng([seed, garment, 1]), pose, sleeve or "")
    return Record(
        image=picture(drawing, colours, pattern, pose, size),
        labels={
            "category": category,
            "colour": colour,
            "pattern": name,
            "sleeve": sleeve,
            "garment": garment,
        },
        id=f"{garment:05d}-{view}",
        group=f"{garment:05d}",
    )


def render_objects(n: int, size: int = 160, seed: int = 0) -> Iterator[Record]:
    """Draw what is no clothes: mugs, trees, chairs, printed pages, empty floors, noise.

    Args:
        n: how many pictures.
        size: of the square pictures in pixels.
        seed: another seed draws other things.

    Yields:
        Records with uint8 pixels (size, size, 3), `category` None, and what it is as `object`.

    Raises:
        InvalidInput: a number is out of range.
    """
    if n < 0 or size < 16:
        raise InvalidInput(f"render_objects needs n ≥ 0 and size ≥ 16, not {n} and {size}")
    kinds = (*OBJECTS, *TEXTURES)
    for number in range(n):
        kind = kinds[number % len(kinds)]
        look = np.random.default_rng([seed, number, 3])
        if kind in TEXTURES:
            pixels = texture(kind, look, size)
        else:
            colours = palette(str(look.choice(tuple(COLOURS))), look)
            pattern = Pattern(str(look.choice(PATTERNS)), look)
            pixels = picture(OBJECTS[kind](look), colours, pattern, look, size)
        yield Record(pixels, {"category": None, "object": kind}, f"object-{number:05d}")


def write(records: Iterable[Record], folder: str | os.PathLike[str]) -> int:
    """Write drawn garments as JPEG files, with their labels in `labels.csv`.

    The folder appears complete or not at all.

    Args:
        records: what `render` yields.
        folder: a new one; what exists is never overwritten.

    Returns:
        The number of pictures.

    Raises:
        InvalidInput: the folder exists.
    """
    target = Path(folder)
    if target.exists():
        raise InvalidInput(f"{str(target)!r} exists; name a new folder for the drawn garments")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as workplace:
        filling = Path(workplace) / target.name
        filling.mkdir()
        with (filling / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow(["image", *LABELS, "group"])
            count = 0
            for count, record in enumerate(records, 1):  # noqa: B007
                name = f"{record.id}.jpg"
                Image.fromarray(cast(Pixels, record.image)).save(filling / name, quality=92)
                table.writerow([name, *(record.labels[task] for task in LABELS), record.group])
        filling.rename(target)
    return count
