"""What the demo page can do, without the page: name, find, add, and say why.

Photos that visitors add go into a folder of their own beside a table of what is known of them;
from these two every catalogue can be brought up to date. Where visitors are strangers to one
another, each sees their own photos only, and they are forgotten when the visitor leaves.
"""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clothzoo._version import __version__
from clothzoo.classification import Ranking
from clothzoo.datasets.folder import SUFFIXES
from clothzoo.datasets.photo import Pixels, open_photo
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.hub.files import write
from clothzoo.retrieval.content import mark
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.index import Hit, Scalar
from clothzoo.similarity import METRICS
from clothzoo.web.choosing import Network

MAX_BYTES = 20 * 2**20
"""A larger file is not taken."""

MAX_PIXELS = 52_000_000
"""A larger picture is not taken; it is what the largest usual cameras of telephones give."""

MAX_OWN = 200
"""So many photos may be added, by each visitor where they are strangers to one another."""

_SHOWN = 640
_OWN = "own/"
_VISITOR = "_visitor"
_FEW = 40
_COLUMNS = ("image", "category", "name", "source", _VISITOR)
_SOURCE = "added here"


@dataclass(frozen=True)
class Photos:
    """What the catalogue is made of.

    Args:
        folder: where the photos are.
        labels: what is known of them, as for `RetrievalEngine.add_folder`.
        title: of the catalogue, for the page.
        examples: photos to try, with their descriptions.
    """

    folder: Path
    labels: str | Path | None
    title: str
    examples: Sequence[tuple[Path, str]] = ()


