from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from clothzoo.errors import PresetNotFound
from clothzoo.hub import presets, pull, save, table, verify
from clothzoo.hub.presets import Golden, Preset, Source


def problems(name: str, *, run: bool = False) -> str:
    (verdict,) = verify(name, run=run)
    return "; ".join(verdict.problems)


def test_the_table_says_what_and_where(copy: Path) -> None:
    (row,) = table("*.sample")
    assert (row.preset.name, row.where, row.figures) == (copy.name, "bundled", "accuracy 0.500")
    published = Source("zoo/x", "0" * 40, "0" * 64)
    save(dataclasses.replace(row.preset, source=published), copy)
    (copy / presets.WEIGHTS).unlink()
    assert table("*.sample")[0].where == "hub"


def test_pulling_gives_verified_paths_and_names_what_matches_nothing(copy: Path) -> None:
    assert list(pull("*.sample")) == [(copy.name, copy / presets.WEIGHTS)]
    with pytest.raises(PresetNotFound, match=r"no preset matches '\*\.smaple'"):
        list(pull("*.smaple"))


def test_a_sound_preset_has_no_problems(copy: Path) -> None:
    assert problems(copy.name, run=True) == ""


def test_a_preset_that_is_only_on_the_hub_is_passed_over(copy: Path) -> None:
    published = Source("zoo/x", "0" * 40, "0" * 64)
    save(dataclasses.replace(Preset.read(copy), source=published), copy)
    (copy / presets.WEIGHTS).unlink()
    assert list(verify(copy.name)) == []


def test_each_kind_of_damage_is_named(copy: Path) -> None:
    good = Preset.read(copy)
    (copy / presets.CARD).write_text("edited")
    assert "never edited by hand" in problems(copy.name)
    counted = dataclasses.replace(good.weights, parameters=7, tensors="0" * 64)
    save(dataclasses.replace(good, weights=counted), copy)
    assert "parameters, expected 7" in problems(copy.name)
    assert "tensor table" in problems(copy.name)
    save(dataclasses.replace(good, tag="other"), copy)
    assert "its record says conventional_cnn.other" in problems(copy.name)
    rows = tuple(tuple(v + 0.1 for v in row) for row in good.golden.logits["category"])
    save(dataclasses.replace(good, golden=Golden(0, {"category": rows})), copy)
    assert "golden outputs are off by 0.1" in problems(copy.name, run=True)
    save(good, copy)
    path = copy / presets.WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    assert "expected 323,854 bytes, found 323,853" in problems(copy.name)
    path.unlink()
    assert "no weights for" in problems(copy.name)
