from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.retrieval.index import Hit
from clothzoo.web import finder as module
from clothzoo.web.choosing import Network, choose
from clothzoo.web.finder import Finder, Photos, caption, friendly
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of, picture, write

PRESET = "conventional_cnn.sample"
LOOKS = {"coarse": {"level": "high"}, "fine": {"level": "low", "metric": "cosine"}}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOTHZOO_WEIGHTS", str(root))
        yield choose(PRESET)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    folder = tmp_path_factory.mktemp("photos")
    folder_of(folder, {"hat/a.png": 10, "hat/b.png": 50, "sock/c.png": 230})
    return Photos(folder, "folders", "three photos")


@pytest.fixture
def finder(network: Network, photos: Photos, tmp_path: Path) -> Iterator[Finder]:
    made = Finder(network, photos, LOOKS, own=tmp_path / "own", catalogues=tmp_path / "kept")
    yield made
    made.close()


@pytest.fixture
def strangers(network: Network, photos: Photos, tmp_path: Path) -> Iterator[Finder]:
    made = Finder(network, photos, LOOKS, own=tmp_path / "own", catalogues=None)
    yield made
    made.close()


def found(finder: Finder, photo: Path, *conditions: str, visitor: str = "") -> list[str]:
    hits = finder.search(photo, "coarse", "euclidean", conditions, visitor=visitor)
    return [hit.id for hit in hits]


def test_names_a_photo_by_task(finder: Finder, photos: Photos) -> None:
    said = finder.classify(photos.folder / "hat/a.png")
    assert list(said) == ["category"]
    assert sum(probability for _, probability in said["category"]) == pytest.approx(1, abs=1e-3)


def test_finds_under_every_look_and_measure(finder: Finder, tmp_path: Path) -> None:
    query = write(tmp_path / "q.png", picture(12))
    distances = set()
    for look in finder.looks:
        for measure in finder.measures:
            hits = finder.search(query, look, measure)
            assert {hit.id for hit in hits} == {"hat/a.png", "hat/b.png", "sock/c.png"}
            assert [h.distance for h in hits] == sorted(h.distance for h in hits)
            distances.add(round(hits[-1].distance, 6))
    assert len(distances) == len(finder.looks) * len(finder.measures)
    assert finder.measure_of("fine") == "cosine"


def test_filters_by_what_is_known(finder: Finder, photos: Photos) -> None:
    assert finder.conditions() == ["category: hat", "category: sock"]
    query = photos.folder / "hat/a.png"
    assert found(finder, query, "category: sock") == ["sock/c.png"]
    assert len(found(finder, query, "category: sock", "category: hat")) == 2
    with pytest.raises(InvalidInput, match="not a condition"):
        found(finder, query, "sock")


def test_what_is_added_is_found_under_every_look_and_after_a_restart(
    finder: Finder, network: Network, photos: Photos, tmp_path: Path
) -> None:
    mine, query = (
        write(tmp_path / "mine.png", picture(120)),
        write(tmp_path / "q.png", picture(121)),
    )
    assert len(found(finder, query)) == 3
    name = finder.add(mine, name="my 'new', hat", category="hat")
    assert finder.add(mine, name="my 'new', hat", category="hat") == name
    assert name in found(finder, query, "source: added here")
    assert name in [hit.id for hit in finder.search(query, "fine", "manhattan")]
    assert finder.picture(name).shape == (16, 16, 3)
    assert len(finder) == 4
    finder.close()
    mine.unlink()
    again = Finder(network, photos, LOOKS, own=tmp_path / "own", catalogues=tmp_path / "kept")
    (hit,) = again.search(query, "fine", "cosine", ["source: added here"])
    assert (hit.id, hit.attributes["name"]) == (name, "my 'new', hat")
    again.close()


def test_without_a_category_the_network_gives_one(finder: Finder, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.png", picture(120))
    finder.add(mine)
    with (tmp_path / "own" / "labels.csv").open(newline="") as table:
        (row,) = csv.DictReader(table)
    assert row["category"] == finder.classify(mine)["category"][0][0]


def test_strangers_see_their_own_photos_only_until_they_leave(
    strangers: Finder, tmp_path: Path
) -> None:
    mine, query = (
        write(tmp_path / "mine.png", picture(120)),
        write(tmp_path / "q.png", picture(121)),
    )
    name = strangers.add(mine, visitor="../ann")
    assert name in found(strangers, query, visitor="../ann")
    assert name not in found(strangers, query, visitor="bob")
    assert "source: added here" in strangers.conditions("../ann")
    assert "source: added here" not in strangers.conditions("bob")
    assert (tmp_path / "own" / Path(name).name).is_file()
    strangers.forget("bob")
    assert name in found(strangers, query, visitor="../ann")
    strangers.forget("../ann")
    assert name not in found(strangers, query, visitor="../ann")
    assert not (tmp_path / "own" / Path(name).name).exists()


def test_a_bad_file_is_named_and_nothing_is_added(finder: Finder, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xffno picture")
    for ask in (finder.classify, finder.add, lambda photo: found(finder, photo)):
        with pytest.raises(UnreadablePhoto, match="truncated or damaged") as caught:
            ask(tmp_path / "bad.jpg")
        assert friendly(caught.value).startswith("“bad.jpg” cannot be used: truncated")
    assert len(finder) == 3


def test_a_photo_has_bounds(
    finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large.png"
    Image.new("1", (10_000, 6_000)).save(large)
    with pytest.raises(UnreadablePhoto, match="more than 52 megapixels"):
        finder.classify(large)
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(UnreadablePhoto, match="MB"):
        finder.check(write(tmp_path / "heavy.png", picture(3)))


def test_so_many_may_be_added_and_no_more(
    finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OWN", 1)
    finder.add(write(tmp_path / "1.png", picture(1)))
    with pytest.raises(InvalidInput, match="as many as this page keeps"):
        finder.add(write(tmp_path / "2.png", picture(2)))
    with pytest.raises(InvalidInput, match="one line"):
        finder.add(tmp_path / "1.png", name="two\nlines")


def test_names_that_do_not_exist_are_refused(finder: Finder, photos: Photos) -> None:
    for look, measure in (("nowhere", "cosine"), ("fine", "yards")):
        with pytest.raises(InvalidInput, match="there are: "):
            finder.search(photos.folder / "hat/a.png", look, measure)


def test_a_catalogue_needs_two_photos(network: Network, tmp_path: Path) -> None:
    folder_of(tmp_path / "one", {"a.png": 1})
    photos = Photos(tmp_path / "one", None, "one photo")
    with pytest.raises(InvalidInput, match=r"has 1 readable photo"):
        Finder(network, photos, LOOKS, own=tmp_path / "own", catalogues=None)


def test_a_caption_says_place_kind_and_distance() -> None:
    hit = Hit("x/1.jpg", 0.12345, {"category": "hat", "colour": "red", "sleeve": None})
    assert caption(hit, 3) == "3 · red hat · 0.123"
    assert caption(Hit("x/1.jpg", 0.5), 1) == "1 · 1 · 0.500"
