"""Index a folder of photos and find the ones that look like another.

    python examples/retrieval.py --photos my_photos/ --query one.jpg --out runs/retrieval

Without --photos, garments are drawn, and the query is a new photo of one of them. The catalogue in
the run's folder is kept: run again, and only new photos are read. `hits.png` shows the result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import clothzoo
from clothzoo.datasets import rendered
from clothzoo.retrieval.report import sheet_of, write_picture


def main(
    extractor: str, photos: Path | None, query: Path | None, out: Path, k: int, garments: int
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    labels: Path | str | None = "folders"
    if photos is None:
        photos, query = drawn(out, garments)
        labels = photos / "labels.csv"

    with clothzoo.RetrievalEngine(
        extractor, level="low+high", metric="braycurtis", path=out / "catalogue"
    ) as engine:
        print(engine.add_folder(photos, labels=labels))
        question = query or next(iter(engine))  # a photo's path, or the id of one that is there
        hits = engine.search(str(question), k=k)
        for hit in hits:
            print(f"{hit.distance:.4f}  {hit.id}  {hit.attributes}")
        write_picture(out / "hits.png", sheet_of(engine, str(question), hits))
    print(f"Look at {out / 'hits.png'}")


def drawn(out: Path, garments: int) -> tuple[Path, Path]:
    """A folder of drawn garments in three photos each, and a fourth photo of one of them."""
    folder, query = out / "photos", out / "query.jpg"
    if not folder.exists():
        rendered.write(rendered.render(garments, views=3), folder)
    *_, new = rendered.render(min(15, garments), views=4)
    Image.fromarray(new.image).save(query)
    return folder, query


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extractor", default="conventional_cnn.fashion_mnist")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--query", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/retrieval"))
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--garments", type=int, default=60, help="how many are drawn")
    options = parser.parse_args()
    main(
        options.extractor,
        options.photos,
        options.query,
        options.out,
        options.k,
        options.garments,
    )
