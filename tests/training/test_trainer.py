from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy

import clothzoo
from clothzoo.errors import InvalidInput, RunMismatch, TrainingDiverged
from clothzoo.hub.presets import Preset
from clothzoo.training import checkpoints, load_recipe, train, trainer
from clothzoo.training.data import DataRecipe, Splits, splits
from clothzoo.training.recipes import DistillationRecipe, LossRecipe

from .samples import small_recipe


class PowerCut(BaseException):
    """What ends a run in the middle of an epoch."""


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(folder / "conventional_cnn.small" / "model.safetensors")


def test_a_run_ends_with_a_complete_preset(run: tuple[Path, Preset]) -> None:
    folder, preset = run
    names = {path.name for path in (folder / preset.name).iterdir()}
    assert names == {"preset.toml", "README.md", "model.safetensors", "history.csv"}
    assert preset.weights.parameters == sum(w.size for w in weights_of(folder).values())
    assert len(preset.labels["category"]) == 10
    assert preset.unknown is not None
    assert preset.unknown.kept >= 0.95
    assert preset.training.versions["keras"] == keras.__version__
    model = clothzoo.load(folder / preset.name)
    assert model.input_shape == (None, 32, 32, 3)


def test_the_log_has_a_row_for_each_epoch(run: tuple[Path, Preset]) -> None:
    with (run[0] / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"} <= set(
        rows[0]
    )
    assert float(rows[-1]["learning_rate"]) == 0


