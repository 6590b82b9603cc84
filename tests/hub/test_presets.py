from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clothzoo
from clothzoo.errors import InvalidInput, PresetNotFound
from clothzoo.hub import presets
from clothzoo.hub.presets import Preset, Source
from tests.hub.samples import environment


def test_the_record_says_what_the_file_is(copy: Path) -> None:
    preset = clothzoo.preset(copy.name)
    assert preset.name == "conventional_cnn.sample"
    assert preset.labels == {"category": ("category 0", "category 1", "category 2")}
    assert preset.weights.size == (copy / presets.WEIGHTS).stat().st_size
    assert preset.licence == "Apache-2.0"
    assert preset.preprocessing.shape == (28, 28, 1)
    assert preset.arguments == {"input_shape": (28, 28, 1), "classes": 3}


def test_a_record_is_frozen_and_comes_back_as_it_went(copy: Path) -> None:
    preset = Preset.read(copy)
    assert Preset.parse(preset.to_toml()) == preset
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset.tag = "other"  # type: ignore[misc]


def test_presets_are_listed_by_pattern(copy: Path) -> None:
    shutil.copytree(copy, copy.with_name("conventional_cnn.other"))
    assert clothzoo.list_presets("*.sample") == ["conventional_cnn.sample"]
    assert {"conventional_cnn.other", "conventional_cnn.sample"} <= set(clothzoo.list_presets())


def test_a_name_that_is_nearly_right_gets_a_suggestion(copy: Path) -> None:
    with pytest.raises(PresetNotFound, match=r"did you mean 'conventional_cnn\.sample'"):
        clothzoo.preset("conventoinal_cnn.sample")


def test_a_folder_is_a_name_too(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOTHZOO_WEIGHTS")
    assert clothzoo.preset(copy).tag == "sample"
    with pytest.raises(PresetNotFound):
        clothzoo.preset(copy.parent)


def test_the_first_root_wins(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tmp_path / "first"
    shutil.copytree(copy, first / copy.name)
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", f"{first}:{copy.parent}")
    assert presets.folder(copy.name).parent == first


def test_the_checkouts_weights_come_before_the_packages(repository: Path) -> None:
    roots = presets.roots()
    assert roots[0] == repository / "weights"
    assert repository / "clothzoo" / "weights" == presets.PACKAGED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2 is not 1.*upgrade clothzoo"),
        ({"tag": "Fashion"}, "snake case"),
        ({"source": Source("a/b", "main")}, "source.commit.*not 'main'"),
        ({"source": Source("a/b", "0" * 40, "xyz")}, "source.record"),
        ({"labels": {"category": ("a", "b")}}, "golden.logits.category"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    copy: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(Preset.read(copy), **change)  # type: ignore[arg-type]


def test_a_damaged_record_is_named(copy: Path) -> None:
    path = copy / presets.RECORD
    path.write_text(path.read_text().replace("sha256 =", "sha265 =", 1))
    with pytest.raises(InvalidInput, match=r"preset\.toml: unknown key 'weights.sha265'"):
        clothzoo.preset(copy.name)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="not TOML"):
        clothzoo.preset(copy.name)


def test_the_registry_does_not_import_keras(copy: Path, tmp_path: Path) -> None:
    code = (
        "import sys, clothzoo; from clothzoo.hub import table\n"
        f"assert clothzoo.list_presets() and clothzoo.preset({copy.name!r}) and table()\n"
        "assert 'keras' not in sys.modules, 'keras'"
    )
    known = environment(tmp_path, CLOTHZOO_WEIGHTS=str(copy.parent))
    subprocess.run([sys.executable, "-c", code], env=known, check=True)
