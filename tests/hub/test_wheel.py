"""What the wheel carries, and that it alone suffices without a network."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from clothzoo import models
from clothzoo.hub import presets, save
from clothzoo.hub.presets import Preset, Source
from tests.hub.samples import environment, write_sample

_PREDICT = """
import clothzoo, keras
from clothzoo.hub import golden, presets, verify
assert str(presets.PACKAGED).startswith({environment!r}), presets.PACKAGED
names = clothzoo.list_presets()
assert names == {names!r}, names
for name in names:
    model = clothzoo.load(name)
    preset = clothzoo.preset(name)
    model.predict(preset.preprocessing(golden.pictures(0)), verbose=0)
assert all(not verdict.problems for verdict in verify())
"""


def build(repository: Path, weights: Path, place: Path) -> Path:
    """A wheel of this checkout with other presets."""
    for name in ("clothzoo", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "hatch_build.py"):
        path = repository / name
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, place / name)
    shutil.copytree(weights, place / "weights")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("*.whl")
    return wheel


def test_small_and_unpublished_presets_are_carried_along(
    repository: Path, copy: Path, tmp_path: Path
) -> None:
    large = copy.with_name("conventional_cnn.large")
    unpublished = copy.with_name("conventional_cnn.unpublished")
    for folder, source in (
        (large, Source("zoo/x", "0" * 40, "0" * 64)),
        (unpublished, Source()),
    ):
        shutil.copytree(copy, folder)
        preset = dataclasses.replace(Preset.read(copy), tag=folder.name.partition(".")[2])
        save(dataclasses.replace(preset, source=source), folder)
        with (folder / presets.WEIGHTS).open("ab") as file:
            file.truncate(9_000_000)
    place = tmp_path / "build"
    place.mkdir()
    with zipfile.ZipFile(build(repository, copy.parent, place)) as wheel:
        carried = {n for n in wheel.namelist() if n.startswith("clothzoo/weights/")}
    assert carried == {
        "clothzoo/weights/conventional_cnn.sample/preset.toml",
        "clothzoo/weights/conventional_cnn.sample/model.safetensors",
        "clothzoo/weights/conventional_cnn.large/preset.toml",
        "clothzoo/weights/conventional_cnn.unpublished/preset.toml",
        "clothzoo/weights/conventional_cnn.unpublished/model.safetensors",
    }


@pytest.mark.long
def test_a_wheel_alone_loads_every_preset_without_a_network(
    repository: Path, tmp_path: Path
) -> None:
    weights, place, home = (tmp_path / name for name in ("weights", "build", "home"))
    for folder in (weights, place, home):
        folder.mkdir()
    names = sorted(write_sample(weights, model_id).name for model_id in models.list_models())
    wheel = build(repository, weights, place)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel]
    subprocess.run(install, check=True, capture_output=True)
    # The dependencies are those of this environment; the package and its weights are the wheel's.
    (site,) = (venv / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    known = environment(home)
    del known["PYTHONPATH"]
    code = _PREDICT.format(environment=str(venv), names=names)
    done = subprocess.run(
        ["unshare", "--map-root-user", "--net", python, "-c", code],
        env=known,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr.startswith("unshare:"):
        pytest.skip(f"no name space without a network: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*.safetensors"))  # read in place, never copied
