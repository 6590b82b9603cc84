"""The demo page in a real browser: Debian's Chromium, driven by Playwright.

Pictures of the page are kept in `build/screenshots/`. Checks of axe-core need its `axe.min.js`,
e.g. by `npm pack axe-core`; CLOTHZOO_AXE says where it is.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from clothzoo.demo import Size
from clothzoo.web import serving

gradio = pytest.importorskip("gradio", reason="the extra demo is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="the extra browser is missing")

pytestmark = pytest.mark.long
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
PATIENCE = 120_000  # milliseconds, for a machine that does much else
VIEWS = {"desktop": (1280, 900), "phone": (390, 844)}
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def url(out: Path) -> Iterator[str]:
    address = serving.Address(port=0)
    found = serving.finder(out, size=Size(garments=40, views=2))
    with serving.listen(address) as listening:
        server = serving.server(found, address)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = server.force_exit = True
        thread.join()
    found.close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(params=VIEWS)
def page(request: pytest.FixtureRequest, browser, url: str):
    width, height = VIEWS[request.param]
    opened = opened_page(browser, url, width, height)
    opened.view = request.param
    yield opened
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = request.node.name.split("[")[0].removeprefix("test_")
    opened.screenshot(path=PICTURES / f"{name}-{request.param}.png", full_page=True)
    opened.context.close()


def opened_page(browser, url: str, width: int = 1280, height: int = 900, **given):
    page = browser.new_context(viewport={"width": width, "height": height}, **given).new_page()
    page.set_default_timeout(PATIENCE)
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(url)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    return page


def upload(page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(path)


def captions(page) -> list[str]:
    return page.locator("#hits .caption-label").all_inner_texts()


def search(page, path: Path) -> list[str]:
    """Upload a photo and wait for its look-alikes."""
    upload(page, path)
    page.get_by_text("Choose a look-alike").wait_for()
    return captions(page)


def choose(page, dropdown: str, words: str) -> None:
    page.locator(f"{dropdown} input").click()
    page.get_by_role("option", name=words, exact=True).click()


def wait_for_other(page, before: list[str]) -> list[str]:
    page.wait_for_function(
        """before => {
          const now = [...document.querySelectorAll("#hits .caption-label")].map(e => e.innerText);
          return now.length && now.join() !== before.join();
        }""",
        arg=before,
    )
    return captions(page)


def test_a_photo_is_named_and_its_look_alikes_are_explained(page, url: str, out: Path) -> None:
    hits = search(page, out / "queries" / "00003-2.jpg")
    assert len(hits) == 12
    assert hits[0].startswith("1 · ")
    assert page.locator("#task-0 h2").inner_text()
    for picture in page.locator("img").all():
        assert picture.get_attribute("alt")
    assert page.locator("#hits button").first.get_attribute("aria-label") == hits[0]

    page.locator("#ask-class").click()
    page.wait_for_selector("#class-map img")
    page.locator("#hits button").nth(1).click()
    page.wait_for_selector("#why-query img")
    page.wait_for_selector("#why-hit img")
    assert "look-alike 2 alike" in page.locator("#why-words").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= VIEWS[page.view][0]
    assert [asked for asked in page.asked if not asked.startswith((url, "data:", "blob:"))] == []


def test_look_measure_and_filter_change_what_is_found(page, out: Path) -> None:
    first = search(page, out / "queries" / "00004-2.jpg")
    choose(page, "#measure", "Manhattan")
    second = wait_for_other(page, first)
    choose(page, "#look", "same kind")
    third = wait_for_other(page, second)
    choose(page, "#conditions", "category: hat")
    hats = wait_for_other(page, third)
    assert all(" hat · " in caption for caption in hats)


def test_the_page_works_by_keyboard_alone(page, out: Path) -> None:
    page.locator("#examples button").nth(1).focus()
    page.keyboard.press("Enter")
    page.get_by_text("Choose a look-alike").wait_for()
    page.locator("#hits button").nth(2).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#why-hit img")
    assert "look-alike 3 alike" in page.locator("#why-words").inner_text()


def test_bad_files_are_refused_in_words(page, out: Path, tmp_path: Path) -> None:
    whole = (out / "queries" / "00003-2.jpg").read_bytes()
    (tmp_path / "torn.jpg").write_bytes(whole[: len(whole) // 3])
    Image.new("L", (10_000, 6_000)).save(tmp_path / "sixty.png")
    (tmp_path / "heavy.jpg").write_bytes(whole + bytes(21 * 2**20))
    (tmp_path / "notes.txt").write_text("no picture")
    for name, words in (
        ("torn.jpg", "“torn.jpg” cannot be used: truncated or damaged file."),
        ("sixty.png", "“sixty.png” cannot be used: more than 52 megapixels."),
    ):
        upload(page, tmp_path / name)
        page.get_by_role("alert").get_by_text(words).wait_for()
    for name, words in (("heavy.jpg", "exceed the maximum"), ("notes.txt", "Invalid file type")):
        upload(page, tmp_path / name)
        page.get_by_text(words).first.wait_for()
    assert len(search(page, out / "queries" / "00003-2.jpg")) == 12
    assert page.get_by_role("alert").get_by_text("cannot be used").count() == 0


def test_two_visitors_do_not_disturb_one_another(browser, url: str, out: Path) -> None:
    queries = [out / "queries" / f"0000{number}-2.jpg" for number in (1, 8)]
    visitors = [opened_page(browser, url) for _ in queries]
    for visitor, query in zip(visitors, queries, strict=True):
        upload(visitor, query)
    found = []
    for visitor in visitors:
        visitor.get_by_text("Choose a look-alike").wait_for()
        found.append(captions(visitor))
    for visitor, query, before in zip(visitors, queries, found, strict=True):
        visitor.context.close()
        alone = opened_page(browser, url)
        assert search(alone, query) == before
        alone.context.close()
    assert found[0] != found[1]


def test_an_added_photo_is_found(browser, url: str, out: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.jpg"
    query = out / "queries" / "00007-2.jpg"
    Image.open(query).save(mine, quality=60)
    page = opened_page(browser, url)
    search(page, mine)
    page.get_by_text("Add your photo to the catalogue").click()
    page.locator("#name textarea, #name input").fill("the one I like")
    page.locator("#add").click()
    page.get_by_text("Added.").wait_for()
    page.context.close()
    page = opened_page(browser, url)
    assert search(page, query)[0].startswith("1 · the one I like")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_findings(browser, url: str, out: Path, scheme: str) -> None:
    axe = os.environ.get("CLOTHZOO_AXE")
    if not axe:
        pytest.skip("CLOTHZOO_AXE does not name an axe.min.js")
    page = opened_page(browser, url, *VIEWS["phone"], color_scheme=scheme)
    page.wait_for_selector("#photo button[aria-label^='Photo of a garment']")  # our names are set
    for step in ("empty", "full"):
        if step == "full":
            search(page, out / "queries" / "00003-2.jpg")
            page.locator("#hits button").first.click()
            page.wait_for_selector("#why-hit img")
            page.get_by_text("Add your photo to the catalogue").click()
            page.locator("#add").wait_for()
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run()")["violations"]
        serious = [(f["id"], f["nodes"][0]["html"]) for f in found if f["impact"] in _SERIOUS]
        assert not serious, (step, serious)
    page.context.close()


_SERIOUS = ("serious", "critical")
