from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from clothzoo.cli import app
from clothzoo.demo import Size, best_for_photos, run
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of, picture, write


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_drawn_garments_are_indexed_named_found_and_shown(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = run(out, size=Size(garments=20, views=2, queries=3))
    text = page.read_text(encoding="utf-8")
    assert text.count('<section aria-label="Query') == 3
    assert "40 photos" in text
    assert "pattern" in text
    assert (out / "catalogue" / "catalogue.json").is_file()
    said = capsys.readouterr().out
    named = int(said.partition("Of 20 new photos, ")[2].split()[0])
    assert named >= 15


def test_the_users_own_photos_are_shown(out: Path, tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "mine", {"hat/a.png": 10, "hat/b.png": 50, "sock/c.png": 230})
    done = CliRunner().invoke(app, ["demo", "--photos", str(photos), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "sock/c.png" in (out / "report.html").read_text(encoding="utf-8")


def test_one_photo_is_not_enough(out: Path, tmp_path: Path) -> None:
    write(tmp_path / "lonely" / "a.png", picture(1))
    (tmp_path / "lonely" / "b.png").write_bytes(b"no picture")
    done = CliRunner().invoke(
        app, ["demo", "--photos", str(tmp_path / "lonely"), "--out", str(out)]
    )
    assert done.exit_code == 1
    assert "1 readable photo" in done.stderr
    assert "b.png: not an image" in done.stderr


def test_the_preset_that_is_best_on_photos_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tag, dataset, accuracy in (
        ("grey", "fashion_mnist", 0.99),
        ("many", "clothing", 0.95),
        ("fair", "clothing_small", 0.7),
        ("good", "clothing_small", 0.8),
    ):
        write_sample(tmp_path, tag=tag)
        record = tmp_path / f"conventional_cnn.{tag}" / "preset.toml"
        text = record.read_text(encoding="utf-8")
        text = text.replace('dataset = "rendered"', f'dataset = "{dataset}"')
        record.write_text(text.replace("value = 0.5", f"value = {accuracy}"), encoding="utf-8")
    monkeypatch.setattr("clothzoo.hub.presets.roots", lambda: [tmp_path])
    assert best_for_photos() == "conventional_cnn.good"
    for tag in ("fair", "good"):
        (tmp_path / f"conventional_cnn.{tag}" / "preset.toml").unlink()
    assert best_for_photos() == "conventional_cnn.many"
    (tmp_path / "conventional_cnn.many" / "preset.toml").unlink()
    assert best_for_photos() is None