def test_the_curves_are_drawn(run: tuple[Path, Preset]) -> None:
    assert (run[0] / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_recipe_is_kept_with_the_run(run: tuple[Path, Preset]) -> None:
    assert load_recipe(run[0] / "recipe.toml") == small_recipe()


@pytest.mark.backend
def test_a_run_that_was_interrupted_ends_with_the_same_weights(
    run: tuple[Path, Preset],
    garments: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = 0

    def cut(self: object, batch: int, logs: object = None) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:  # the second epoch's second batch
            raise PowerCut

    monkeypatch.setattr(checkpoints.Checkpoint, "on_train_batch_end", cut, raising=False)
    with pytest.raises(PowerCut):
        train(small_recipe(), data=garments, out=tmp_path / "cut", verbose=False)
    monkeypatch.undo()
    train(small_recipe(), data=garments, out=tmp_path / "cut", resume=True, verbose=False)

    whole, resumed = weights_of(run[0]), weights_of(tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)


def test_a_finished_run_that_is_resumed_gives_the_same_preset_again(
    run: tuple[Path, Preset], garments: Path
) -> None:
    again = train(small_recipe(), data=garments, out=run[0], resume=True, verbose=False)
    assert again.sha256 == run[1].sha256


def test_a_run_that_diverges_says_so_and_keeps_what_it_had(
    run: tuple[Path, Preset], garments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(self: keras.callbacks.Callback, epoch: int, logs: object = None) -> None:
        if epoch == 1:
            bias = self.model.network.trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.nan, np.float32))

    monkeypatch.setattr(checkpoints.Checkpoint, "on_epoch_begin", explode)
    with pytest.raises(TrainingDiverged, match="became nan in epoch 2"):
        train(small_recipe(), data=garments, out=tmp_path / "run", verbose=False)
    monkeypatch.undo()
    train(small_recipe(), data=garments, out=tmp_path / "run", resume=True, verbose=False)
    for name, values in weights_of(run[0]).items():
        np.testing.assert_array_equal(weights_of(tmp_path / "run")[name], values, err_msg=name)


def test_a_run_is_not_begun_over_another_one(run: tuple[Path, Preset], garments: Path) -> None:
    with pytest.raises(RunMismatch, match="resume=True"):
        train(small_recipe(), data=garments, out=run[0])
    with pytest.raises(RunMismatch, match="another recipe"):
        train(small_recipe(seed=4), data=garments, out=run[0], resume=True)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunMismatch, match="something else"):
        train(small_recipe(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_single_task_network_does_not_take_two_tasks(garments: Path, tmp_path: Path) -> None:
    recipe = small_recipe(data=DataRecipe("folder", ("category", "colour"), 0.25))
    with pytest.raises(InvalidInput, match="learns one task"):
        train(recipe, data=garments, out=tmp_path / "run")


def test_rare_classes_count_more() -> None:
    records = [clothzoo.datasets.Record("", {"t": "a"}, str(n)) for n in range(9)]
    records += [clothzoo.datasets.Record("", {"t": label}, str(label)) for label in ("b", None)]
    parts = Splits(records, [], {"t": ("a", "b")})
    assert trainer.class_weights(parts, 0) is None
    whole = trainer.class_weights(parts, 1)
    assert whole is not None
    common, rare = whole["t"]
    assert rare == pytest.approx(9 * common)
    assert 9 * common + rare == pytest.approx(10)


@pytest.mark.parametrize("weighting", ["uncertainty", "dwa"])
def test_several_tasks_are_learnt_together(
    weighting: str, run: tuple[Path, Preset], garments: Path, tmp_path: Path
) -> None:
    """`sleeve` is unknown for most garments; a teacher helps with `category`."""
    recipe = small_recipe(
        preset="shared_multitask_cnn.small",
        epochs=2,
        arguments={"trunk": "conventional_cnn", "trunk_arguments": {"width": 0.25}},
        data=DataRecipe("folder", ("category", "sleeve"), 0.25),
        loss=LossRecipe(label_smoothing=0.0, class_weights=0.5, weighting=weighting),
        distillation=DistillationRecipe({"category": str(run[0] / run[1].name)}, 2.0, 0.5),
    )
    parts = splits(recipe.data, garments, recipe.seed)
    learner, rows = trainer.fit(recipe, parts, tmp_path, verbose=False)
    teacher = learner.teachers["category"](np.ones((1, 32, 32, 3), np.float32))
    assert not np.isclose(keras.ops.convert_to_numpy(teacher).sum(), 1)  # logits
    assert np.isfinite([value for row in rows for value in row.values()]).all()
    assert {"category_loss", "sleeve_loss", "category_accuracy", "sleeve_accuracy"} <= set(rows[0])
    if weighting == "uncertainty":
        assert learner.log_variances.numpy().any()
    if weighting == "dwa":
        np.testing.assert_allclose(
            learner.task_losses.numpy(),
            [[row["category_loss"], row["sleeve_loss"]] for row in rows],
            rtol=1e-5,
        )


def test_the_body_may_learn_more_slowly_than_the_head(garments: Path, tmp_path: Path) -> None:
    recipe = small_recipe(
        epochs=1,
        optimizer=dataclasses.replace(
            small_recipe().optimizer, name="adamw", body_rate=1e-9, warmup=0.0, weight_decay=0.0
        ),
    )
    keras.utils.set_random_seed(recipe.seed)
    parts = splits(recipe.data, garments, recipe.seed)
    untrained = trainer.network_of(recipe, parts)
    learner, _ = trainer.fit(recipe, parts, tmp_path, verbose=False)
    moved = {
        before.path: float(np.abs(before.numpy() - after.numpy()).max())
        for before, after in zip(
            untrained.trainable_variables, learner.network.trainable_variables, strict=True
        )
    }
    assert moved.pop("predictions/kernel") > 1e-3
    assert moved.pop("predictions/bias") > 1e-3
    assert max(moved.values()) < 1e-5


def test_what_was_learnt_in_bfloat16_is_published_in_float32(
    garments: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(epochs=1, dtype="mixed_bfloat16")
    parts = splits(recipe.data, garments, recipe.seed)
    learner, _ = trainer.fit(recipe, parts, tmp_path, verbose=False)
    assert {layer.compute_dtype for layer in learner.network.layers} == {"float32"}
    assert {v.dtype for v in learner.network.trainable_variables} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    (tmp_path / "exact").mkdir()
    exact, _ = trainer.fit(
        dataclasses.replace(recipe, dtype=None), parts, tmp_path / "exact", verbose=False
    )
    moved = [
        float(np.abs(a.numpy() - b.numpy()).max())
        for a, b in zip(
            learner.network.trainable_variables, exact.network.trainable_variables, strict=True
        )
    ]
    assert 0 < max(moved) < 0.05  # rounded differently in each step, to nearly the same end
