"""Hits show themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.retrieval.hits import Hit, Hits

HITS = [
    Hit("a<b>.jpg", 0.125, {"category": "dress & co", "kids": True}),
    Hit("c.jpg", 0.5, {"price": 10}),
]


def test_a_dataframe_has_a_row_a_hit_and_a_column_an_attribute() -> None:
    frame = Hits(HITS).to_dataframe()
    assert list(frame.columns) == ["id", "distance", "category", "kids", "price"]
    assert frame["id"].tolist() == ["a<b>.jpg", "c.jpg"]
    assert frame["distance"].tolist() == [0.125, 0.5]
    assert frame["price"].tolist()[1] == 10


def test_no_hits_make_an_empty_dataframe_and_page() -> None:
    assert list(Hits().to_dataframe().columns) == ["id", "distance"]
    assert Hits().to_html() == "<div></div>"


def test_html_escapes_what_users_have_written() -> None:
    page = Hits(HITS).to_html()
    assert "a&lt;b&gt;.jpg" in page
    assert "dress &amp; co" in page
    assert "<b>" not in page
    assert "0.1250" in page


def test_html_shows_the_photos_that_there_are(tmp_path: Path) -> None:
    Image.fromarray(np.full((300, 400, 3), 200, np.uint8)).save(tmp_path / "c.jpg")
    photos = {"c.jpg": tmp_path / "c.jpg", "a<b>.jpg": tmp_path / "moved.jpg"}
    page = Hits(HITS, photo=photos.get).to_html()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "cannot be read" in page
    assert "<img" not in Hits(HITS, photo=lambda name: None).to_html()


def test_show_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    Hits(HITS).show()
    printed = capsys.readouterr().out
    assert "c.jpg" in printed
    assert "0.5000" in printed
    assert "price" in printed
