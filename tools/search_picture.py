"""Make the picture of README.md: a search over drawn garments, as the project's own contact sheet.

    python tools/search_picture.py [--garment 25]

The network is that of `clothzoo demo`, which has learnt from other drawings than these. All
garments are searched for by a photo that is not in the catalogue, and one of these searches becomes
the picture.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from PIL import Image

from clothzoo import RetrievalEngine
from clothzoo.datasets import rendered
from clothzoo.demo import FOR_DRAWINGS
from clothzoo.retrieval.report import Sheet, write_picture

ROOT = Path(__file__).resolve().parents[1]
_GARMENTS, _VIEWS, _SIDE = 100, 3, 420


def main() -> None:
    """Draw, index, search, and write docs/images/search.png."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--garment", type=int, default=25, help="the one that is searched for")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "search.png")
    options = parser.parse_args()
    records = list(rendered.render(_GARMENTS, _VIEWS + 1, _SIDE))
    asked = [record for record in records if record.id.endswith(f"-{_VIEWS}")]
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        rendered.write((record for record in records if record not in asked), photos)
        with RetrievalEngine(FOR_DRAWINGS, level="low+high", metric="braycurtis") as engine:
            engine.add_folder(photos, labels=photos / "labels.csv")
            found = engine.search([Image.fromarray(record.image) for record in asked], k=10)
            first = [
                hits[0].attributes["group"] == record.group
                for hits, record in zip(found, asked, strict=True)
            ]
            print(f"The first hit of {sum(first)} of {len(asked)} queries is the same garment")
            query = asked[options.garment]
            labels = query.labels
            sheet = Sheet(
                query=query.image,
                hits=found[options.garment],
                photo=engine.photo,
                name=f"{labels['colour']} {labels['pattern']} {labels['category']}",
                attributes={task: labels[task] for task in rendered.LABELS},
            )
            options.out.parent.mkdir(parents=True, exist_ok=True)
            write_picture(options.out, sheet)
    # A palette is half the bytes and looks the same.
    Image.open(options.out).quantize(256).save(options.out, optimize=True)
    print(f"Look at {options.out}: {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
