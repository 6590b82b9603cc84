from __future__ import annotations

import csv
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from clothzoo.datasets import open_photo, rendered
from clothzoo.errors import InvalidInput

_DIGEST = """
import hashlib
from clothzoo.datasets import rendered
pixels = b"".join(r.image.tobytes() for r in rendered.render(12, 2, 48, 7))
print(hashlib.sha256(pixels).hexdigest())
"""


@pytest.fixture(scope="module")
def records():
    return list(rendered.render(60, views=2, size=64, seed=3))


def test_each_garment_appears_in_several_different_photos(records):
    assert len(records) == 120
    for first, second in zip(records[::2], records[1::2], strict=True):
        assert first.labels == second.labels
        assert first.group == second.group
        assert first.id != second.id
        assert np.abs(first.image.astype(int) - second.image).mean() > 5
    assert len({r.id for r in records}) == 120


def test_labels_are_among_those_declared(records):
    for record in records:
        assert record.image.shape == (64, 64, 3)
        assert record.image.dtype == np.uint8
        for task, known in rendered.LABELS.items():
            assert record.labels[task] in known or (
                task == "sleeve" and record.labels[task] is None
            )
    for task, known in rendered.LABELS.items():
        seen = {r.labels[task] for r in records} - {None}
        assert len(seen) >= min(len(known), 9), task


def test_garments_without_sleeves_have_none(records):
    for record in records:
        sleeved = record.labels["category"] in {
            "dress",
            "longsleeve",
            "outwear",
            "shirt",
            "t-shirt",
        }
        assert (record.labels["sleeve"] is not None) == sleeved


def test_another_process_draws_the_same_pixels():
    run = subprocess.run(
        [sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True
    )
    pixels = b"".join(r.image.tobytes() for r in rendered.render(12, 2, 48, 7))
    assert run.stdout.strip() == hashlib.sha256(pixels).hexdigest()


def test_more_garments_and_views_leave_the_earlier_ones_as_they_were():
    few = {r.id: r.image for r in rendered.render(3, 1, 32, 5)}
    many = {r.id: r.image for r in rendered.render(5, 2, 32, 5)}
    assert all(np.array_equal(few[i], many[i]) for i in few)
    other = {r.id: r.image for r in rendered.render(3, 1, 32, 6)}
    assert not any(np.array_equal(few[i], other[i]) for i in few)


def test_a_garment_is_nearer_to_itself_than_to_others_of_its_category(records):
    """Mean colours alone tell the garments apart: views keep what makes the garment."""
    middle = np.stack([r.image[20:44, 20:44].mean(axis=(0, 1)) for r in records])
    own = np.linalg.norm(middle[::2] - middle[1::2], axis=1)
    other = np.linalg.norm(middle[::2] - np.roll(middle[1::2], 10, axis=0), axis=1)
    assert np.median(own) < 0.5 * np.median(other)


def test_a_written_folder_has_every_photo_and_its_labels(tmp_path):
    records = list(rendered.render(4, 2, 48))
    assert rendered.write(records, tmp_path / "drawn") == 8
    with (tmp_path / "drawn" / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [f"{r.id}.jpg" for r in records]
    assert [row["category"] for row in rows] == [r.labels["category"] for r in records]
    pixels = open_photo(tmp_path / "drawn" / rows[0]["image"])
    assert np.abs(pixels.astype(int) - records[0].image).mean() < 8
    assert [p.name for p in tmp_path.iterdir()] == ["drawn"]


def test_an_existing_folder_is_not_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InvalidInput, match="exists"):
        rendered.write(rendered.render(1, 1, 32), tmp_path / "mine")


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path):
    def failing():
        yield from rendered.render(1, 1, 32)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rendered.write(failing(), tmp_path / "drawn")
    assert list(tmp_path.iterdir()) == []


def test_things_that_are_no_clothes_have_no_category():
    things = list(rendered.render_objects(22, 48, 1))
    assert len({r.labels["object"] for r in things}) == 11
    assert all(r.labels["category"] is None for r in things)
    assert all(r.image.shape == (48, 48, 3) and r.image.dtype == np.uint8 for r in things)
    assert all(r.image.std() > 1 for r in things)
    assert not np.array_equal(things[0].image, things[11].image)
    again = list(rendered.render_objects(3, 48, 1))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(again, things, strict=False))
    with pytest.raises(InvalidInput, match="render_objects needs"):
        list(rendered.render_objects(-1))


@pytest.mark.parametrize("arguments", [(-1, 3, 64), (1, 0, 64), (1, 1, 8)])
def test_numbers_out_of_range_are_refused(arguments):
    with pytest.raises(InvalidInput, match="render needs"):
        list(rendered.render(*arguments))
