"""`clothzoo demo`: train a small network, index, classify, search, and write a page about it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from clothzoo.classification import Classifier, rankings
from clothzoo.datasets import rendered
from clothzoo.datasets.folder import load
from clothzoo.datasets.folder import photos as photos_below
from clothzoo.errors import InvalidInput
from clothzoo.hub.files import write
from clothzoo.models import architecture
from clothzoo.optional import require_keras
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.report import Sheet, catalogue_facts, write_page

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=(48, 48))
ARCHITECTURE = "inception_residual_cnn"
_LEVEL = "low+high"


@dataclass(frozen=True)
class Size:
    """How much is drawn and learned.

    Args:
        lessons: garments to learn from, one photo of each.
        epochs: how often they are seen.
        garments: garments of the catalogue, none of which was learned from.
        views: photos of each of these; one more is drawn as a query.
        queries: how many are shown on the page.
    """

    lessons: int = 3000
    epochs: int = 8
    garments: int = 100
    views: int = 3
    queries: int = 8


def run(out: Path, photos: Path | None = None, size: Size | None = None) -> Path:
    """Show the main job from end to end.

    What is there already from an earlier run (the network, the drawings) is used again.

    Args:
        out: folder for the page and all that it is made of.
        photos: a folder of the user's own photos, in place of drawn garments.
        size: how much is drawn and learned.

    Returns:
        The page, `report.html` in `out`.

    Raises:
        DatasetNotFound: there is no such folder of photos.
        InvalidInput: fewer than two photos in the user's folder can be read.
    """
    size = size or Size()
    if photos is not None:
        photos_below(photos)  # says that the folder is not there before the work of training
    out.mkdir(parents=True, exist_ok=True)
    weights = trained(out, size)
    classifier = _classifier(weights)
    if photos is None:
        title, words, sheets, engine = _garments(out, weights, classifier, size)
    else:
        title, words, sheets, engine = _own(photos, weights, classifier, size)
    page = out / "report.html"
    write_page(page, sheets, title=title, facts=catalogue_facts(engine), words=words)
    engine.close()
    print(f"Look at {page.resolve().as_uri()}")
    return page


_Part = tuple[str, list[str], list[Sheet], RetrievalEngine]


def _garments(out: Path, weights: Path, classifier: Classifier, size: Size) -> _Part:
    """Index drawn garments and search for other photos of them."""
    folder, asked = drawn(out, size)
    engine = RetrievalEngine(
        ARCHITECTURE,
        weights=weights,
        level=_LEVEL,
        preprocessing=PREPROCESSING,
        path=out / "catalogue",
    )
    print(f"Indexing {folder}: {engine.add_folder(folder, labels=folder / 'labels.csv')}")

    queries = load(asked / "labels.csv", check=False).records
    paths = [Path(str(query.image)) for query in queries]
    sheets = [
        Sheet(
            query=path,
            hits=hits,
            photo=engine.photo,
            name=f"{query.labels['colour']} {query.labels['category']}",
            attributes={**query.labels, "group": query.group},
            answers={"category": rankings(answer)[""]},
        )
        for query, path, hits, answer in zip(
            queries, paths, engine.search(paths, k=10), classifier(paths), strict=True
        )
    ]
    named = sum(s.answers["category"][0][0] == s.attributes["category"] for s in sheets)
    found = sum(s.hits[0].attributes["group"] == s.attributes["group"] for s in sheets)
    print(
        f"Of {len(sheets)} new photos, {named} get the right category, and the first hit of "
        f"{found} is the same garment"
    )
    words = [
        f"The small network behind this page was trained on this machine, on {size.lessons:,} "
        f"drawn garments. The {size.garments} garments in the catalogue are others, each in "
        f"{size.views} photos; the queries, framed, are new photos of them.",
        f"Of {len(sheets)} such photos the network names the right category for {named}, "
        f"and the first hit of {found} shows the very same garment. Filled labels are those "
        "that a hit shares with its query.",
    ]
    return "Drawn garments and their look-alikes", words, sheets[: size.queries], engine


def _own(photos: Path, weights: Path, classifier: Classifier, size: Size) -> _Part:
    """Index the user's photos and search with some of them."""
    engine = RetrievalEngine(
        ARCHITECTURE, weights=weights, level=_LEVEL, preprocessing=PREPROCESSING
    )
    report = engine.add_folder(photos)
    print(f"Indexing {photos}: {report}")
    if len(engine) < 2:
        reasons = "".join(f"; {name}: {why}" for name, why in islice(report.skipped.items(), 3))
        raise InvalidInput(
            f"{str(photos)!r} has {len(engine)} readable photo(s), and a search needs at least 2"
            f"{reasons}; give a folder with more photos"
        )
    names = random.Random(0).sample(list(engine), min(size.queries, len(engine)))
    paths = [photos / name for name in names]
    sheets = [
        Sheet(
            query=path,
            hits=found,
            photo=engine.photo,
            name=name,
            answers={"category": rankings(answer)[""]},
        )
        for name, path, found, answer in zip(
            names, paths, engine.search(names, k=10), classifier(paths), strict=True
        )
    ]
    words = [
        f"{len(sheets)} of the {len(engine):,} photos, picked at random, and the others that look "
        "most like each. The network has seen nothing but drawn garments, so the names it gives "
        "mean little here; its feature maps still see colour, texture and shape."
    ]
    return f"Look-alikes in {photos.resolve().name}", words, sheets, engine


