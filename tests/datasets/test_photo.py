from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets.photo import MAX_PIXELS, open_photo
from clothzoo.errors import ClothzooError, InvalidInput, UnreadablePhoto


@pytest.fixture
def scene() -> Image.Image:
    """40 wide, 60 high; a red block at the upper left, blue elsewhere."""
    pixels = np.zeros((60, 40, 3), np.uint8)
    pixels[..., 2] = 200
    pixels[:20, :16] = (200, 0, 0)
    return Image.fromarray(pixels)


def near(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    return bool((np.abs(pixels.astype(int) - colour) <= tolerance).all())


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return head + struct.pack(">I", 1000) + b"IDAT"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "gif", "tiff", "ppm", "jp2"])
def test_every_common_format_becomes_rgb_pixels(tmp_path, scene, suffix):
    scene.save(tmp_path / f"photo.{suffix}")
    pixels = open_photo(tmp_path / f"photo.{suffix}")
    assert pixels.shape == (60, 40, 3)
    assert pixels.dtype == np.uint8
    assert near(pixels[4:12, 4:10], (200, 0, 0), 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone_for_the_picture_and_for_the_box(tmp_path, scene, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene if orientation == 1 else scene.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(open_photo(tmp_path / "photo.png"), np.asarray(scene))
    assert near(open_photo(tmp_path / "photo.png", box=(0, 0, 16, 20)), (200, 0, 0), 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_unreadable_exif_leaves_the_picture_as_it_is(tmp_path, scene):
    scene.save(tmp_path / "photo.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert open_photo(tmp_path / "photo.jpg").shape == (60, 40, 3)


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    pixels = open_photo(tmp_path / "ramp.png")
    assert np.array_equal(pixels[..., 0].ravel(), np.arange(256))


def test_floating_point_pictures_keep_their_range():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    assert np.array_equal(open_photo(Image.fromarray(ramp))[..., 1].ravel(), np.arange(256))
    assert open_photo(Image.fromarray(ramp * 255)).max() == 255
    assert open_photo(Image.fromarray(np.full((2, 2), np.nan, np.float32))).max() == 0


def test_cmyk_jpeg_keeps_its_colours(tmp_path, scene):
    scene.convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert near(open_photo(tmp_path / "print.jpg")[4:12, 4:10], (200, 0, 0), 30)


def test_transparency_is_laid_on_white(tmp_path):
    layers = np.zeros((8, 8, 4), np.uint8)
    layers[:4] = (0, 0, 0, 255)
    image = Image.fromarray(layers)
    image.save(tmp_path / "rgba.png")
    image.convert("LA").save(tmp_path / "la.png")
    image.save(tmp_path / "palette.gif", transparency=0)
    image.quantize(4).save(tmp_path / "palette.png")
    for name in ("rgba.png", "la.png", "palette.png"):
        pixels = open_photo(tmp_path / name)
        assert near(pixels[:4], (0, 0, 0), 0), name
        assert near(pixels[4:], (255, 255, 255), 0), name
    assert np.array_equal(open_photo(layers), open_photo(tmp_path / "rgba.png"))


def test_a_colour_declared_transparent_is_laid_on_white(tmp_path):
    image = Image.fromarray(np.full((4, 4, 3), (10, 20, 30), np.uint8))
    image.save(tmp_path / "keyed.png", transparency=(10, 20, 30))
    assert open_photo(tmp_path / "keyed.png").min() == 255


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert near(open_photo(tmp_path / "moving.gif"), (255, 0, 0), 2)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "tiff"])
@pytest.mark.parametrize("kept", [0.1, 0.6, 0.95])
def test_a_truncated_file_is_named_as_such(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UnreadablePhoto, match="truncated or damaged") as caught:
        open_photo(path)
    assert caught.value.source == path
    assert caught.value.reason == "truncated or damaged file"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_escapes_as_another_error(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "damaged"
    noise = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
    for suffix in ("jpeg", "png", "webp", "gif", "tiff", "bmp", "ppm", "jpeg2000"):
        noise.save(path, format=suffix)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
            path.write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
            try:
                pixels = open_photo(path)
            except UnreadablePhoto:
                continue
            assert pixels.ndim == 3


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_header(60_000, 60_000))
    with pytest.raises(UnreadablePhoto, match="more than 178 megapixels"):
        open_photo(tmp_path / "bomb.png")


def test_the_size_limit_holds_even_when_pillow_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (tmp_path / "bomb.png").write_bytes(png_header(MAX_PIXELS + 1, 1))
    with pytest.raises(UnreadablePhoto, match="more than 178 megapixels"):
        open_photo(tmp_path / "bomb.png")


def test_what_is_no_photo_is_named(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello, this is not a picture at all")
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    os.mkfifo(tmp_path / "pipe.jpg")
    reasons = {
        tmp_path / "empty.jpg": "empty file",
        tmp_path / "text.jpg": "not an image",
        tmp_path / "drawing.eps": "not an image",
        tmp_path / "pipe.jpg": "not a regular file",
        tmp_path / "missing.jpg": "no such file",
        tmp_path: "a folder, not a photo",
        tmp_path / "text.jpg" / "inside.jpg": "Not a directory",
        Path("nul\0name.jpg"): "embedded null byte",
    }
    for path, reason in reasons.items():
        with pytest.raises(UnreadablePhoto) as caught:
            open_photo(path)
        assert caught.value.reason == reason
        assert isinstance(caught.value, ClothzooError)


def test_a_file_without_permission_is_named(tmp_path, scene, monkeypatch):
    scene.save(tmp_path / "private.png")

    def refuse(*_args):  # root may read everything, so that chmod would prove nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadablePhoto, match="no permission to read it"):
        open_photo(tmp_path / "private.png")


def test_the_bytes_of_a_file_are_decoded_as_the_file_is(tmp_path, scene):
    scene.resize((400, 600)).save(tmp_path / "photo.jpg")
    data = (tmp_path / "photo.jpg").read_bytes()
    for hint in (None, (100, 100)):
        expected = open_photo(tmp_path / "photo.jpg", size_hint=hint)
        np.testing.assert_array_equal(open_photo(data, size_hint=hint), expected)
    for wrong, reason in (
        (b"", "empty file"),
        (b"no picture", "not an image"),
        (data[:900], "tru"),
    ):
        with pytest.raises(UnreadablePhoto, match=rf"'{len(wrong)} bytes': {reason}"):
            open_photo(wrong)


def test_a_box_cuts_and_one_that_reaches_outside_is_refused(tmp_path, scene):
    scene.save(tmp_path / "photo.png")
    for source in (tmp_path / "photo.png", str(tmp_path / "photo.png"), scene, np.asarray(scene)):
        assert np.array_equal(
            open_photo(source, box=(10, 5, 20, 30)), np.asarray(scene)[5:35, 10:30]
        )
        for box in [(30, 0, 11, 5), (-1, 0, 5, 5), (0, 0, 0, 5), (0, 31, 5, 30)]:
            with pytest.raises(InvalidInput, match="40 wide and 60 high"):
                open_photo(source, box=box)
        with pytest.raises(InvalidInput, match="four whole numbers"):
            open_photo(source, box=(0.5, 0, 5, 5))


def test_a_size_hint_decodes_large_jpegs_smaller_but_never_below_it(tmp_path):
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 900, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: the upright picture is 900 high
    wide.save(tmp_path / "turned.jpg", exif=exif)
    wide.save(tmp_path / "photo.jpg")
    assert open_photo(tmp_path / "photo.jpg", size_hint=(100, 100)).shape == (150, 225, 3)
    assert open_photo(tmp_path / "photo.jpg", size_hint=(151, 100)).shape == (300, 450, 3)
    assert open_photo(tmp_path / "photo.jpg", size_hint=(599, 100)).shape == (600, 900, 3)
    assert open_photo(tmp_path / "turned.jpg", size_hint=(200, 150)).shape == (225, 150, 3)


def test_with_a_box_the_size_hint_is_about_the_part(tmp_path):
    pixels = np.zeros((800, 800, 3), np.uint8)
    pixels[400:, 400:] = 250
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    part = open_photo(tmp_path / "photo.jpg", box=(400, 400, 400, 400), size_hint=(100, 100))
    assert part.shape == (100, 100, 3)
    assert part.min() > 240


def test_pixels_of_a_wrong_kind_are_refused():
    with pytest.raises(InvalidInput, match="uint8"):
        open_photo(np.zeros((4, 4, 3), np.float32))
    for shape in [(4,), (4, 4, 2), (0, 4, 3), (1, 4, 4, 3)]:
        with pytest.raises(InvalidInput, match="shape"):
            open_photo(np.zeros(shape, np.uint8))


def test_a_pil_image_is_left_as_it_was(tmp_path, scene):
    scene.save(tmp_path / "photo.jpg")
    with Image.open(tmp_path / "photo.jpg") as image:
        open_photo(image, size_hint=(4, 4))
        assert image.size == (40, 60)


def test_many_threads_decode_the_same_file_alike(tmp_path, scene):
    scene.save(tmp_path / "photo.webp")
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(open_photo(tmp_path / "photo.webp")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    assert all(np.array_equal(r, results[0]) for r in results)
