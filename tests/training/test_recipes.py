from __future__ import annotations

from pathlib import Path

import pytest

from clothzoo.errors import InvalidInput, RecipeNotFound
from clothzoo.models import architecture
from clothzoo.training import list_recipes, load_recipe

from .samples import small_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_a_shipped_recipe_makes_the_preset_it_is_named_after(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.preset == name
    assert architecture(recipe.architecture).multi_task == (len(recipe.data.tasks) > 1)


def test_a_recipe_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(small_recipe(weights="imagenet").to_toml())
    assert load_recipe(path) == small_recipe(weights="imagenet")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 3", "epoch = 3", "unknown key 'epoch'; did you mean 'epochs'"),
        ("label_smoothing = 0.05", "smoothing = 0.05", "unknown key 'loss.smoothing'"),
        ('name = "sgd"', 'name = "sdg"', "no optimizer 'sdg'; did you mean 'sgd'"),
        ('weighting = "sum"', 'weighting = "mean"', "no weighting 'mean'"),
        ("warmup = 0.25", "warmup = 2.5", "'optimizer.warmup' must be from 0 to 1"),
        ("batch = 16", "batch = 0", "'batch' must be at least 1"),
        ('preset = "conventional_cnn.small"', 'preset = "x"', "must be <architecture>.<tag>"),
        ("seed = 3", "", "missing key 'seed'"),
        ("seed = 3", 'seed = 3\ndtype = "bfloat16"', "did you mean 'mixed_bfloat16'"),
        ("flip = 0.5", "flipp = 0.5", "unknown key 'augmentation.flipp'; did you mean 'flip'"),
    ],
)
def test_a_fault_in_a_recipe_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = small_recipe().to_toml()
    assert old in text
    path = tmp_path / "faulty.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidInput) as caught:
        load_recipe(path)
    assert message in str(caught.value)
    assert "faulty.toml" in str(caught.value)


def test_a_recipe_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(RecipeNotFound, match=r"did you mean 'conventional_cnn.fashion_mnist'"):
        load_recipe("conventional_cnn.fashion_mnits")