class Finder:
    """Names garments and finds look-alikes in catalogues, one for each look.

    Safe to use from several threads at once.

    Args:
        network: what names and describes photos.
        photos: what the catalogues are made of.
        looks: {name: arguments of `RetrievalEngine`}, the first one first on the page.
        own: folder for photos that visitors add.
        catalogues: folder to keep the catalogues in; None keeps them in memory, and visitors are
            strangers to one another.

    Raises:
        InvalidInput: fewer than two photos can be read.
    """

    def __init__(
        self,
        network: Network,
        photos: Photos,
        looks: Mapping[str, Mapping[str, Any]],
        *,
        own: Path,
        catalogues: Path | None,
    ) -> None:
        self.network = network
        self.photos = photos
        self.looks = tuple(looks)
        self.measures = tuple(METRICS)
        self.private = catalogues is None
        self._arguments = looks
        self._own = own
        self._catalogues = catalogues
        self._engines: dict[str, RetrievalEngine] = {}
        self._measured: dict[tuple[str, str], RetrievalEngine] = {}
        self._lock = threading.RLock()
        own.mkdir(parents=True, exist_ok=True)
        first = self._engine(self.looks[0])
        if len(first) < 2:
            raise InvalidInput(
                f"{str(photos.folder)!r} has {len(first)} readable photo(s), and a search needs "
                "at least 2; give a folder with more photos"
            )
        for measure in self.measures:  # the first search under each compiles it
            self._with_measure(self.looks[0], measure).search(next(iter(first)), 1)

    def __len__(self) -> int:
        return len(self._engine(self.looks[0]))

    def measure_of(self, look: str) -> str:
        """The measure that a look has of its own."""
        return self._engine(look).metric

    def check(self, photo: Path) -> Pixels:
        """Make sure that a visitor's photo can be used.

        Returns:
            A small copy of it, uint8 (height, width, 3).

        Raises:
            UnreadablePhoto: it is too large, or cannot be decoded.
        """
        try:
            size = photo.stat().st_size
        except OSError:
            size = 0  # opening it says why it is not there
        if size > MAX_BYTES:
            raise UnreadablePhoto(photo, f"more than {MAX_BYTES // 2**20} MB")
        return _small(open_photo(photo, size_hint=(_SHOWN, _SHOWN), max_pixels=MAX_PIXELS))

    def classify(self, photo: Path) -> dict[str, Ranking]:
        """What the network says of a photo, by task.

        Raises:
            UnreadablePhoto: it is too large, or cannot be decoded.
        """
        self.check(photo)
        answer = self.network.classifier(photo)
        if isinstance(answer, dict):
            return answer
        return {next(iter(self.network.classifier.labels)): answer}

    def conditions(self, visitor: str = "") -> list[str]:
        """What hits can be filtered by: "name: value", for each attribute with few values."""
        values: dict[str, dict[str, None]] = {}
        for _, _, rows, _ in self._engine(self.looks[0]).index.batches():
            for row in rows:
                if row.get(_VISITOR) not in (None, self._visitor(visitor)):
                    continue
                for name, value in row.items():
                    if isinstance(value, str) and not name.startswith("_"):
                        values.setdefault(name, {})[value] = None
        return [
            f"{name}: {value}"
            for name, seen in values.items()
            if len(seen) <= _FEW and name not in ("name", "group")
            for value in sorted(seen)
        ]

    def search(
        self,
        photo: Path,
        look: str,
        measure: str,
        conditions: Sequence[str] = (),
        k: int = 12,
        visitor: str = "",
    ) -> list[Hit]:
        """The photos of the catalogue that look most alike.

        Args:
            photo: the visitor's.
            look: one of `looks`.
            measure: one of `measures`.
            conditions: of those that `conditions` gives; of the same name one has to hold, and
                all names have to.
            k: how many hits at most.
            visitor: who asks.

        Raises:
            UnreadablePhoto: the photo is too large, or cannot be decoded.
            InvalidInput: there is no such look, measure or condition.
        """
        self.check(photo)
        where: dict[str, Any] = {}
        for condition in conditions:
            name, colon, value = condition.partition(": ")
            if not colon:
                raise InvalidInput(f"{condition!r} is not a condition such as 'category: dress'")
            where.setdefault(name, []).append(value)
        if self.private:
            where[_VISITOR] = [None, self._visitor(visitor)]
        return list(self._with_measure(look, measure).search(photo, k, where=where or None))

    def picture(self, hit: str) -> Pixels:
        """A small copy of a hit's photo, uint8 (height, width, 3).

        Raises:
            UnreadablePhoto: it is gone, or has been damaged since it was added.
        """
        file = self._engine(self.looks[0]).photo(hit)
        if file is None:
            raise UnreadablePhoto(hit, "it is no longer where it was")
        return _small(open_photo(file, size_hint=(_SHOWN, _SHOWN)))

    def add(self, photo: Path, name: str = "", category: str = "", visitor: str = "") -> str:
        """Put a visitor's photo into the catalogue.

        Args:
            photo: the file; a copy of it is kept.
            name: what the visitor calls it.
            category: what it shows; what the network says where empty.
            visitor: who adds it.

        Returns:
            Its id; the same for the same photo.

        Raises:
            UnreadablePhoto: it is too large, or cannot be decoded.
            InvalidInput: too many have been added, or a text cannot be kept.
        """
        category = category.strip() or self._first_label(photo)
        who = self._visitor(visitor)
        for text in (name, category):
            if len(text) > 80 or not text.isprintable():
                raise InvalidInput("a name or a category is one line of at most 80 characters")
        with self._lock:
            rows = self._rows()
            stem = mark(photo) if who is None else f"{who}-{mark(photo)}"
            ending = photo.suffix.lower()
            file = stem + (ending if ending in SUFFIXES else ".jpg")  # its content decides anyway
            others = [row for row in rows if row["image"] != file]
            if sum(row[_VISITOR] == (who or "") for row in others) >= MAX_OWN:
                raise InvalidInput(
                    f"{MAX_OWN} photos have been added, which is as many as this page keeps"
                )
            write(self._own / file, photo.read_bytes())
            row = (file, category, name.strip(), _SOURCE, who or "")
            self._note([*others, dict(zip(_COLUMNS, row, strict=True))])
            for engine in self._engines.values():
                self._take_own(engine)
            self._measured.clear()
        return _OWN + file

    def forget(self, visitor: str) -> None:
        """Remove what a visitor has added, where visitors are strangers to one another."""
        if not self.private:
            return
        with self._lock:
            rows = self._rows()
            gone = [row["image"] for row in rows if row[_VISITOR] == self._visitor(visitor)]
            if not gone:
                return
            self._note([row for row in rows if row["image"] not in gone])
            for engine in self._engines.values():
                engine.remove([_OWN + file for file in gone])
            self._measured.clear()
            for file in gone:
                (self._own / file).unlink(missing_ok=True)

    def why_alike(
        self, photo: Path, hit: str, look: str, measure: str
    ) -> tuple[Image.Image, Image.Image]:
        """Which parts of a photo and of a hit made them alike, drawn over both.

        Raises:
            UnreadablePhoto: a photo is too large, cannot be decoded, or is gone.
            ExtraMissing: what draws it is not installed.
        """
        from clothzoo import explain

        pair = self.check(photo), self.picture(hit)
        heats = explain.similarity_map(self._with_measure(look, measure), *pair)
        asked, found = map(explain.overlay, pair, heats)
        return asked, found

    def why_named(self, photo: Path) -> tuple[str, Image.Image]:
        """The first label that the network gives, and which part of the photo speaks for it.

        Raises:
            UnreadablePhoto: the photo is too large, or cannot be decoded.
            ExtraMissing: what draws it is not installed.
        """
        from clothzoo import explain

        pixels = self.check(photo)
        (task, ranking), *_ = self.classify(photo).items()
        heat = explain.class_map(self.network.preset, pixels, task=task, label=ranking[0][0])
        return ranking[0][0], explain.overlay(pixels, heat)

    def close(self) -> None:
        """Let go of the catalogues."""
        with self._lock:
            for engine in (*self._engines.values(), *self._measured.values()):
                engine.close()

    def _visitor(self, visitor: str) -> str | None:
        # What a browser calls itself may be anything, and this becomes part of a file's name.
        return hashlib.sha256(visitor.encode()).hexdigest()[:16] if self.private else None

    def _first_label(self, photo: Path) -> str:
        (ranking, *_) = self.classify(photo).values()
        return ranking[0][0]

    def _engine(self, look: str) -> RetrievalEngine:
        """The catalogue of a look; filled when it is first asked for."""
        if look not in self._arguments:
            raise InvalidInput(f"no look {look!r}; there are: {', '.join(self.looks)}")
        with self._lock:
            if look not in self._engines:
                # Another version may mean other descriptors by the same look.
                kept = f"{look}-{__version__}"
                path = self._catalogues and self._catalogues / self.network.key / kept
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                engine = RetrievalEngine(self.network.extractor, path=path, **self._arguments[look])
                report = engine.add_folder(self.photos.folder, labels=self.photos.labels)
                print(f"Catalogue {look!r}: {report}")
                self._take_own(engine)
                self._engines[look] = engine
            return self._engines[look]

    def _with_measure(self, look: str, measure: str) -> RetrievalEngine:
        """The catalogue of a look under a measure; its own one is on disk, others are copies."""
        engine = self._engine(look)
        if measure not in self.measures:
            raise InvalidInput(f"no measure {measure!r}; there are: {', '.join(self.measures)}")
        if measure == engine.metric:
            return engine
        with self._lock:
            if (look, measure) not in self._measured:
                copy = RetrievalEngine(engine.extractor, metric=measure)
                for batch in engine.index.batches():
                    copy.index.add(*batch)
                self._measured[look, measure] = copy
            return self._measured[look, measure]

    def _take_own(self, engine: RetrievalEngine) -> None:
        table = self._own / "labels.csv"
        engine.add_folder(self._own, labels=table if self._rows() else None, prefix=_OWN)

    def _rows(self) -> list[dict[str, str]]:
        table = self._own / "labels.csv"
        if not table.exists():
            return []
        with table.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def _note(self, rows: Sequence[Mapping[str, str]]) -> None:
        text = io.StringIO()
        table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write(self._own / "labels.csv", text.getvalue().encode())


def caption(hit: Hit, place: int) -> str:
    """A hit in a few words: place, what is known of it, distance."""
    known: Mapping[str, Scalar] = hit.attributes
    words = [str(known[name]) for name in ("name", "colour", "category") if known.get(name)]
    return f"{place} · {' '.join(words) or Path(hit.id).stem} · {hit.distance:.3f}"


def friendly(error: Exception, photo: Path | None = None) -> str:
    """An error in words for a visitor."""
    if isinstance(error, UnreadablePhoto):
        name = photo.name if photo is not None else Path(str(error.source)).name
        return (
            f"“{name}” cannot be used: {error.reason}. "
            f"Please take a JPEG, PNG or WebP picture of at most {MAX_BYTES // 2**20} MB and "
            f"{MAX_PIXELS // 1_000_000} megapixels."
        )
    return f"{error}."


def _small(pixels: Pixels) -> Pixels:
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS)
    return np.asarray(picture)
