from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets import folder, rendered
from clothzoo.errors import DatasetNotFound, InvalidInput, UnreadablePhoto


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def test_photos_are_found_at_any_depth_sorted_and_without_hidden_ones(tmp_path):
    for name in ("b.jpg", "a/z.PNG", "a/deep/y.webp", ".hidden/x.jpg", "a/.y.jpg"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photo")
    assert folder.photos(tmp_path) == [Path("a/deep/y.webp"), Path("a/z.PNG"), Path("b.jpg")]
    with pytest.raises(DatasetNotFound, match="no folder"):
        folder.photos(tmp_path / "none")


def test_a_folder_for_each_class_gives_labels(tmp_path):
    for name in ("hat/1.jpg", "hat/2.jpg", "dress/long/3.jpg"):
        save(tmp_path / name)
    loaded = folder.load(tmp_path)
    assert [(r.id, r.labels["category"]) for r in loaded.records] == [
        ("dress/long/3.jpg", "dress"),
        ("hat/1.jpg", "hat"),
        ("hat/2.jpg", "hat"),
    ]
    assert loaded.labels == {"category": ("dress", "hat")}
    assert folder.load(tmp_path, task="kind").labels == {"kind": ("dress", "hat")}


def test_a_flat_folder_gives_photos_without_labels(tmp_path):
    save(tmp_path / "1.jpg")
    save(tmp_path / "more" / "2.jpg")
    loaded = folder.load(tmp_path)
    assert [(r.id, dict(r.labels)) for r in loaded.records] == [("1.jpg", {}), ("more/2.jpg", {})]
    assert loaded.labels == {}


def test_a_table_gives_tasks_groups_and_unknown_labels(tmp_path):
    save(tmp_path / "photos" / "1.jpg")
    save(tmp_path / "photos" / "2.jpg")
    (tmp_path / "all.csv").write_text(
        "photo,category,colour,group\nphotos/2.jpg,hat,red,x\nphotos/1.jpg,dress,,\n\n",
        encoding="utf-8-sig",
    )
    loaded = folder.load(tmp_path / "all.csv")
    assert [(r.id, dict(r.labels), r.group) for r in loaded.records] == [
        ("photos/2.jpg", {"category": "hat", "colour": "red"}, "x"),
        ("photos/1.jpg", {"category": "dress", "colour": None}, None),
    ]
    assert loaded.labels == {"category": ("dress", "hat"), "colour": ("red",)}


def test_written_garments_are_read_back_from_their_table(tmp_path):
    records = list(rendered.render(6, 2, 32))
    rendered.write(records, tmp_path / "drawn")
    loaded = folder.load(tmp_path / "drawn" / "labels.csv")
    assert [r.group for r in loaded.records] == [r.group for r in records]
    for read, drawn in zip(loaded.records, records, strict=True):
        assert read.labels == {task: drawn.labels[task] for task in rendered.LABELS}


def test_photos_that_cannot_be_read_are_skipped_each_with_its_reason(tmp_path):
    good = save(tmp_path / "good.jpg")
    (tmp_path / "cut.jpg").write_bytes(good.read_bytes()[:900])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("not a photo, only named like one")
    loaded = folder.load(tmp_path)
    assert [r.id for r in loaded.records] == ["good.jpg"]
    assert loaded.skipped == {
        tmp_path / "cut.jpg": "truncated or damaged file",
        tmp_path / "empty.png": "empty file",
        tmp_path / "text.jpg": "not an image",
    }
    with pytest.raises(UnreadablePhoto, match=r"cut\.jpg.*truncated"):
        folder.load(tmp_path, strict=True)
    assert len(folder.load(tmp_path, check=False).records) == 4


def test_a_missing_photo_of_a_table_is_named(tmp_path):
    (tmp_path / "all.csv").write_text("photo,category\nnone.jpg,hat\n")
    assert folder.load(tmp_path / "all.csv").skipped == {tmp_path / "none.jpg": "no such file"}


def test_a_table_that_cannot_be_used_is_named(tmp_path):
    table = tmp_path / "all.csv"
    table.write_text("")
    with pytest.raises(InvalidInput, match="is empty"):
        folder.load(table)
    table.write_text("photo,category\n1.jpg\n")
    with pytest.raises(InvalidInput, match="row 2, has 1 values for 2 columns"):
        folder.load(table)