def drawn(out: Path, size: Size) -> tuple[Path, Path]:
    """Draw garments, unless that has been done.

    Args:
        out: folder for them.
        size: how many.

    Returns:
        The folder of the catalogue's photos and that of other photos of the same garments, each
        with its `labels.csv`.
    """
    folder, asked = out / "garments", out / "queries"
    last = f"-{size.views}"
    if not (folder.exists() and asked.exists()):
        print(f"Drawing {size.garments * (size.views + 1):,} photos of {size.garments} garments …")
        records = list(rendered.render(size.garments, size.views + 1))
        for target, wanted in ((folder, False), (asked, True)):
            if not target.exists():
                chosen = (r for r in records if r.id.endswith(last) == wanted)
                rendered.write(chosen, target)
    return folder, asked


def trained(out: Path, size: Size) -> Path:
    """Train the demo's small network on drawn garments, unless that has been done.

    Args:
        out: folder for it.
        size: how much is learned.

    Returns:
        Its weights.
    """
    weights = out / "network.safetensors"
    if not weights.exists():
        _train(weights, size)
    return weights


def _train(weights: Path, size: Size) -> None:
    keras = require_keras()
    from clothzoo.hub.filling import dump
    from clothzoo.training import Augmentation, Feeder

    print(f"Drawing {size.lessons:,} garments to learn from …")
    side = PREPROCESSING.size[0]
    lessons = list(rendered.render(size.lessons, 1, side + side // 8, seed=1))
    feeder = Feeder(
        lessons,
        PREPROCESSING,
        {"category": rendered.LABELS["category"]},
        shuffle=True,
        augmentation=Augmentation(zoom=0.1, flip=0.5, light=0.15),
    )
    keras.utils.set_random_seed(0)
    model = network(None)
    steps = size.epochs * len(feeder)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0004, steps, warmup_target=0.004, warmup_steps=steps // 5
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02),
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # compiling takes longer than so short a training
    )
    start = time.perf_counter()
    print(f"Training {model.count_params():,} parameters …")
    model.fit(feeder, epochs=size.epochs, callbacks=[feeder.follow_epochs()], verbose=2)
    print(f"Trained in {time.perf_counter() - start:.0f} s")
    write(weights, dump(model, "float32"))


def network(weights: Path | None) -> keras.Model:
    """The demo's small network; with random weights where none are given."""
    return architecture(ARCHITECTURE).factory(
        weights=weights,
        input_shape=PREPROCESSING.shape,
        classes=len(rendered.LABELS["category"]),
    )


def _classifier(weights: Path) -> Classifier:
    labels = {"category": rendered.LABELS["category"]}
    return Classifier(network(weights), labels, PREPROCESSING)
