from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.hits import Hit
from clothzoo.retrieval.report import (
    Sheet,
    catalogue_facts,
    sheet_of,
    write_page,
    write_picture,
)
from clothzoo.retrieval.report.picture import draw_sheet
from tests.retrieval.colours import extractor, folder_of, picture

HITS = [
    Hit("a/1.jpg", 0.1, {"category": "dress", "kids": False, "price": None}),
    Hit("<b>&.jpg", 0.25, {"category": "hat", "size": "38"}),
    Hit("gone.jpg", 0.5),
]
PHOTOS = {"a/1.jpg": picture(200), "<b>&.jpg": picture(20)}


@pytest.fixture
def sheet() -> Sheet:
    return Sheet(
        query=picture(100),
        hits=HITS,
        photo=PHOTOS.get,
        name="a <red> dress",
        attributes={"category": "dress"},
        answers={"category": [("dress", 0.912), ("skirt", 0.05)]},
    )


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class TestPage:
    @pytest.fixture
    def page(self, sheet: Sheet, tmp_path: Path) -> str:
        path = tmp_path / "page.html"
        write_page(path, [sheet], title="Found & shown", facts={"k": "v<1"}, words=["Some words."])
        return path.read_text(encoding="utf-8")

    def test_needs_nothing_from_outside(self, page: str) -> None:
        assert not re.search(r"https?://|<script|<link|url\(", page)
        sources = [attributes["src"] for tag, attributes in Tags(page).found if tag == "img"]
        assert len(sources) == 3
        assert all(source and source.startswith("data:image/jpeg;base64,") for source in sources)

    def test_is_well_formed_and_every_picture_has_words(self, page: str) -> None:
        tags = Tags(page)
        assert tags.open == []
        alts = [attributes.get("alt") for tag, attributes in tags.found if tag == "img"]
        assert alts == ["Query: a <red> dress", "Hit 1: a/1.jpg", "Hit 2: <b>&.jpg"]
        assert ("html", {"lang": "en"}) in tags.found

    def test_says_what_was_found(self, page: str) -> None:
        for text in ("Found &amp; shown", "v&lt;1", "Some words.", "0.1000", "91 %", "no photo"):
            assert text in page
        assert page.count('class="same"') == 1
        assert "not kids" in page
        assert "size 38" in page
        assert "None" not in page

    def test_says_when_nothing_was_found(self, tmp_path: Path) -> None:
        write_page(tmp_path / "p.html", [Sheet(None, [], PHOTOS.get, "x")])
        assert "Nothing in the catalogue fits." in (tmp_path / "p.html").read_text()


class TestPicture:
    def test_shows_query_and_hits_in_their_colours(self, sheet: Sheet) -> None:
        drawn = np.asarray(draw_sheet(sheet)).astype(int)
        for red in (100, 200, 20):
            near = np.abs(drawn - (red, 90, 60)).max(axis=2) <= 6
            assert near.sum() > 10

    def test_grows_with_the_number_of_hits(self, sheet: Sheet) -> None:
        few = draw_sheet(sheet)
        hits = [Hit(f"{'long name ' * 9}{n}.jpg", n / 10) for n in range(12)]
        many = draw_sheet(Sheet(picture(1), hits, PHOTOS.get, "x" * 300))
        assert many.width > few.width
        assert many.height > 3 * 240
        assert draw_sheet(Sheet(None, [], PHOTOS.get, "x")).width > 420

    def test_is_written_in_the_format_of_its_name(self, sheet: Sheet, tmp_path: Path) -> None:
        for name in ("sheet.png", "sheet.jpg"):
            write_picture(tmp_path / name, sheet)
            with Image.open(tmp_path / name) as written:
                assert written.format == {"png": "PNG", "jpg": "JPEG"}[name[-3:]]


def test_a_search_becomes_a_sheet(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", {"hats/a.png": 10, "hats/b.png": 40})
    engine = RetrievalEngine(extractor())
    engine.add_folder(photos, labels="folders")
    by_id = sheet_of(engine, "hats/a.png", engine.search("hats/a.png"))
    assert by_id.attributes == {"category": "hats"}
    assert by_id.facts(by_id.hits[0]) == [("category", "hats", True)]
    assert by_id.query_thumbnail(8).size == (8, 8)
    by_file = sheet_of(engine, photos / "hats" / "b.png", engine.search(photos / "hats" / "b.png"))
    assert by_file.name == "b.png"
    assert [hit.id for hit in by_file.hits] == ["hats/a.png"]
    assert catalogue_facts(engine)["catalogue"] == "2 photos"


def test_a_photo_that_has_been_damaged_is_left_blank(tmp_path: Path) -> None:
    (tmp_path / "damaged.jpg").write_bytes(b"no picture")
    sheet = Sheet(tmp_path / "damaged.jpg", [], PHOTOS.get, "x")
    assert sheet.query_thumbnail(8) is None
