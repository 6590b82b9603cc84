"""`clothzoo demo`: index, classify, search, and write a page about it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from clothzoo.classification import classifier, rankings
from clothzoo.datasets import rendered
from clothzoo.datasets.folder import load
from clothzoo.datasets.folder import photos as photos_below
from clothzoo.errors import InvalidInput
from clothzoo.hub import table
from clothzoo.hub.presets import preset as find
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR
from clothzoo.retrieval.report import Sheet, catalogue_facts, write_page

FOR_DRAWINGS = "shared_multitask_cnn.rendered"
"""The preset for drawn garments, which comes with the package."""

_LEVEL = "low+high"

_PHOTO_TESTS = ("clothing_small", "clothing")
"""Data sets of photos; figures are compared within the first on which any preset was measured."""


@dataclass(frozen=True)
class Size:
    """How much is drawn.

    Args:
        garments: garments of the catalogue, none of which the network has learnt from.
        views: photos of each of these; one more is drawn as a query.
        queries: how many are shown on the page.
    """

    garments: int = 100
    views: int = 3
    queries: int = 8


def run(out: Path, photos: Path | None = None, size: Size | None = None) -> Path:
    """Show the main job from end to end.

    What an earlier run has drawn is used again.

    Args:
        out: folder for the page and all that it is made of.
        photos: a folder of the user's own photos, in place of drawn garments.
        size: how much is drawn.

    Returns:
        The page, `report.html` in `out`.

    Raises:
        DatasetNotFound: there is no such folder of photos.
        InvalidInput: fewer than two photos in the user's folder can be read.
    """
    size = size or Size()
    if photos is not None:
        photos_below(photos)  # says that the folder is not there before any work is done
    out.mkdir(parents=True, exist_ok=True)
    if photos is None:
        title, words, sheets, engine = _garments(out, size)
    else:
        title, words, sheets, engine = _own(photos, size)
    page = out / "report.html"
    write_page(page, sheets, title=title, facts=catalogue_facts(engine), words=words)
    engine.close()
    print(f"Look at {page.resolve().as_uri()}")
    return page


_Part = tuple[str, list[str], list[Sheet], RetrievalEngine]


def _garments(out: Path, size: Size) -> _Part:
    """Index drawn garments and search for other photos of them."""
    folder, asked = drawn(out, size)
    engine = RetrievalEngine(FOR_DRAWINGS, level=_LEVEL, path=out / "catalogue")
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
            answers=rankings(answer),
        )
        for query, path, hits, answer in zip(
            queries,
            paths,
            engine.search(paths, k=10),
            classifier(FOR_DRAWINGS)(paths),
            strict=True,
        )
    ]
    named = sum(s.answers["category"][0][0] == s.attributes["category"] for s in sheets)
    found = sum(s.hits[0].attributes["group"] == s.attributes["group"] for s in sheets)
    print(
        f"Of {len(sheets)} new photos, {named} get the right category, and the first hit of "
        f"{found} is the same garment"
    )
    words = [
        f"{find(FOR_DRAWINGS).summary} It has not seen the {size.garments} of this catalogue, each "
        f"of them in {size.views} photos; the queries, framed, are new photos of them.",
        f"Of {len(sheets)} such photos the network names the right category for {named}, "
        f"and the first hit of {found} shows the very same garment. Filled labels are those "
        "that a hit shares with its query.",
    ]
    return "Drawn garments and their look-alikes", words, sheets[: size.queries], engine


def _own(photos: Path, size: Size) -> _Part:
    """Index the user's photos and search with some of them."""
    network = best_for_photos() or FOR_DRAWINGS
    engine = RetrievalEngine()
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
            answers={task or "category": r for task, r in rankings(answer).items()},
        )
        for name, path, found, answer in zip(
            names, paths, engine.search(names, k=10), classifier(network)(paths), strict=True
        )
    ]
    words = [
        f"{len(sheets)} of the {len(engine):,} photos, picked at random, and the others that look "
        f"most like each, as seen by {DEFAULT_EXTRACTOR}; names are given by {network}.",
        find(network).limits,
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


def best_for_photos() -> str | None:
    """The preset that names photos of clothes best, of those whose weights lie on this machine.

    Returns:
        The one with the highest measured accuracy on the test photos of `clothing_small`, or of
        `clothing` where none was measured on the former; None where there is no such preset.
    """
    here = [row.preset for row in table() if row.where in ("bundled", "cached")]
    for dataset in _PHOTO_TESTS:
        found = [
            (metric.value, preset.name)
            for preset in here
            for metric in preset.metrics
            if (metric.dataset, metric.split, metric.metric) == (dataset, "test", "accuracy")
            and metric.task == "category"
        ]
        if found:
            return max(found)[1]
    return None
