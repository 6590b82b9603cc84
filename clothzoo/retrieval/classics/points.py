"""Local features of a photo: where it has structure, and what that looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clothzoo.datasets.photo import Photo, open_photo
from clothzoo.optional import require

EXTRA = "baselines"
SAMPLING = ("dense", "detected")
"""Where features are taken: on a regular grid, or at the corners and blobs that a detector finds.
"""

_STEP = 8  # pixels between the points of the grid
_SCALES = (1.6, 3.2)  # SURF's square is 20 times as wide: 32 and 64 pixels
_REACH = 16  # times the scale: mahotas drops what lies nearer to the edge
_MOST = 2048  # points that are detected in one photo
_NARROWEST = 3  # pixels: OpenCV fails below, and there is nothing to see


class Points(NamedTuple):
    """Some points of a photo.

    Args:
        places: float32 (n, 2), y and x as parts of the photo's height and width.
        features: float32 (n, d), what each looks like.
    """

    places: NDArray[np.float32]
    features: NDArray[np.float32]


def find_points(photo: Photo, kind: str, sampling: str, side: int) -> Points:
    """Take the local features of a photo.

    Args:
        photo: a path, a PIL image, or uint8 pixels.
        kind: one of `KINDS`.
        sampling: one of `SAMPLING`.
        side: pixels that the photo's longer side is scaled to first.

    Returns:
        The points, none where the photo shows nothing.

    Raises:
        UnreadablePhoto: it cannot be decoded.
        ExtraMissing: mahotas or OpenCV is not installed.
    """
    _, length, find = KINDS[kind]
    grey = _grey(photo, side)
    if min(grey.shape) < _NARROWEST:
        return Points(np.empty((0, 2), np.float32), np.empty((0, length), np.float32))
    places, features = find(grey, sampling)
    return Points((places / grey.shape).astype(np.float32), features)


def _grey(photo: Photo, side: int) -> NDArray[np.uint8]:
    image = Image.fromarray(open_photo(photo, size_hint=(side, side))).convert("L")
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def _grid(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Points (n, 3) of the regular grid: y, x, scale."""
    y, x, scale = np.meshgrid(
        *(np.arange(_STEP / 2, length, _STEP) for length in shape), _SCALES, indexing="ij"
    )
    return np.stack([y.ravel(), x.ravel(), scale.ravel()], axis=1)


def _surf(grey: NDArray[np.uint8], sampling: str) -> tuple[NDArray[Any], NDArray[np.float32]]:
    surf = require("mahotas.features.surf", EXTRA)
    margin = 0
    if sampling == "detected":
        found = surf.surf(grey, max_points=_MOST)
    else:
        # Features reach over the edge, and mahotas would leave out those that do.
        margin = round(_REACH * max(_SCALES))
        grid = _grid(grey.shape)
        grid[:, :2] += margin
        # Strength and sign of the detector's answer, of which there is none here.
        grid = np.hstack([grid, np.ones((len(grid), 2))])
        found = surf.descriptors(np.pad(grey, margin, mode="edge"), grid)
    return found[:, :2] - margin, found[:, 6:].astype(np.float32)


def _root_sift(grey: NDArray[np.uint8], sampling: str) -> tuple[NDArray[Any], NDArray[np.float32]]:
    cv2 = require("cv2", EXTRA)
    detector = cv2.SIFT_create(nfeatures=_MOST)
    if sampling == "detected":
        points, features = detector.detectAndCompute(grey, None)
    else:
        # OpenCV's size is a diameter, of which SIFT's square is 6 times as wide as SURF's 10.
        grid = (cv2.KeyPoint(x, y, 10 / 3 * scale, 0.0) for y, x, scale in _grid(grey.shape))
        points, features = detector.compute(grey, list(grid))
    if features is None:
        return np.empty((0, 2)), np.empty((0, 128), np.float32)
    sums = np.maximum(features.sum(axis=1, keepdims=True), 1e-12)
    return np.array([point.pt[::-1] for point in points]), np.sqrt(features / sums)


Find = Callable[[NDArray[np.uint8], str], tuple[NDArray[Any], NDArray[np.float32]]]

KINDS: dict[str, tuple[str, int, Find]] = {
    "sift": ("cv2", 128, _root_sift),
    "surf": ("mahotas", 64, _surf),
}
"""Kind of feature → the package that computes it, the feature's length, and how.

surf: Speeded-Up Robust Features, by mahotas. sift: RootSIFT, which is OpenCV's Scale-Invariant
Feature Transform, each feature scaled to sum 1 and its root taken.

Reference:
    Bay, Ess, Tuytelaars, Van Gool: Speeded-Up Robust Features. CVIU 2008.
    Arandjelović, Zisserman: Three things everyone should know to improve object retrieval.
    CVPR 2012.
"""
