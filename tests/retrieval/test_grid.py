from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets.record import Record
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.retrieval import grid
from clothzoo.retrieval.assessment import assess
from clothzoo.retrieval.composition import Composition
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.evaluation import MEASURES, Relevance, judge
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.figures import bars, curves, heat_map
from clothzoo.retrieval.pooled import Pooled, everything, extract
from tests.retrieval.colours import Colours, extractor, picture

RECORDS = [Record(picture(10 * n), {"kind": "ab"[n % 2]}, str(n), str(n // 2)) for n in range(20)]


class Levels(Colours):
    """Two parts: the quarters' colours as the level "low", their mean as "high"."""

    dim = 15

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        quarters = super().__call__(batch)
        mean = quarters.reshape(len(batch), 4, 3).mean(axis=1)
        return np.concatenate([quarters, mean], axis=1)


def levels(network: Levels | None = None) -> Extractor:
    parts = everything([("low", "grid2"), ("high", "max")])
    plain = extractor(network or Levels())
    return Extractor(
        plain._network,
        plain.preprocessing,
        plain.fingerprint,
        composition=Composition(parts, (12, 3)),
        batch_size=4,
    )


class TestPooled:
    def test_coarser_grids_are_made_of_finer_ones(self) -> None:
        values = np.random.default_rng(0).random((3, 4 * 4 * 2 + 2))
        kept = Pooled((("low", "grid4", 32), ("low", "max", 2)), values)
        cells = values[:, :32].reshape(3, 4, 4, 2)
        quarters = cells.reshape(3, 2, 2, 2, 2, 2).mean(axis=(2, 4)).reshape(3, -1)
        np.testing.assert_allclose(kept.part("low", "grid2"), quarters, rtol=1e-6)
        np.testing.assert_allclose(kept.part("low", "avg"), cells.mean(axis=(1, 2)), rtol=1e-6)
        np.testing.assert_allclose(kept.part("low", "max"), values[:, 32:], rtol=1e-6)
        short = kept.compose(Descriptor("low", "fold1"))
        np.testing.assert_allclose(short[:, 0], 2 * values[:, :32].mean(axis=1), rtol=1e-5)
        with pytest.raises(InvalidInput, match="low grid3 was not pooled; there are: low grid4"):
            kept.part("low", "grid3")

    def test_goes_on_where_it_was_broken_off(self, tmp_path: Path) -> None:
        path = tmp_path / "maps.npy"
        records = RECORDS * 20  # 400, and it notes every 256
        whole = extract(levels(), records).values
        with pytest.raises(KeyboardInterrupt):
            extract(levels(Levels(breaks_after=300)), records, path)
        rest = Levels()
        found = extract(levels(rest), records, path)
        assert rest.described == 400 - 256
        np.testing.assert_allclose(found.values, whole, rtol=1e-3)
        again = Levels()
        extract(levels(again), records, path)
        assert again.described == 0
        extract(levels(again), RECORDS, path)
        assert again.described == 20  # other records: nothing of it can be used

    def test_says_what_it_cannot_do(self) -> None:
        with pytest.raises(InvalidInput, match="as they are pooled"):
            extract(extractor(), RECORDS)
        with pytest.raises(UnreadablePhoto, match="gone"):
            extract(levels(), [Record(Path("gone.jpg"), {}, "x")])


class TestGrid:
    CELLS = grid.cells(("low",), ("grid2", "avg"), ("none", "l1"), ("cosine", "braycurtis"))

    def test_every_cell_is_judged_once(self, tmp_path: Path, monkeypatch) -> None:
        kept, alike = extract(levels(), RECORDS), Relevance.of(RECORDS, ["kind"])
        path = tmp_path / "grid.parquet"
        first = grid.run(self.CELLS[:4], kept, alike, path, k=3)
        counted: list[str] = []

        def counting(vectors: np.ndarray, relevance: Relevance, metric: str, *, k: int) -> object:
            counted.append(metric)
            return judge(vectors, relevance, metric, k=k)

        monkeypatch.setattr(grid, "judge", counting)
        rows = grid.run(self.CELLS, kept, alike, path, k=3)
        assert len(counted) == 4
        assert rows[:4] == first
        assert grid.read(path) == rows
        for cell, row in zip(self.CELLS, rows, strict=True):
            found = judge(kept.compose(cell.descriptor), alike, cell.metric, k=3)
            assert {name: row[name] for name in MEASURES} == {n: found[n] for n in MEASURES}
            assert row["low"] - 1e-9 <= row["P@k"] <= row["high"] + 1e-9
            assert row["dim"] == (12 if cell.pooling == "grid2" else 3)

    def test_results_of_other_photos_are_not_mixed_in(self, tmp_path: Path) -> None:
        kept, path = extract(levels(), RECORDS), tmp_path / "grid.parquet"
        alike = Relevance.of(RECORDS, ["kind"])
        grid.run(self.CELLS[:1], kept, alike, path)
        with pytest.raises(InvalidInput, match="other photos, labels or k"):
            grid.run(self.CELLS[:1], kept, alike, path, k=3)

    def test_pictures_are_drawn(self, tmp_path: Path) -> None:
        kept, alike = extract(levels(), RECORDS), Relevance.of(RECORDS, ["kind"])
        heat_map(grid.run(self.CELLS, kept, alike), tmp_path / "grid.png", title="t")
        curves(
            [("a", [0.1, 0.2], [(0.0, 0.2), (0.1, 0.3)])],
            ("low", "high"),
            tmp_path / "curves.png",
            label="mAP@R",
        )
        bars([("a", 0.1, -0.1, 0.3)], tmp_path / "bars.png", label="ahead by", title="t")
        for name in ("grid", "curves", "bars"):
            with Image.open(tmp_path / f"{name}.png") as drawn:
                assert min(drawn.size) > 100


def test_an_assessment_has_quality_and_cost() -> None:
    found = assess(levels(), RECORDS, ["kind"], metric="braycurtis", k=3)
    vectors = levels().describe([record.image for record in RECORDS])
    expected = judge(vectors, Relevance.of(RECORDS, ["kind"]), "braycurtis", k=3)
    assert found.to_json()["alike"]["kind"]["figures"] == {n: expected[n] for n in MEASURES}
    assert found.bytes_each == 4 * 15
    assert found.speed > 0 < found.milliseconds
    (title, columns, rows), (_, _, cost) = found.tables()
    assert "alike by kind" in title
    assert columns[-1] == "95 % by 10 groups"
    assert rows[0][:2] == ("P@3", f"{expected['P@k']:.4f}")
    assert cost[0] == ("bytes a photo", "60")
