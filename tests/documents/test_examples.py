"""Every example runs without a network, says what it does, and draws something worth seeing."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.documents.blocks import ROOT
from tests.hub.loopback_hub import LoopbackHub
from tests.hub.samples import environment

EXAMPLES = ROOT / "examples"
PRESET = "conventional_cnn.fashion_mnist"

Main = Callable[..., None]


def example(name: str) -> Main:
    main: Main = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    return main


def check_picture(path: Path) -> None:
    """It opens, and is not of one colour."""
    with Image.open(path) as picture:
        assert min(picture.size) > 100
        assert np.asarray(picture.convert("L")).std() > 5


@pytest.fixture(autouse=True)
def _only_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", "")


def test_load_and_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("load_and_predict")(PRESET, None, tmp_path / "answers.png")
    check_picture(tmp_path / "answers.png")
    assert "Its limits: " in capsys.readouterr().out


def test_retrieval_keeps_its_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = example("retrieval")
    main(PRESET, None, None, tmp_path, 5, 15)
    assert capsys.readouterr().out.startswith("45 added")
    main(PRESET, None, None, tmp_path, 5, 15)
    assert capsys.readouterr().out.startswith("0 added, 45 unchanged")
    check_picture(tmp_path / "hits.png")


def test_retrieval_takes_photos_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (64, 64), colour).save(photos / f"{number}.png")
    example("retrieval")(PRESET, photos, photos / "0.png", tmp_path / "run", 2, 0)
    assert "0.png" not in capsys.readouterr().out.splitlines()[1]
    check_picture(tmp_path / "run" / "hits.png")


def test_compare_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("compare_measures")(PRESET, "low+high", None, None, tmp_path / "measures.png", 4)
    out = capsys.readouterr().out
    assert [name for name in ("euclidean", "cosine", "manhattan", "braycurtis") if name in out]
    assert out.count("nearest [") == 4
    check_picture(tmp_path / "measures.png")


@pytest.mark.long
def test_multitask_learns_all_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("multitask")(tmp_path, 2000, 6)
    lines = [line for line in capsys.readouterr().out.splitlines() if "named right" in line]
    right = {line.partition(":")[0]: int(line.split()[1].rstrip("%")) for line in lines}
    assert right["category"] > 40  # one in ten by chance
    assert right["colour"] > 40  # one in thirteen
    assert right["pattern"] > 40  # one in three
    check_picture(tmp_path / "answers.png")


def test_bring_your_own_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example("bring_your_own_model")("small", None, 48, tmp_path, 20, 1)
    assert "described by 'features'" in capsys.readouterr().out
    check_picture(tmp_path / "hits.png")


def test_bring_your_own_model_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(8, 3, name="first"),
            keras.layers.Conv2D(4, 3, name="second"),
        ]
    )
    model.save(tmp_path / "mine.keras")
    main = example("bring_your_own_model")
    main(str(tmp_path / "mine.keras"), "first", 32, tmp_path / "run", 10, 1)
    assert "described by 'first'" in capsys.readouterr().out


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        yield server


@pytest.mark.long
def test_publish_goes_to_a_hub_and_comes_back(hub: LoopbackHub, tmp_path: Path) -> None:
    # The client reads its settings when it is imported: a process of its own.
    given = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_writer"}
    options = ["--out", "run", "--to", "zoo", "--garments", "40", "--epochs", "1", "--publish"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "publish.py"), *options],
        cwd=tmp_path,
        env=environment(tmp_path, CLOTHZOO_RUNTIME=os.environ["CLOTHZOO_RUNTIME"], **given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Published: zoo/inception_residual_cnn.drawn as v1" in done.stdout
    repository = hub.repositories["zoo/inception_residual_cnn.drawn"]
    assert {"README.md", "model.safetensors", "preset.toml"} <= set(repository.commits[-1].files)
    check_picture(tmp_path / "run" / "card.png")


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in EXAMPLES.glob("*.py")), ids=lambda name: name
)
def test_every_example_is_run_here_or_beside_its_part(name: str) -> None:
    tests = [*(ROOT / "tests").rglob("test_*.py")]
    assert any(
        f'example("{name}")' in text or f'"{name}.py"' in text
        for text in (path.read_text(encoding="utf-8") for path in tests)
    ), f"no test runs examples/{name}.py"
