from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from clothzoo.datasets import clothing, clothing_small, folds
from clothzoo.errors import DatasetNotFound, InvalidInput

ROWS = [
    ("a1", "46", "T-Shirt", "False"),
    ("a2", "7", "Dress", "True"),
    ("a3", "7", "Not sure", "True"),
    ("a4", "8", "Hat", "False"),
    ("lost", "8", "Hat", "False"),
]


def lay_out(folder: Path, photos: str = "images") -> Path:
    (folder / photos).mkdir(parents=True)
    for name, *_ in ROWS[:-1]:
        Image.new("RGB", (8, 8)).save(folder / photos / f"{name}.jpg")
    lines = ["image,sender_id,label,kids", *(",".join(row) for row in ROWS)]
    (folder / "images.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def real(clothzoo_data, monkeypatch) -> Path:
    monkeypatch.setenv("CLOTHZOO_DATA", str(clothzoo_data))
    return clothzoo_data


def test_the_full_set_has_its_counts_and_no_sender_on_both_sides(real):
    train, test, excluded = (clothing.load(split) for split in clothing.SPLITS)
    everything = [*train, *test, *excluded]
    assert len(everything) == 5_398
    assert clothing.missing() == []
    assert len({r.id for r in everything}) == 5_398
    assert sum(r.group in clothing.TEST_SENDERS for r in everything) == 991
    assert sum(r.labels["kids"] for r in everything) == 476
    assert {r.labels["category"] for r in train} == set(clothing.LABELS["category"])
    assert len(clothing.LABELS["category"]) == 17
    assert {r.group for r in test} == clothing.TEST_SENDERS
    assert not {r.group for r in train} & clothing.TEST_SENDERS
    assert Counter(r.labels["excluded"] for r in excluded) == {
        "Not sure": 228,
        "Other": 67,
        "Skip": 7,
    }
    assert all(r.image.is_file() for r in everything)


def test_the_small_set_has_its_counts_and_test_senders_of_its_own(real):
    train, validation, test = (clothing_small.load(split) for split in clothing_small.SPLITS)
    assert [len(train), len(validation), len(test)] == [3_068, 341, 372]
    for records in (train, validation, test):
        assert {r.labels["category"] for r in records} == set(clothing_small.LABELS["category"])
        assert all(r.image.is_file() for r in records)
    assert {r.group for r in test} == clothing.TEST_SENDERS
    assert not {r.group for r in [*train, *validation]} & clothing.TEST_SENDERS
    assert len({r.group for r in train} & {r.group for r in validation}) == 113


def test_nobody_of_the_small_test_split_is_in_the_full_training_split(real):
    tested = {r.id for r in clothing_small.load("test")}
    assert tested <= {r.id for r in clothing.load("test")}
    assert not tested & {r.id for r in clothing.load("train")}


def test_folds_keep_senders_whole_and_classes_even(real):
    records = clothing.load("train")
    pairs = folds(records, k=5, seed=1)
    held = [r.id for _, validation in pairs for r in validation]
    assert sorted(held) == sorted(r.id for r in records)
    for train, validation in pairs:
        assert not {r.group for r in train} & {r.group for r in validation}
        assert len(train) + len(validation) == len(records)
        assert 0.14 < len(validation) / len(records) < 0.27
        shirts = sum(r.labels["category"] == "T-Shirt" for r in validation)
        assert 0.13 < shirts / 901 < 0.28
        assert len({r.labels["category"] for r in validation}) >= 16
    assert [[r.id for r in v] for _, v in pairs] == [
        [r.id for r in v] for _, v in folds(records, k=5, seed=1)
    ]


@pytest.mark.parametrize("photos", ["images", "images_compressed", "images_original"])
def test_rows_without_a_photo_are_left_out_and_counted(tmp_path, photos):
    lay_out(tmp_path, photos)
    assert [r.id for r in clothing.load("train", folder=tmp_path)] == ["a2", "a4"]
    assert [r.id for r in clothing.load("test", folder=tmp_path)] == ["a1"]
    excluded = clothing.load("excluded", folder=tmp_path)
    assert [(r.id, dict(r.labels), r.group) for r in excluded] == [
        ("a3", {"category": None, "kids": True, "excluded": "Not sure"}, "7")
    ]
    assert clothing.missing(folder=tmp_path) == ["lost"]


def test_the_full_set_is_downloaded_in_upstreams_layout_and_checked(
    tmp_path, cache, server, monkeypatch
):
    lay_out(tmp_path / "clothing-dataset-7ed86a9")
    with zipfile.ZipFile(server.folder / "full.zip", "w") as archive:
        for path in sorted((tmp_path / "clothing-dataset-7ed86a9").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    with pytest.raises(DatasetNotFound, match="4 labelled photos where at least 5,000"):
        clothing.load("train", source=f"{server.url}/full.zip")
    monkeypatch.setattr(clothing, "_FEWEST", 4)
    assert len(clothing.load("train", source=f"{server.url}/full.zip")) == 2
    assert server.requests == ["/full.zip"]
    assert (cache / "clothing-dataset" / "images" / "a1.jpg").is_file()


def test_the_small_set_is_downloaded_in_upstreams_layout_with_its_senders(
    tmp_path, cache, server, monkeypatch
):
    (server.folder / "images.csv").write_text("image,sender_id,label,kids\np1,5,Hat,False\n")
    with zipfile.ZipFile(server.folder / "small.zip", "w") as archive:
        for split, name in (("train", "p1"), ("train", "p2"), ("validation", "p3"), ("test", "p4")):
            archive.writestr(f"clothing-dataset-small-1/{split}/hat/{name}.jpg", b"jpeg")
    addresses = {
        "source": f"{server.url}/small.zip",
        "senders": f"{server.url}/images.csv",
    }
    with pytest.raises(DatasetNotFound, match="2 photos in 'train' where 3,068"):
        clothing_small.load("train", **addresses)
    monkeypatch.setattr(clothing_small, "SIZES", {"train": 2, "validation": 1, "test": 1})
    records = clothing_small.load("train", **addresses)
    assert [(r.id, r.labels["category"], r.group) for r in records] == [
        ("p1", "hat", "5"),
        ("p2", "hat", None),
    ]
    with pytest.raises(InvalidInput, match="'p2' has no group"):
        folds(records)


def test_what_is_not_the_data_set_is_named(tmp_path):
    with pytest.raises(DatasetNotFound, match=r"no images\.csv"):
        clothing.load("train", folder=tmp_path)
    (tmp_path / "images.csv").write_text("image,sender_id,label,kids\n")
    with pytest.raises(DatasetNotFound, match="no folder images"):
        clothing.load("train", folder=tmp_path)
    with pytest.raises(DatasetNotFound, match=r"neither small_split\.csv nor"):
        clothing_small.load("train", folder=tmp_path)
    with pytest.raises(InvalidInput, match="no split 'validation'"):
        clothing.load("validation", folder=tmp_path)
    with pytest.raises(InvalidInput, match="did you mean 'train'"):
        clothing_small.load("trian", folder=tmp_path)
    lay_out(tmp_path / "other")
    table = tmp_path / "other" / "images.csv"
    table.write_text(table.read_text().replace("Dress", "Curtain"))
    with pytest.raises(DatasetNotFound, match="unknown label 'Curtain'"):
        clothing.load("train", folder=tmp_path / "other")


def test_more_folds_than_groups_are_refused(tmp_path):
    records = clothing.load("train", folder=lay_out(tmp_path))
    with pytest.raises(InvalidInput, match="2 groups cannot make 5 folds"):
        folds(records)
    assert len(folds(records, 2)) == 2
