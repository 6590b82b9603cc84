from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from clothzoo.errors import ArchitectureNotFound, InvalidInput, WeightsMismatch
from clothzoo.hub import golden, presets, save
from clothzoo.hub.presets import Preset, Source
from tests.hub.samples import write_sample

COMMIT = "a" * 40


def test_a_folder_is_complete_and_loads(copy: Path) -> None:
    assert {p.name for p in copy.iterdir()} == {presets.RECORD, presets.WEIGHTS, presets.CARD}
    preset = Preset.read(copy)
    assert golden.drift(preset, (copy / presets.WEIGHTS).read_bytes()) < 1e-5
    assert preset.weights.parameters > 100_000
    assert len(preset.golden.logits["category"]) == 4


def test_an_unpublished_preset_is_replaced_and_keeps_its_number(copy: Path) -> None:
    before = Preset.read(copy)
    after = write_sample(copy.parent, seed=1)
    assert after.sha256 != before.sha256
    assert (after.revision, after.earlier) == (1, ())


def test_a_published_preset_gets_the_next_number_and_is_remembered(copy: Path) -> None:
    first = Preset.read(copy)
    published = Source("zoo/x", COMMIT, "b" * 64, ("https://example.org",))
    save(dataclasses.replace(first, source=published), copy)
    second = write_sample(copy.parent, seed=1, changed="longer")
    assert (second.revision, second.changed) == (2, "longer")
    assert second.source == Source("zoo/x", mirrors=("https://example.org",))
    (old,) = second.earlier
    assert (old.revision, old.commit, old.sha256) == (1, COMMIT, first.sha256)
    again = write_sample(copy.parent, seed=2, changed="longer still")
    assert (again.revision, again.earlier) == (2, second.earlier)


def test_the_same_weights_stay_published(copy: Path) -> None:
    published = Source("zoo/x", COMMIT, "b" * 64)
    save(dataclasses.replace(Preset.read(copy), source=published), copy)
    assert write_sample(copy.parent).source == published


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "conventional_cnn.sample"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="holds other files"):
        write_sample(tmp_path)
    assert [p.name for p in foreign.iterdir()] == ["thesis.txt"]


def test_a_name_that_is_no_presets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="snake case"):
        write_sample(tmp_path, tag="Mine!")
    assert not list(tmp_path.iterdir())


def test_arguments_that_do_not_make_the_model_are_refused(copy: Path, tmp_path: Path) -> None:
    import keras

    from clothzoo import models
    from clothzoo.hub import write_preset

    preset = Preset.read(copy)
    told = {f: getattr(preset, f) for f in ("labels", "preprocessing", "summary", "intended_use")}
    told |= {f: getattr(preset, f) for f in ("limits", "licence", "data", "training")}
    model = models.ConventionalCNN(input_shape=(28, 28, 1), classes=3, width=0.5)
    for folder, error in (
        ("conventional_cnn.a", WeightsMismatch),
        ("conventional_dnn.a", ArchitectureNotFound),
    ):
        with pytest.raises(error):
            write_preset(tmp_path / folder, model, arguments=preset.arguments, **told)
        assert not (tmp_path / folder).exists()
    assert isinstance(model, keras.Model)


def test_the_training_log_comes_along(copy: Path, tmp_path: Path) -> None:
    from clothzoo import load
    from clothzoo.hub import write_preset

    preset = Preset.read(copy)
    told = {f: getattr(preset, f) for f in ("labels", "preprocessing", "summary", "intended_use")}
    told |= {f: getattr(preset, f) for f in ("limits", "licence", "data", "training", "arguments")}
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\n0,1.5\n")
    folder = tmp_path / "conventional_cnn.logged"
    write_preset(folder, load(copy), history=log, dtype="float32", **told)
    assert (folder / presets.HISTORY).read_text() == log.read_text()
    assert Preset.read(folder).weights.size > preset.weights.size * 1.9
