from __future__ import annotations

from pathlib import Path

import pytest

from clothzoo.datasets import Record
from clothzoo.errors import InvalidInput
from clothzoo.training import data
from clothzoo.training.data import evaluation_records, held_out, splits
from clothzoo.training.recipes import DataRecipe


def test_what_is_held_out_are_whole_groups(garments: Path) -> None:
    parts = splits(DataRecipe("folder", ("category",), 0.3), garments, seed=1)
    train, validation = ({r.group for r in part} for part in (parts.train, parts.validation))
    assert not train & validation
    assert len(parts.train) + len(parts.validation) == 60
    assert 0.3 <= len(parts.validation) / 60 < 0.35


def test_something_is_left_to_train_on() -> None:
    kept, out = held_out([Record("", {}, str(n), "one") for n in range(4)], 3, seed=0)
    assert len(kept) == 4
    assert not out


def test_drawn_garments_need_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_DRAWN", {"train": (48, 1, 32, 1), "test": (6, 2, 32, 0)})
    parts = splits(DataRecipe("rendered", ("pattern", "sleeve"), 8), None, seed=1)
    assert list(parts.labels) == ["pattern", "sleeve"]
    assert len(parts.validation) == 8
    assert len(evaluation_records("rendered")) == 12


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (DataRecipe("fashion_minst", ("category",), 0), "did you mean 'fashion_mnist'"),
        (DataRecipe("folder", ("categry",), 0), "no labels for the task 'categry'; did you mean"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_one(
    recipe: DataRecipe, message: str, garments: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        splits(recipe, garments, seed=1)


def test_own_photos_need_a_place() -> None:
    with pytest.raises(InvalidInput, match="say where"):
        splits(DataRecipe("folder", ("category",), 0), None, seed=1)


def test_the_public_splits_keep_apart(clothzoo_data: Path) -> None:
    fashion = splits(DataRecipe("fashion_mnist", ("category",), 0), None, seed=1)
    assert (len(fashion.train), len(fashion.validation)) == (55_000, 5_000)
    small = splits(DataRecipe("clothing_small", ("category",), 0), None, seed=1)
    assert (len(small.train), len(small.validation)) == (3_409, 0)
    testers = {r.group for r in evaluation_records("clothing_small")}
    full = splits(DataRecipe("clothing", ("category", "kids"), 0.2), None, seed=1)
    for record in (*small.train, *full.train, *full.validation):
        assert record.group not in testers
