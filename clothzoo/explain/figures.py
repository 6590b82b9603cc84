"""Heat maps over photos, and the figures of this package."""

from __future__ import annotations

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Photo, open_photo
from clothzoo.errors import InvalidInput
from clothzoo.explain.heat import Floats
from clothzoo.optional import require


def overlay(photo: Photo, heat: Floats, *, strength: float = 0.6) -> Image.Image:
    """A photo with a heat map over it: the hotter a place, the more of its colour shows.

    Args:
        photo: a path, a PIL image, or uint8 pixels.
        heat: float32 (height, width) from 0 to 1, of the upright photo.
        strength: how much of the heat's colour covers the photo, from 0 to 1.

    Returns:
        An RGB picture of the photo's size.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: the heat map is of another size, or the strength is out of range.
    """
    if not 0 <= strength <= 1:
        raise InvalidInput(f"strength must be from 0 to 1, not {strength!r}")
    pixels = open_photo(photo)
    if heat.shape != pixels.shape[:2]:
        raise InvalidInput(
            f"the heat map has {heat.shape[0]} × {heat.shape[1]} pixels, but the photo "
            f"{pixels.shape[0]} × {pixels.shape[1]}; make the map of this photo"
        )
    colours = require("matplotlib", "explain").colormaps["viridis"](heat)[..., :3] * 255
    share = strength * (0.5 + 0.5 * heat[..., None])
    grey = pixels.mean(axis=2, keepdims=True)
    mixed = (1 - share) * (0.5 * grey + 0.5 * pixels) + share * colours
    return Image.fromarray(np.rint(mixed).astype(np.uint8))
