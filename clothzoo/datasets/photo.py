"""One photo, from whatever the user has to plain RGB pixels."""

from __future__ import annotations

import os
import stat
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from clothzoo.errors import InvalidInput, UnreadablePhoto

Pixels = NDArray[np.uint8]
Photo = str | os.PathLike[str] | bytes | Image.Image | Pixels
"""A path, the content of an image file, a PIL image, or uint8 pixels."""

Box = tuple[int, int, int, int]

MAX_PIXELS = 178_956_970
"""Above this a picture is refused before it is decoded: 512 MiB as RGB, and Pillow's own limit."""

# EXIF 2.32, tag 0x0112: how the stored picture has to be turned to stand upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = tuple(_UPRIGHT[orientation] for orientation in (5, 6, 7, 8))


def open_photo(
    source: Photo,
    *,
    box: Box | None = None,
    size_hint: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Decode a photo to upright RGB pixels, or say in a few words why that cannot be.

    EXIF rotation is applied, transparency is laid on white, 16-bit, palette, grey and CMYK
    pictures become 8-bit RGB, and of an animation the first frame is taken. No global state of
    Pillow is read or changed, so that any number of threads may decode at once.

    Args:
        source: a path, the bytes of an image file, a PIL image, or uint8 pixels (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4).
        box: (x, y, width, height) of the part wanted, in pixels of the upright picture.
        size_hint: (height, width) that the caller will scale the result down to. A JPEG file is
            then decoded at 1/2, 1/4 or 1/8 of its size where the result stays no smaller than
            that, which is several times faster.
        max_pixels: a picture with more is refused before it is decoded; at most `MAX_PIXELS`.

    Returns:
        uint8 (H, W, 3). For an array without box this may be a view of the input.

    Raises:
        UnreadablePhoto: there is no such file, or it cannot be decoded.
        InvalidInput: the array is not made of uint8 pixels, or the box reaches outside.
    """
    if isinstance(source, np.ndarray):
        pixels = _rgb_from_array(source)
        return _cut(pixels, _checked(box, pixels.shape[1], pixels.shape[0]))
    if isinstance(source, Image.Image):
        return _decoded(source, source, box, None, max_pixels)
    stream = _content(source) if isinstance(source, bytes) else _opened(Path(source))
    with stream:
        source = f"{len(source):,} bytes" if isinstance(source, bytes) else source
        try:
            image = Image.open(stream, formats=_formats())
        except UnidentifiedImageError:
            stream.seek(0)
            reason = _DAMAGED if _begins_like_an_image(stream.read(32)) else "not an image"
            raise UnreadablePhoto(source, reason) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UnreadablePhoto(source, _too_large(max_pixels)) from None
        except Exception as error:
            raise UnreadablePhoto(source, _DAMAGED) from error
        with image:
            return _decoded(source, image, box, size_hint, max_pixels)


# Pillow would otherwise try all it knows, and some of that is no photo: for PostScript it starts
# Ghostscript on whatever a stranger's file says.
_PHOTO_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "JPEG2000", "GIF", "TIFF", "BMP", "PPM")


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _PHOTO_FORMATS if name in Image.OPEN)


def _begins_like_an_image(head: bytes) -> bool:
    accepts = (Image.OPEN[name][1] for name in _formats())
    return any(accept is not None and accept(head) is True for accept in accepts)


_DAMAGED = "truncated or damaged file"
_EMPTY = "empty file"


def _content(data: bytes) -> IO[bytes]:
    if not data:
        raise UnreadablePhoto("0 bytes", _EMPTY)
    return BytesIO(data)


def _too_large(max_pixels: int) -> str:
    return f"more than {max_pixels // 1_000_000} megapixels"


def _opened(path: Path) -> IO[bytes]:
    try:
        mode = path.stat().st_mode
        stream = path.open("rb") if stat.S_ISREG(mode) else None
    except FileNotFoundError:
        raise UnreadablePhoto(path, "no such file") from None
    except PermissionError:
        raise UnreadablePhoto(path, "no permission to read it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the name
        raise UnreadablePhoto(path, getattr(error, "strerror", None) or str(error)) from error
    if stream is None:
        kind = "a folder, not a photo" if stat.S_ISDIR(mode) else "not a regular file"
        raise UnreadablePhoto(path, kind)
    if os.fstat(stream.fileno()).st_size == 0:
        stream.close()
        raise UnreadablePhoto(path, _EMPTY)
    return stream


def _decoded(
    source: Photo,
    image: Image.Image,
    box: Box | None,
    size_hint: tuple[int, int] | None,
    max_pixels: int,
) -> Pixels:
    if image.width * image.height > max_pixels:
        raise UnreadablePhoto(source, _too_large(max_pixels))
    turn = _turn(image)
    sideways = turn in _SIDEWAYS
    width, height = image.size[::-1] if sideways else image.size
    box = _checked(box, width, height)
    try:
        if size_hint is not None:
            _draft(image, box, (width, height), size_hint, sideways)
        upright = image if turn is None else image.transpose(turn)
        pixels = _rgb(upright)
    except MemoryError:
        raise UnreadablePhoto(source, "not enough memory to decode it") from None
    except Exception as error:  # a damaged file makes decoders fail in every imaginable way
        raise UnreadablePhoto(source, _DAMAGED) from error
    return _cut(pixels, _scaled(box, pixels.shape[1] / width, pixels.shape[0] / height))


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(0x0112, 1))
    except Exception:  # unreadable EXIF says nothing about the pixels: take them as they are
        return None


def _draft(
    image: Image.Image,
    box: Box | None,
    size: tuple[int, int],
    size_hint: tuple[int, int],
    sideways: bool,
) -> None:
    width, height = size
    part_width, part_height = (width, height) if box is None else box[2:]
    # The part that is cut out afterwards is what must not fall below the hint.
    wanted = (
        max(1, -(-size_hint[1] * width // part_width)),
        max(1, -(-size_hint[0] * height // part_height)),
    )
    image.draft(None, wanted[::-1] if sideways else wanted)


def _rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith(("I", "F")):
        return _rgb_from_array(_eight_bit(image))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.new("RGB", layers.size, "white")
        image.paste(layers, mask=layers.getchannel("A"))
    return np.array(image.convert("RGB"))


def _eight_bit(image: Image.Image) -> Pixels:
    """16-bit (and wider) grey to 8-bit; Pillow's own conversion clips all above 255 to white."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    # Floating-point pictures come as 0 to 1 or as 0 to 255; nothing in the file says which.
    top = 65535 if image.mode != "F" else 1 if values.max() <= 1 else 255
    return cast(Pixels, np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8))


