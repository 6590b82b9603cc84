"""Tune a preset to your own photos and classes.

    python examples/finetune.py --photos my_shop/ --out runs/my_shop

`my_shop/` has a folder of photos for each class, or is a table (CSV) whose first column is a
photo's path and whose column `category` is its class. Without --photos, garments are drawn. The
run's folder ends with the tuned preset and `curves.png`; a run that was interrupted goes on where
it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import clothzoo
from clothzoo import training
from clothzoo.datasets import rendered


def main(preset: str, photos: Path | None, out: Path, epochs: int) -> None:
    photos = photos or drawn(out.with_name(f"{out.name}-photos"))

    recipe = training.fine_tuning_recipe(preset, "mine", epochs=epochs)
    tuned = training.train(recipe, data=photos, out=out, resume=True)
    model = clothzoo.load(out / tuned.name)
    photo = next(photos.parent.glob("*.jpg") if photos.is_file() else photos.rglob("*.jpg"))
    answer = clothzoo.classify(photo, str(out / tuned.name), top=3)

    print(f"{model.count_params():,} parameters, curves in {out / 'curves.png'}")
    print(f"{photo.name}: {answer}")


def drawn(folder: Path) -> Path:
    """The table of some drawn garments, four photos of each."""
    if not folder.exists():
        rendered.write(rendered.render(60, views=4, size=96), folder)
    return folder / "labels.csv"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="conventional_cnn.fashion_mnist")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/finetune"))
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    main(options.preset, options.photos, options.out, options.epochs)
