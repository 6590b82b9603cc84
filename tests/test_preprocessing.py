from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.preprocessing import FASHION_MNIST, IMAGENET, Preprocessing

records = st.builds(
    Preprocessing,
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    color=st.sampled_from(["rgb", "grey"]),
    resize=st.sampled_from(["stretch", "crop", "pad"]),
    interpolation=st.sampled_from(["bilinear", "bicubic", "lanczos", "box", "nearest"]),
    scale=st.sampled_from([1 / 255, 1 / 127.5, 1.0, -1 / 255]),
    offset=st.sampled_from([0.0, -1.0, 0.3]),
    fill=st.integers(0, 255),
)
shapes = st.one_of(
    st.tuples(st.integers(5, 60), st.integers(5, 60)),
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4])),
)


@settings(deadline=None, max_examples=150)
@given(record=records, shape=shapes, seed=st.integers(0, 9))
def test_shape_dtype_and_range_hold_for_every_record_and_picture(record, shape, seed):
    image = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    result = record(image if image.ndim == 2 else [image])
    if image.ndim == 2 and shape[1] not in (1, 3, 4):
        assert np.array_equal(result, record([image]))
    assert result.shape == (1, *record.shape)
    assert result.dtype == np.float32
    low, high = sorted((record.offset, 255 * record.scale + record.offset))
    assert result.min() >= low - 1e-5
    assert result.max() <= high + 1e-5
    assert np.array_equal(record.one(image), result[0])


def test_rounding_does_not_cut_beyond_the_edge():
    picture = np.zeros((49, 5), np.uint8)
    assert Preprocessing((16, 1), resize="crop")(picture).shape == (1, 16, 1, 3)


@given(record=records)
def test_toml_gives_the_same_record_back(record):
    text = "\n".join(f"{k} = {v!r}" for k, v in record.to_dict().items())
    assert Preprocessing.from_dict(tomllib.loads(text)) == record


def test_a_batch_may_be_an_array_a_list_or_one_picture(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (5, 20, 20), np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=-1)
    record = Preprocessing((10, 10), color="grey")
    batch = record(grey)
    assert batch.shape == (5, 10, 10, 1)
    paths = []
    for row, picture in enumerate(colour):
        paths.append(tmp_path / f"{row}.png")
        Image.fromarray(picture).save(paths[-1])
    for same in (list(grey), colour, list(colour), grey[..., None], paths, [str(p) for p in paths]):
        assert np.array_equal(record(same), batch)
    assert np.array_equal(record(paths[2]), batch[2:3])
    assert np.array_equal(record(Image.open(paths[2])), batch[2:3])
    assert np.array_equal(record(colour[2]), batch[2:3])
    assert record([]).shape == (0, 10, 10, 1)


def test_imagenet_pixels_run_from_minus_one_to_one():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    values = IMAGENET.normalise(ramp)
    assert values.dtype == np.float32
    assert np.allclose(values, ramp / 127.5 - 1, atol=1e-7)
    assert values.min() == -1
    assert values.max() == 1
    assert IMAGENET.shape == (224, 224, 3)


def test_fashion_mnist_pixels_pass_unchanged_from_zero_to_one():
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), np.uint8)
    values = FASHION_MNIST(images)
    assert values.shape == (7, 28, 28, 1)
    assert np.allclose(values[..., 0], images / 255, atol=1e-7)


def test_grey_becomes_three_equal_channels_and_colour_becomes_its_brightness():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    rgb = Preprocessing((8, 8)).pixels(grey)[0]
    assert all(np.array_equal(rgb[..., c], grey) for c in range(3))
    green = np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 100
    assert (Preprocessing((8, 8), color="grey").pixels(green) == 59).all()


def test_the_three_ways_to_resize_differ_as_named():
    tall = np.zeros((40, 20, 3), np.uint8)
    tall[10:30] = 200
    stretch, crop, pad = (
        Preprocessing((20, 20), resize=r, interpolation="nearest").pixels(tall)[0, :, :, 0]
        for r in ("stretch", "crop", "pad")
    )
    assert (stretch[:, 10] == np.repeat([0, 200, 0], [5, 10, 5])).all()
    assert (crop == 200).all()
    assert (pad[:, :5] == 255).all()
    assert (pad[:, 15:] == 255).all()
    assert (pad[:, 5:15] == stretch[:, 5:15]).all()


def test_a_box_is_cut_before_resizing():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 5:25] = 255
    assert Preprocessing((16, 16))(image, box=(5, 10, 20, 20)).min() == 1


def test_a_large_jpeg_is_decoded_small_with_nearly_the_same_result(tmp_path):
    yy, xx = np.mgrid[:1200, :1600]
    image = np.stack([xx // 8, yy // 8, (xx + yy) // 12], -1).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.jpg", quality=95)
    record = Preprocessing((100, 100))
    assert np.abs(record(tmp_path / "photo.jpg") - record(image)).mean() < 0.02


def test_a_photo_that_cannot_be_read_is_named(tmp_path):
    Image.new("RGB", (300, 300)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no")
    with pytest.raises(UnreadablePhoto, match=r"bad\.png.*not an image"):
        IMAGENET([tmp_path / "good.png", tmp_path / "bad.png"])


def test_what_cannot_be_used_is_named_with_the_way_out():
    for arguments, message in [
        ({"resize": "strech"}, "did you mean 'stretch'"),
        ({"color": "gray"}, "did you mean 'grey'"),
        ({"interpolation": "cubic"}, "did you mean 'bicubic'"),
        ({"size": (0, 5)}, "height, width"),
        ({"size": (5,)}, "height, width"),
        ({"scale": 0.0}, "finite and scale not 0"),
        ({"offset": float("nan")}, "finite"),
        ({"fill": 300}, "from 0 to 255"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            Preprocessing(**{"size": (8, 8), **arguments})
    with pytest.raises(InvalidInput, match="did you mean 'color'"):
        Preprocessing.from_dict({"size": [8, 8], "colour": "rgb"})
    with pytest.raises(InvalidInput, match="needs a size"):
        Preprocessing.from_dict({"color": "rgb"})
    with pytest.raises(InvalidInput, match="uint8"):
        IMAGENET(np.zeros((2, 8, 8, 3), np.float32))
