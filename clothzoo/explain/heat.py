"""Heat maps: from a feature map and its gradient to the pixels of a photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clothzoo.datasets.photo import Box
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.preprocessing import Preprocessing

Floats = NDArray[np.float32]
Method = Callable[[Floats, Floats], Floats]


def grad_cam(maps: Floats, gradient: Floats) -> Floats:
    """Each channel of the map, weighted by its mean gradient.

    Reference:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", 2016, https://arxiv.org/abs/1610.02391.
    """
    return np.asarray((maps * gradient.mean(axis=(0, 1))).sum(axis=-1))


def grad_cam_plus_plus(maps: Floats, gradient: Floats) -> Floats:
    """As `grad_cam`, but the mean goes over positive gradients, those of strong places first.

    Reference:
        Chattopadhyay et al., "Grad-CAM++: Improved Visual Explanations for Deep Convolutional
        Networks", 2017, https://arxiv.org/abs/1710.11063, equations 10 and 19 for Y = exp(S).
    """
    below = 2 * gradient**2 + maps.sum(axis=(0, 1)) * gradient**3
    share = np.divide(gradient**2, below, out=np.zeros_like(below), where=below != 0)
    weights = (share * np.maximum(gradient, 0)).sum(axis=(0, 1))
    return np.asarray((maps * weights).sum(axis=-1))


def hires_cam(maps: Floats, gradient: Floats) -> Floats:
    """The map times its gradient, place by place: what each place adds to the score.

    Reference:
        Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
        convolutional neural networks", 2020, https://arxiv.org/abs/2011.08891.
    """
    return np.asarray((maps * gradient).sum(axis=-1))


METHODS: dict[str, Method] = {
    "grad_cam": grad_cam,
    "grad_cam++": grad_cam_plus_plus,
    "hires_cam": hires_cam,
}
"""Name → (map (h, w, c), gradient (h, w, c)) → heat (h, w), which may be negative."""


def method_of(name: str) -> Method:
    """The method of a name.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in METHODS:
        raise InvalidInput(f"no method {name!r}{did_you_mean(str(name), METHODS)}")
    return METHODS[name]


def scaled(heat: Floats) -> Floats:
    """The positive part, divided by its largest value; all 0 where nothing is positive."""
    heat = np.maximum(heat, 0)
    top = heat.max()
    return np.asarray(heat / top if top > 0 else heat, np.float32)


def on_photo(
    heat: Floats, preprocessing: Preprocessing, size: tuple[int, int], box: Box | None = None
) -> Floats:
    """Lay a heat map of a network's input over the photo that the input was made of.

    Args:
        heat: float32 (h, w) over the whole input.
        preprocessing: what made the input of the photo.
        size: (height, width) of the upright photo.
        box: (x, y, width, height) that the photo was cut to before.

    Returns:
        float32 (height, width); 0 where the network did not see the photo.
    """
    x, y, width, height = box or (0, 0, size[1], size[0])
    left, top, right, bottom = covered(preprocessing, height, width)
    across, down = heat.shape[1] / (right - left), heat.shape[0] / (bottom - top)
    part = Image.fromarray(np.asarray(heat, np.float32)).transform(
        (width, height),
        Image.Transform.AFFINE,
        (across, 0, -left * across, 0, down, -top * down),
        Image.Resampling.BILINEAR,  # cubic curves would draw halos around hot places
    )
    whole = np.zeros(size, np.float32)
    whole[y : y + height, x : x + width] = np.asarray(part)
    return whole


def covered(
    preprocessing: Preprocessing, height: int, width: int
) -> tuple[float, float, float, float]:
    """Which part of a photo its prepared form shows.

    Args:
        preprocessing: what prepares it.
        height: of the photo in pixels.
        width: of the photo in pixels.

    Returns:
        (left, top, right, bottom) in pixels of the photo; outside of it where margins are added.
    """
    if preprocessing.resize == "stretch":
        return 0.0, 0.0, float(width), float(height)
    across, down = preprocessing.size[1] / width, preprocessing.size[0] / height
    if preprocessing.resize == "crop":
        zoom = max(across, down)
        dx = (width - preprocessing.size[1] / zoom) / 2
        dy = (height - preprocessing.size[0] / zoom) / 2
        return dx, dy, width - dx, height - dy
    zoom = min(across, down)
    ends = []
    for given, wanted in ((width, preprocessing.size[1]), (height, preprocessing.size[0])):
        inner = max(1, round(given * zoom))
        start = -((wanted - inner) // 2) * given / inner
        ends.append((start, start + wanted * given / inner))
    (left, right), (top, bottom) = ends
    return left, top, right, bottom
