from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import pytest
import yaml
from PIL import Image

from clothzoo.hub import card, presets
from clothzoo.hub.presets import Preset, Source


def front_matter(text: str) -> dict[str, object]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_the_front_matter_has_what_the_hub_reads(copy: Path) -> None:
    found = front_matter(card.render(Preset.read(copy)))
    assert found["library_name"] == "keras"
    assert found["pipeline_tag"] == "image-classification"
    assert found["license"] == "apache-2.0"
    assert found["datasets"] == ["rendered"]
    assert found["metrics"] == ["accuracy"]
    (entry,) = found["model-index"]  # type: ignore[misc]
    assert entry["results"][0]["metrics"][0]["value"] == 0.5


def test_the_page_says_what_the_record_says(copy: Path) -> None:
    preset = Preset.read(copy)
    text = card.render(preset)
    for said in (preset.summary, preset.intended_use, preset.limits, preset.sha256, "category 2"):
        assert said in text
    assert "| rendered | test | 10 | category | accuracy | 0.5000 | 0.4000 – 0.6000 |" in text
    assert (copy / presets.CARD).read_text() == text


def test_a_published_preset_shows_how_keras_alone_loads_it(copy: Path) -> None:
    preset = Preset.read(copy)
    assert "hf://" not in card.render(preset)
    published = dataclasses.replace(preset, source=Source("zoo/x", "0" * 40, "0" * 64))
    assert 'load_model("hf://zoo/x")' in card.render(published)


@pytest.mark.parametrize("labels", [1, 2])
def test_the_snippet_runs(
    copy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    labels: int,
) -> None:
    preset = Preset.read(copy)
    if labels == 2:
        from tests.hub.samples import write_sample

        preset = write_sample(copy.parent, "shared_multitask_cnn")
    Image.new("RGB", (40, 60), "red").save(tmp_path / "photo.jpg")
    script = tmp_path / "snippet.py"
    script.write_text(card.render(preset).split("```python\n")[1].split("```")[0])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    assert "category" in capsys.readouterr().out
