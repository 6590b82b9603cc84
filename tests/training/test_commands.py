from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clothzoo.cli import app
from clothzoo.hub.presets import Preset

from .samples import small_recipe


@pytest.fixture
def cli() -> CliRunner:
    return CliRunner()


def test_train_says_where_the_preset_is(cli: CliRunner, garments: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(small_recipe(epochs=1).to_toml())
    words = ["train", str(recipe), "--data", str(garments), "--out", str(tmp_path / "run")]
    result = cli.invoke(app, words)
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "run" / "conventional_cnn.small") in result.output.replace("\n", "")
    again = cli.invoke(app, words)
    assert again.exit_code == 1
    assert "--resume" in again.output


def test_evaluate_prints_tables_or_json(
    cli: CliRunner, run: tuple[Path, Preset], garments: Path, tmp_path: Path
) -> None:
    words = ["evaluate", str(run[0] / run[1].name), "--dataset", "folder", "--data", str(garments)]
    plain = cli.invoke(app, [*words, "--pictures", str(tmp_path / "pictures")])
    assert plain.exit_code == 0, plain.output
    assert "accuracy\t" in plain.output
    assert (tmp_path / "pictures" / "confusion_category.png").is_file()
    found = json.loads(cli.invoke(app, [*words, "--json"]).output)
    assert found["tasks"]["category"]["n"] == 60


def test_an_unknown_recipe_is_answered_with_the_nearest(cli: CliRunner) -> None:
    result = cli.invoke(app, ["train", "conventional_cnn.fashion"])
    assert result.exit_code == 1
    assert "did you mean 'conventional_cnn.fashion_mnist'" in result.output