def _rgb_from_array(array: Pixels) -> Pixels:
    if array.dtype != np.uint8:
        raise InvalidInput(
            f"pixels must be uint8 from 0 to 255, not {array.dtype}; "
            "give the picture as it was decoded, without scaling it first"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise InvalidInput(
            f"an image array has shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {array.shape}"
        )
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 4:
        return _rgb(Image.fromarray(array))
    return array


def _checked(box: Box | None, width: int, height: int) -> Box | None:
    if box is None:
        return None
    if len(box) != 4 or any(int(v) != v for v in box):
        raise InvalidInput(f"box must be four whole numbers (x, y, width, height), not {box!r}")
    x, y, w, h = (int(v) for v in box)
    if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
        raise InvalidInput(
            f"box {box!r} (x, y, width, height) reaches outside the photo, "
            f"which is {width} wide and {height} high"
        )
    return x, y, w, h


def _scaled(box: Box | None, across: float, down: float) -> Box | None:
    """The box in a picture that was decoded at a fraction of its size."""
    if box is None or (across == 1 and down == 1):
        return box
    left, top = round(box[0] * across), round(box[1] * down)
    right, bottom = round((box[0] + box[2]) * across), round((box[1] + box[3]) * down)
    return left, top, max(1, right - left), max(1, bottom - top)


def _cut(pixels: Pixels, box: Box | None) -> Pixels:
    if box is None:
        return pixels
    x, y, w, h = box
    return np.ascontiguousarray(pixels[y : y + h, x : x + w])
