"""Every code block of README.md and docs/ runs, page by page, on drawn garments."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from clothzoo.datasets import rendered
from tests.documents.blocks import ROOT, Block, WrongBlock, blocks, run

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [page for page in PAGES if blocks(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages speak of: photos/ with a folder for each class, and query.jpg."""
    folder = tmp_path_factory.mktemp("stock")
    for record in rendered.render(20, views=2, size=96):
        place = folder / "photos" / str(record.labels["category"])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(record.image).save(place / f"{record.id}.jpg")
    (query,) = rendered.render(1, views=1, size=96, seed=1)
    Image.fromarray(query.image).save(folder / "query.jpg")
    return folder


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run(
    page: Path,
    stock: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "here"
    shutil.copytree(stock, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", "")
    run(page, blocks(page.read_text(encoding="utf-8")))


def test_a_page_with_code_is_found() -> None:
    names = {page.name for page in WITH_CODE}
    assert {"README.md", "getting-started.md", "retrieval.md", "publishing.md"} <= names


PAGE = """
Text.

```python title="needs a network"
raise RuntimeError
```

- A list:

    ```sh
    clothzoo \\
      presets  # all of them
    ```
"""


def test_blocks_know_their_line_and_what_they_need() -> None:
    assert blocks(PAGE) == [
        Block("python", "raise RuntimeError\n", 5, "needs a network"),
        Block("sh", "clothzoo \\\n  presets  # all of them\n", 11, ""),
    ]
    run(Path("page.md"), blocks(PAGE))


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("```python\n1 / 0\n```", "division by zero"),
        ("```sh\nclothzoo presets --al\n```", "exit code 2"),
        ("```sh\nclothzoo verify no.such\nclothzoo classify a.jpg -p no.such\n```", "exit code 1"),
        ('```sh title="needs it"\nclothzoo presets --al\n```', "--al"),
        ('```sh title="needs it"\nclothzoo preset\n```', "no command 'preset'"),
        ("```sh\npip install 'clothzoo[tensorflow,fats]'\n```", "no extra 'fats'"),
        ("```sh\nmake tets\n```", "no target 'tets'"),
        ("```sh\npython examples/finetun.py\n```", "no file 'examples/finetun.py'"),
        ("```sh\nclotzhoo presets\n```", "'clotzhoo'"),
        ("```pyhton\nx = 1\n```", "'pyhton'"),
    ],
)
def test_a_wrong_block_is_found(code: str, complaint: str) -> None:
    with pytest.raises((WrongBlock, ZeroDivisionError), match=complaint):
        run(Path("page.md"), blocks(code + "\n"))
