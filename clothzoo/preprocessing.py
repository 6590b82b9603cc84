"""From pictures to what a network takes: the one record that training and use share."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clothzoo.datasets.photo import Box, Photo, Pixels, open_photo
from clothzoo.errors import InvalidInput, did_you_mean

_RESIZE = ("crop", "pad", "stretch")
_COLOR = ("grey", "rgb")
_INTERPOLATION = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a network's input: `pixels * scale + offset` after resizing.

    The same on every backend and machine: Pillow resizes (with antialiasing), NumPy scales.

    Args:
        size: (height, width) of the result in pixels.
        color: "rgb" (3 channels) or "grey" (1 channel).
        resize: "stretch" ignores the aspect ratio, "crop" cuts the largest centred part of the
            right shape, "pad" fits the whole picture in and fills the rest with `fill`.
        interpolation: "bilinear", "bicubic", "lanczos", "box" or "nearest".
        scale: what a pixel, 0 to 255, is multiplied by.
        offset: what is added afterwards.
        fill: grey value, 0 to 255, of the margins that "pad" adds.

    Example:
        >>> import numpy as np
        >>> IMAGENET(np.zeros((480, 360, 3), np.uint8)).shape
        (1, 224, 224, 3)
    """

    size: tuple[int, int]
    color: str = "rgb"
    resize: str = "stretch"
    interpolation: str = "bilinear"
    scale: float = 1 / 255
    offset: float = 0.0
    fill: int = 255

    def __post_init__(self) -> None:
        size = tuple(self.size)
        if len(size) != 2 or any(type(v) is not int or v < 1 for v in size):
            raise InvalidInput(f"size must be (height, width) in pixels, not {self.size!r}")
        object.__setattr__(self, "size", size)
        for name, known in (
            ("color", _COLOR),
            ("resize", _RESIZE),
            ("interpolation", tuple(_INTERPOLATION)),
        ):
            value = getattr(self, name)
            if value not in known:
                raise InvalidInput(f"no {name} {value!r}{did_you_mean(str(value), known)}")
        if not (math.isfinite(self.scale) and self.scale) or not math.isfinite(self.offset):
            raise InvalidInput(
                f"scale and offset must be finite and scale not 0, "
                f"not scale={self.scale!r}, offset={self.offset!r}"
            )
        if not 0 <= self.fill <= 255:
            raise InvalidInput(f"fill must be from 0 to 255, not {self.fill!r}")

    @property
    def channels(self) -> int:
        """Number of channels of the result: 3 for "rgb", 1 for "grey"."""
        return 3 if self.color == "rgb" else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one result: the network's `input_shape`."""
        return (*self.size, self.channels)

    def __call__(
        self, images: Photo | Sequence[Photo], *, box: Box | None = None
    ) -> NDArray[np.float32]:
        """Prepare one picture or many.

        Args:
            images: a path, a PIL image, uint8 pixels (H, W), (H, W, C), (N, H, W) or
                (N, H, W, C), or a sequence of any of these but the last two. Files are decoded
                in threads.
            box: (x, y, width, height) that every picture is cut to first.

        Returns:
            float32 (N, height, width, channels); N is 1 for one picture.

        Raises:
            UnreadablePhoto: a file cannot be decoded; the error names it.
            InvalidInput: pixels are not uint8, a shape is not an image's, or the box reaches
                outside a picture.
        """
        return self.normalise(self.pixels(images, box=box))

    def one(self, image: Photo, *, box: Box | None = None) -> NDArray[np.float32]:
        """Prepare one picture; float32 (height, width, channels), without a batch axis."""
        return self.normalise(self._resized(image, box))

    def pixels(self, images: Photo | Sequence[Photo], *, box: Box | None = None) -> Pixels:
        """The first half: decode, convert and resize, but do not scale.

        Args:
            images: as for a call.
            box: as for a call.

        Returns:
            uint8 (N, height, width, channels), e.g. to be cached or augmented.
        """
        batch = _listed(images)
        if isinstance(batch, np.ndarray):
            if box is None and batch.shape[1:] == self.shape and batch.dtype == np.uint8:
                return batch
            batch = list(batch)
        out = np.empty((len(batch), *self.shape), np.uint8)

        def prepare(row: int) -> None:
            out[row] = self._resized(batch[row], box)

        # Decoding and resizing let go of the interpreter lock; small arrays are not worth a pool.
        if len(batch) > 1 and not all(isinstance(i, np.ndarray) and i.size < 65536 for i in batch):
            with ThreadPoolExecutor(min(_THREADS, len(batch))) as pool:
                for _ in pool.map(prepare, range(len(batch))):
                    pass
        else:
            for row in range(len(batch)):
                prepare(row)
        return out

    def normalise(self, pixels: Pixels) -> NDArray[np.float32]:
        """The second half: uint8 pixels of any shape to float32 `pixels * scale + offset`."""
        out = np.multiply(pixels, np.float32(self.scale), dtype=np.float32)
        out += np.float32(self.offset)
        return cast("NDArray[np.float32]", out)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for TOML or JSON; `from_dict` gives the same record back."""
        return {**asdict(self), "size": list(self.size)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The record that `to_dict` wrote.

        Raises:
            InvalidInput: a key is unknown or missing, or a value cannot be used.
        """
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                raise InvalidInput(f"preprocessing has no {key!r}{did_you_mean(key, known)}")
        if "size" not in values:
            raise InvalidInput("preprocessing needs a size: [height, width]")
        return cls(**{**values, "size": tuple(values["size"])})

    def _resized(self, image: Photo, box: Box | None) -> Pixels:
        rgb = open_photo(image, box=box, size_hint=self.size)
        picture = Image.fromarray(rgb)
        if self.color == "grey":
            picture = picture.convert("L")
        height, width = self.size
        if picture.size != (width, height):
            picture = self._fitted(picture)
        return np.asarray(picture).reshape(self.shape)

    def _fitted(self, picture: Image.Image) -> Image.Image:
        height, width = self.size
        method = _INTERPOLATION[self.interpolation]
        if self.resize == "stretch":
            return picture.resize((width, height), method)
        across, down = width / picture.width, height / picture.height
        if self.resize == "crop":
            zoom = max(across, down)
            # One of them is 0, which rounding may leave a little below.
            dx = max(0.0, (picture.width - width / zoom) / 2)
            dy = max(0.0, (picture.height - height / zoom) / 2)
            part = (dx, dy, picture.width - dx, picture.height - dy)
            return picture.resize((width, height), method, box=part)
        zoom = min(across, down)
        inner = max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom))
        fill = self.fill if self.color == "grey" else (self.fill,) * 3
        canvas = Image.new(picture.mode, (width, height), fill)
        canvas.paste(
            picture.resize(inner, method), ((width - inner[0]) // 2, (height - inner[1]) // 2)
        )
        return canvas


def _listed(images: Photo | Sequence[Photo]) -> Pixels | Sequence[Photo]:
    """A batch: an array whose first axis counts images, or a sequence of single images."""
    if isinstance(images, np.ndarray):
        if images.ndim == 4:
            return images
        if images.ndim == 3 and images.shape[2] not in (1, 3, 4):
            return images[..., None]
        return images[None]
    if isinstance(images, (str, bytes, os.PathLike, Image.Image)):
        return [images]
    return images


IMAGENET = Preprocessing(size=(224, 224), scale=1 / 127.5, offset=-1.0)
"""224×224 RGB from -1 to 1, as Inception-v3 and MobileNetV2 were trained on ImageNet."""

FASHION_MNIST = Preprocessing(size=(28, 28), color="grey", fill=0)
"""28×28 grey from 0 to 1; the garment is bright and the ground is black."""
