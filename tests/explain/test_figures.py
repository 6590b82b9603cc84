"""The figures, and the commands that write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import clothzoo
from clothzoo import explain
from clothzoo.errors import InvalidInput
from clothzoo.explain import LayerScore
from clothzoo.preprocessing import Preprocessing
from tests.explain.networks import exchanging
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of
from tests.test_cli import run

PRESET = "conventional_cnn.sample"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    return root


@pytest.fixture(autouse=True)
def _presets(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(samples))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shades = {f"{'abc'[n % 3]}/{n}.png": 20 * n for n in range(12)}
    return folder_of(tmp_path_factory.mktemp("photos"), shades)


@pytest.fixture(scope="module")
def catalogue(photos: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogues") / "c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOTHZOO_WEIGHTS", str(samples))
        done = run("index", photos, "--into", path, "--extractor", PRESET, "--labels", "folders")
    assert done.exit_code == 0, done.output
    return path


def texts(figure: Figure) -> list[str]:
    """All texts of a figure, none of which may be cut off at its edge."""
    # Not canvas.draw(): a figure that is bound to no backend lays nothing out by that.
    figure.draw_without_rendering()
    page = figure.bbox
    off = [axis for axes in figure.axes if not axes.axison for axis in (axes.xaxis, axes.yaxis)]
    hidden = {id(text) for axis in off for text in axis.findobj(Text)}
    found = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]
    for text in found:
        box = text.get_window_extent()
        inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        assert inside, f"{text.get_text()!r} is cut off"
    return [text.get_text() for text in found]


class TestOverlay:
    def test_hot_places_take_the_colour_of_heat(self) -> None:
        photo = np.full((4, 6, 3), 128, np.uint8)
        heat = np.zeros((4, 6), np.float32)
        heat[1, 2] = 1
        found = explain.overlay(photo, heat, strength=1)
        assert (found.mode, found.size) == ("RGB", (6, 4))
        assert found.getpixel((2, 1)) == (253, 231, 37)  # viridis ends there
        plain = explain.overlay(photo, heat, strength=0)
        assert plain.getextrema() == ((128, 128),) * 3

    def test_a_map_of_another_photo_is_refused(self) -> None:
        photo = np.zeros((4, 6, 3), np.uint8)
        with pytest.raises(InvalidInput, match="6 × 4 pixels, but the photo 4 × 6"):
            explain.overlay(photo, np.zeros((6, 4), np.float32))
        with pytest.raises(InvalidInput, match="from 0 to 1"):
            explain.overlay(photo, np.zeros((4, 6), np.float32), strength=2)


class TestFigures:
    def test_a_photo_s_figure_names_classes_and_layers(self, photos: Path) -> None:
        figure = explain.photo_figure(PRESET, photos / "a/0.png", top=2, occlusion=True)
        found = texts(figure)
        (first, probability), _ = clothzoo.classify(photos / "a/0.png", PRESET, top=2)
        assert f"{first}\n{probability:.1%}" in found
        assert "conv5\n7 × 7 × 96" in found
        assert any(text.startswith(f"covered: {first}") for text in found)

    def test_each_task_has_a_row_or_one_alone(self, photos: Path) -> None:
        model = exchanging()

        def names(**given: object) -> list[str]:
            return texts(
                explain.photo_figure(
                    model,
                    photos / "a/0.png",
                    preprocessing=Preprocessing(size=(8, 8), color="grey"),
                    labels={"category": ["hat", "sock", "shoe"], "kids": ["no", "yes"]},
                    **given,
                )
            )

        assert {"category", "kids"} <= set(names(top=2))
        alone = names(label="yes")
        assert "category" not in alone
        assert sum(text.startswith("yes\n") for text in alone) == 1

    def test_the_curve_of_abstraction_has_a_place_for_each_layer(self) -> None:
        scores = [LayerScore(f"mixed{n}", 8, n / 12, 0.1, n / 15, 0.1) for n in range(11)]
        found = texts(explain.probe_figure(scores, "A network on some photos"))
        assert {score.level for score in scores} <= set(found)

    def test_a_map_has_thumbnails_in_the_colours_of_an_attribute(self, catalogue: Path) -> None:
        with clothzoo.RetrievalEngine.open(catalogue) as engine:
            laid_out = explain.catalogue_map(engine)
            figure = explain.catalogue_figure(engine, laid_out, attribute="category")
        assert {"a", "b", "c", "category"} <= set(texts(figure))
        (axes,) = figure.axes
        shown = [tuple(np.round(box.xy, 6)) for box in axes.artists]
        assert len(set(shown)) == len(shown) > 5  # none hides another

    def test_no_hits_cannot_be_explained(self, catalogue: Path, photos: Path) -> None:
        with (
            clothzoo.RetrievalEngine.open(catalogue) as engine,
            pytest.raises(InvalidInput, match="no hit to explain"),
        ):
            explain.similarity_figure(engine, photos / "a/0.png", [])

    def test_a_file_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        figure = explain.probe_figure([LayerScore("conv1", 8, 0.5, 0.1, 0.4, 0.1)])
        with pytest.raises(InvalidInput, match=r"did you mean 'png'"):
            explain.save(figure, tmp_path / "fig.pmg")
        with pytest.raises(InvalidInput, match="no such folder"):
            explain.save(figure, tmp_path / "none" / "fig.png")
        explain.save(figure, tmp_path / "fig.png")
        assert [path.name for path in tmp_path.iterdir()] == ["fig.png"]


class TestCommands:
    def test_explain_writes_a_figure(self, photos: Path, tmp_path: Path) -> None:
        out = tmp_path / "fig.png"
        done = run("explain", photos / "a/0.png", "--preset", PRESET, "--out", out, "--top", 1)
        assert done.exit_code == 0, done.output
        assert str(out) in done.stderr
        with Image.open(out) as picture:
            assert min(picture.size) > 500

    def test_explain_says_in_one_line_what_is_wrong(self, photos: Path, tmp_path: Path) -> None:
        bad, out = tmp_path / "bad.jpg", tmp_path / "fig.png"
        bad.write_bytes(b"no photo")
        for arguments, message in (
            ([bad, "-p", PRESET], "not an image"),
            ([photos / "a/0.png", "-p", "conventional_cnn.sampel"], "did you mean"),
            ([photos / "a/0.png", "-p", PRESET, "--label", "category 9"], "did you mean"),
            ([photos / "a/0.png", "-p", PRESET, "--level", "hihg"], "did you mean 'high'"),
        ):
            done = run("explain", *arguments, "--out", out)
            assert done.exit_code == 1
            assert message in done.stderr
            assert done.stderr.count("\n") == 1
        assert not out.exists()

    def test_search_says_why(self, catalogue: Path, photos: Path, tmp_path: Path) -> None:
        why = tmp_path / "why.png"
        done = run("search", photos / "a/0.png", "--in", catalogue, "-k", 2, "--why", why)
        assert done.exit_code == 0, done.output
        assert len(done.stdout.splitlines()) == 3
        assert str(why) in done.stderr
        with Image.open(why) as picture:
            assert min(picture.size) > 500

    def test_search_without_hits_writes_no_figure(self, catalogue: Path, tmp_path: Path) -> None:
        why = tmp_path / "why.png"
        done = run("search", "a/0.png", "--in", catalogue, "--where", "category=none", "--why", why)
        assert done.exit_code == 0, done.output
        assert not why.exists()
