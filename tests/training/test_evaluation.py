from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import clothzoo
from clothzoo.datasets import Record, folder
from clothzoo.errors import InvalidInput
from clothzoo.hub.presets import Preset
from clothzoo.logits import energy, softmax
from clothzoo.training import (
    compare,
    cross_validate,
    cross_validation,
    evaluate,
    fine_tuning_recipe,
    measures,
    relative_gain,
    train,
)
from clothzoo.training.calibration import energy_threshold
from clothzoo.training.cross_validation import OutOfFold

from .samples import small_recipe


def test_an_evaluation_agrees_with_the_published_model(
    run: tuple[Path, Preset], garments: Path, tmp_path: Path
) -> None:
    place = run[0] / run[1].name
    found = evaluate(place, "folder", data=garments)
    (report,) = found.tasks.values()
    records = folder.load(garments).records
    model = clothzoo.load(place)
    scores = model.predict(run[1].preprocessing([r.image for r in records]), verbose=0)
    names = [run[1].labels["category"][i] for i in scores.argmax(axis=1)]
    right = np.mean([n == r.labels["category"] for n, r in zip(names, records, strict=True)])
    assert report.figures["accuracy"] == pytest.approx(right)
    truth = measures.targets(records, "category", run[1].labels["category"])
    assert report.figures["calibration_error"] == pytest.approx(
        measures.calibration_error(truth, scores.astype(float)), abs=1e-5
    )
    assert report.n == report.confusion.sum() == len(records)
    assert report.groups == 30
    low, high = report.intervals["accuracy"]
    assert low <= right <= high
    assert json.loads(json.dumps(found.to_json()))["tasks"]["category"]["n"] == len(records)
    assert [len(rows) for _, _, rows in found.tables()] == [len(report.figures), 10]
    assert [path.name for path in found.draw(tmp_path)] == ["confusion_category.png"]


def test_figures_are_written_into_the_record_and_replace_older_ones(
    run: tuple[Path, Preset], garments: Path, tmp_path: Path
) -> None:
    place = tmp_path / run[1].name
    shutil.copytree(run[0] / run[1].name, place)
    for _ in range(2):
        found = evaluate(place, "folder", data=garments, write=True)
    record = Preset.read(place)
    assert record.metrics == found.metrics()
    assert "flip_averaged_accuracy" in (place / "README.md").read_text()


def test_a_preset_of_unnamed_photos_asks_what_to_measure_on(run: tuple[Path, Preset]) -> None:
    with pytest.raises(InvalidInput, match="name the data to measure on"):
        evaluate(run[0] / run[1].name)


def test_folds_measure_every_picture_once(
    garments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe(epochs=1)
    found = cross_validate(recipe, data=garments, out=tmp_path, k=2, verbose=False)
    monkeypatch.delattr(cross_validation, "fit")  # what is finished is not even restored
    again = cross_validate(recipe, data=garments, out=tmp_path, k=2, verbose=False)
    figures = found.evaluation()
    assert figures.tasks["category"].n == 60
    assert figures.split == "out of 2 folds"
    assert again.evaluation().to_json() == figures.to_json()
    assert compare(found, {"category": found}) == (0, (0, 0))


def test_a_preset_is_tuned_to_other_classes(
    run: tuple[Path, Preset], garments: Path, tmp_path: Path
) -> None:
    with garments.open() as stream:
        rows = list(csv.DictReader(stream))
    table = garments.parent / "two.csv"
    with table.open("w") as stream:
        out = csv.writer(stream)
        out.writerow(["image", "category", "group"])
        out.writerows(
            (r["image"], r["category"], r["group"])
            for r in rows
            if r["category"] in ("dress", "hat")
        )
    recipe = fine_tuning_recipe(run[0] / run[1].name, "two", epochs=1, batch=4)
    preset = train(recipe, data=table, out=tmp_path / "run", verbose=False)
    assert preset.name == "conventional_cnn.two"
    assert preset.labels == {"category": ("dress", "hat")}
    assert preset.arguments["width"] == 0.25


def test_relative_gain_is_the_mean_over_the_tasks() -> None:
    gain = relative_gain({"a": 0.88, "b": 0.5}, {"a": 0.8, "b": 0.5})
    assert gain == pytest.approx(0.05)
    with pytest.raises(InvalidInput, match="tasks differ"):
        relative_gain({"a": 1}, {"b": 1})


def test_networks_are_compared_on_the_same_pictures_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    labels = {"category": ("a", "b", "c"), "kids": (False, True)}
    truth = [
        {"category": "abc"[n % 3], **({} if n % 4 == 0 else {"kids": n % 5 == 0})}
        for n in range(200)
    ]
    records = [
        Record(Path(), said_of, f"{n}", f"sender {n % 9}") for n, said_of in enumerate(truth)
    ]

    def said(task: str, noise: float) -> np.ndarray:
        right = measures.targets(records, task, labels[task])
        logits = np.eye(len(labels[task]))[np.maximum(right, 0)] / noise
        return softmax(logits + rng.normal(0, 1, logits.shape))

    def out_of_fold(scores: dict[str, np.ndarray], order: np.ndarray | None = None) -> OutOfFold:
        order = np.arange(len(records)) if order is None else order
        scores = {task: of[order] for task, of in scores.items()}
        known = {task: labels[task] for task in scores}
        return OutOfFold(small_recipe(), 5, [records[n] for n in order], known, scores, scores)

    together = out_of_fold({"category": said("category", 0.3), "kids": said("kids", 0.3)})
    alone = {
        task: out_of_fold({task: said(task, 0.6)}, rng.permutation(len(records))) for task in labels
    }
    expected = relative_gain(
        {t: _figure(together, t) for t in labels}, {t: _figure(alone[t], t) for t in labels}
    )
    gain, (low, high) = compare(together, alone)
    assert gain == pytest.approx(expected)
    assert 0 < low < gain < high
    with pytest.raises(InvalidInput, match="no single-task network for 'kids'"):
        compare(together, {"category": alone["category"]})
    short = dataclasses.replace(alone["kids"], records=alone["kids"].records[:-1])
    with pytest.raises(InvalidInput, match="other pictures"):
        compare(together, {**alone, "kids": short})


def _figure(found: OutOfFold, task: str) -> float:
    name = "accuracy" if task == "category" else "average_precision"
    return found.evaluation().tasks[task].figures[name]


def test_the_threshold_lets_the_given_part_of_garments_pass() -> None:
    logits = np.random.default_rng(0).normal(0, 9, (1000, 5))
    found = energy_threshold({"": logits}, kept=0.9, on="drawn")
    np.testing.assert_allclose(energy(logits), np.log(np.exp(logits).sum(axis=1)))
    assert found.kept == pytest.approx(0.9, abs=0.002)
    assert np.mean(energy(logits) >= found.threshold) == found.kept
