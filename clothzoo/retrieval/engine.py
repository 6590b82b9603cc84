"""`RetrievalEngine`: photos in, look-alikes out."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast, overload

import numpy as np

from clothzoo.datasets.photo import Box, Photo
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval import calibration, duplicates
from clothzoo.retrieval.content import CONTENT, file_facts, mark
from clothzoo.retrieval.expansion import Expansion
from clothzoo.retrieval.extractor import Extractor, Vector
from clothzoo.retrieval.from_folder import FolderReport, add_files, files_in
from clothzoo.retrieval.index import (
    Attributes,
    Hit,
    Hits,
    Index,
    Scalar,
    Where,
    check_fingerprint,
    checked_k,
)
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR, Wish
from clothzoo.retrieval.opening import (
    create,
    open_or_create,
    rebuild,
    said_by_catalogue,
    settled_metric,
)
from clothzoo.retrieval.origin import Origin
from clothzoo.retrieval.places import Place, place_of
from clothzoo.retrieval.preference import Preference, as_preference, preferred
from clothzoo.retrieval.projection import Projection
from clothzoo.retrieval.queries import Query, Question, one_or_many_queries
from clothzoo.streaming import one_or_many

if TYPE_CHECKING:
    import keras


class RetrievalEngine:
    """A catalogue of photos that is searched by photo.

    Safe to use from several threads at once.

    Args:
        extractor: what makes descriptors of photos: a preset's name, an architecture's id, a
            Keras model, or an `Extractor`.
        weights: for an architecture: "imagenet", a preset's tag, a path, or None for random
            weights, which only a catalogue in memory can have.
        look: what "alike" means: "same-kind", "same-look" or "same-garment"; see
            `clothzoo.retrieval.looks`. What is given besides takes the place of the look's own.
            Where nothing at all is said it is what the catalogue at `path` has, or "same-look".
        level: the feature map: "low", "mid", "high", a stage or layer by name, "lab" or "hsv"
            for the garment's colours, or a fusion such as "low+0.5*high".
        pooling: how a map becomes a vector: "avg", "max", "gem", "grid4" or "flatten".
        normalisation: "none", "l1", "l2", "hellinger" or "power", of each level on its own; None
            is "l1" for a fusion and "none" otherwise.
        metric: "braycurtis" (with a level, pooling or normalisation and no look), "cosine",
            "euclidean" or "manhattan".
        projection: what makes descriptors shorter; see `clothzoo.retrieval.projection`.
        path: the catalogue's folder, opened or made, or a table of a PostgreSQL server,
            `postgresql://user@host/database?table=name`; None keeps it in memory.
        preprocessing: how photos are prepared; a Keras model of your own needs it.
        runtime: "keras"; "openvino", which compiles the network for this processor and needs the
            extra `fast`; or "auto" for the faster one, which for a model of your own is Keras.

    Raises:
        FingerprintMismatch: the catalogue at `path` was built by another extractor or has
            another metric.
        InvalidInput, PresetNotFound, ArchitectureNotFound, WeightsNotFound, WeightsMismatch:
            what they say.

    Example:
        >>> engine = RetrievalEngine(look="same-kind", path="catalogue")  # doctest: +SKIP
        >>> engine.add_folder("photos")  # doctest: +SKIP
        >>> engine.search("query.jpg", k=10, where={"category": "dress"})  # doctest: +SKIP
    """

    def __init__(
        self,
        extractor: str | keras.Model | Extractor = DEFAULT_EXTRACTOR,
        *,
        weights: str | Path | None = None,
        look: str | None = None,
        level: str | None = None,
        pooling: str | None = None,
        normalisation: str | None = None,
        metric: str | None = None,
        projection: Projection | None = None,
        path: str | Path | None = None,
        preprocessing: Preprocessing | None = None,
        runtime: str = "auto",
    ) -> None:
        place = place_of(path)
        wish = Wish(look, level, pooling, normalisation, metric, projection)
        if isinstance(extractor, Extractor):
            metric = settled_metric(extractor, wish)
        else:
            kept = said_by_catalogue(place) if wish.silent else None
            descriptor, metric = kept or wish.settled(extractor)
            extractor = Extractor.build(
                extractor,
                descriptor,
                weights=weights,
                preprocessing=preprocessing,
                runtime=runtime,
            )
        self._take(extractor, place, open_or_create(extractor, metric, place))

    def _take(self, extractor: Extractor, place: Place, index: Index) -> None:
        self._extractor = extractor
        self._place = place
        self._index = index
        self._lock = threading.Lock()
        kept = Origin.of(index)
        self._origin = kept.of_extractor(extractor)
        if self._origin != kept:
            self._origin.keep(index)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        extractor: keras.Model | Extractor | None = None,
        weights: str | Path | None = None,
        runtime: str = "auto",
    ) -> Self:
        """Open a catalogue with the extractor that it was built with.

        Args:
            path: the catalogue's folder, or its `postgresql://` URL.
            extractor: the model, where the catalogue was built with a Keras model of your own.
            weights: where the weights of its architecture are now, if they have moved.
            runtime: as in `RetrievalEngine`; it may be another than that which filled it.

        Returns:
            The engine.

        Raises:
            CatalogueError: there is no catalogue, or it is damaged.
            WeightsNotFound: the weights are no longer where they were.
            FingerprintMismatch: the model or the weights are others than at that time.
        """
        place = place_of(path)
        index = place.open()
        try:
            if not isinstance(extractor, Extractor):
                origin = Origin.of(index)
                extractor = rebuild(
                    index.fingerprint,
                    place,
                    extractor,
                    weights or origin.weights,
                    runtime,
                    origin.fitted,
                )
            check_fingerprint(index.fingerprint, extractor.fingerprint, place)
            engine = cls.__new__(cls)
            engine._take(extractor, place, index)
        except BaseException:
            index.close()
            raise
        return engine

    @property
    def extractor(self) -> Extractor:
        """What makes the descriptors."""
        return self._extractor

    @property
    def index(self) -> Index:
        """What keeps them."""
        return self._index

    @property
    def metric(self) -> str:
        """Name of the distance."""
        return self._index.metric

    def add(
        self,
        photos: Photo | Sequence[Photo],
        *,
        ids: str | Sequence[str] | None = None,
        attributes: Attributes | Sequence[Attributes] | None = None,
        box: Box | None = None,
    ) -> list[str]:
        """Add one photo or several, all or none; durable when it returns.

        A photo whose id is there already replaces the other.

        Args:
            photos: a path, a PIL image, uint8 pixels, or a list of these.
            ids: one id, or one for each photo. By default the path as given, for a picture in
                memory the start of its content's hash.
            attributes: of the one photo, or a list with those of each.
            box: (x, y, width, height) of the garment, in pixels of each photo.

        Returns:
            The ids.

        Raises:
            UnreadablePhoto: the first photo that cannot be decoded; nothing was added.
            InvalidInput: an argument cannot be used; nothing was added.
            CatalogueError: the catalogue cannot be written; nothing was added.
        """
        _, many = one_or_many(photos)
        rows = [attributes] if isinstance(attributes, Mapping) else attributes or [{}] * len(many)
        names = [ids] if isinstance(ids, str) else ids
        for what, given in (("ids", names), ("attributes", rows)):
            if given is not None and len(given) != len(many):
                raise InvalidInput(f"there are {len(many)} photos, but {len(given)} {what}")
        vectors = self._extractor.describe(many, box=box)
        facts = [file_facts(p) if isinstance(p, (str, os.PathLike)) else None for p in many]
        marks = [mark(f or p) for f, p in zip(facts, many, strict=True)]
        if names is None:
            names = [
                Path(p).as_posix() if isinstance(p, (str, os.PathLike)) else m
                for p, m in zip(many, marks, strict=True)
            ]
        noted = [{**row, CONTENT: m} for row, m in zip(rows, marks, strict=True)]
        self._index.add(names, vectors, noted, facts)
        return list(names)

    def add_folder(
        self,
        folder: str | Path,
        *,
        recursive: bool = True,
        labels: str | Path | None = None,
        prefix: str = "",
        progress: bool = False,
    ) -> FolderReport:
        """Add all photos of a folder; run again, it does only what is new or has changed.

        Ids are paths relative to the folder, with "/". Every few hundred photos are committed, so
        that little is lost if it is broken off. A file counts as unchanged where size and time,
        or else its content, are what they were. Photos that are gone stay in the catalogue.

        Args:
            folder: where the photos are.
            recursive: whether to go into its subfolders.
            labels: attributes of the photos: "folders" takes the first subfolder's name as
                `category`; a CSV file's columns become attributes, its first column names the
                photo, with or without the ending. None adds no attributes and keeps those
                that are there.
            prefix: put in front of each id, to keep two folders with the same names apart.
            progress: show a bar with photos per second and time left.

        Returns:
            What was added, and what was skipped and why.

        Raises:
            InvalidInput: there is no such folder, or an id is that of another folder's photo.
            CatalogueError: the catalogue cannot be written; what was committed stays.
        """
        root = Path(folder).resolve()
        rivals = [Path(f) for p, f in self._origin.folders if p == prefix and Path(f) != root]
        files = files_in(root, recursive=recursive, labels=labels, prefix=prefix, rivals=rivals)
        self._remember(prefix, root)
        if not progress:
            return add_files(self._index, self._extractor, files)
        from clothzoo.retrieval.progress import bar

        with bar("Indexing", len(files)) as advance:
            return add_files(self._index, self._extractor, files, advance=advance)

    @overload  # an array may be one query or several; the first form is what it mostly is
    def search(  # type: ignore[overload-overlap]
        self,
        query: Query,
        k: int = 10,
        *,
        where: Where | None = None,
        box: Box | None = None,
        approximate: bool = False,
        expand: Expansion | None = None,
        prefer: str | Preference | None = None,
    ) -> Hits: ...
    @overload
    def search(
        self,
        query: Sequence[Query],
        k: int = 10,
        *,
        where: Where | None = None,
        box: Box | None = None,
        approximate: bool = False,
        expand: Expansion | None = None,
        prefer: str | Preference | None = None,
    ) -> list[Hits]: ...
    def search(
        self,
        query: Query | Sequence[Query],
        k: int = 10,
        *,
        where: Where | None = None,
        box: Box | None = None,
        approximate: bool = False,
        expand: Expansion | None = None,
        prefer: str | Preference | None = None,
    ) -> Hits | list[Hits]:
        """The photos that look most alike.

        The query itself is left out of its hits: the item of that id, and every item whose
        file has the same content.

        Args:
            query: a photo, an item's id, a descriptor float (D,), or several of these (a list,
                or descriptors (Q, D)). A string is a file's path if there is such a file, else
                an id.
            k: how many hits at most.
            where: conditions on the attributes: a value, a list of values, or a range (low, high).
            box: (x, y, width, height) of the garment in the query, in pixels.
            approximate: may miss some hits for the sake of speed; see `calibrate`.
            expand: search again with what was found first; distances are then from the expanded
                query. See `clothzoo.retrieval.expansion`.
            prefer: a classifier's preset: where it is sure what kind of garment the query shows,
                hits of that kind come first. A `Preference` says how sure, and by which
                attribute. See `clothzoo.retrieval.preference`.

        Returns:
            Hits, nearest first; a list of these for several queries.

        Raises:
            UnreadablePhoto: a query cannot be decoded.
            InvalidInput: a string that is neither a file nor an id, or another argument that
                cannot be used.
        """
        one, many = one_or_many_queries(query)
        questions = [Question.of(given, self._index, box) for given in many]
        if not questions:
            return []
        for question, vector in self._extractor.stream(questions, Question.read, box=box):
            if isinstance(vector, UnreadablePhoto):
                raise vector
            if vector is not None:
                question.vector = vector
        for question in questions:
            question.exclude_copies(self._index)
        k = checked_k(k)
        if expand is not None:
            expand.check_metric(self.metric)
            for question, hits in zip(
                questions, self._nearest(questions, expand.hits, where, approximate), strict=True
            ):
                neighbours = [self._index.get(hit.id).vector for hit in hits]
                question.vector = expand.expanded(
                    cast("Vector", question.vector),
                    np.array(neighbours, np.float32),
                    np.array([hit.distance for hit in hits]),
                )
        found = self._nearest(questions, k, where, approximate)
        if (preference := as_preference(prefer)) is not None:
            photos = [self._photo_of(given) for given in many]
            for row, label in enumerate(preference.labels(photos, box)):
                if label is not None:
                    only = {**(where or {}), preference.task: label}
                    (alike,) = self._nearest([questions[row]], k, only, approximate)
                    found[row] = preferred(alike, found[row], k)
        results = [Hits(hits, photo=self.photo) for hits in found]
        return results[0] if one else results

    def _nearest(
        self, questions: Sequence[Question], k: int, where: Where | None, approximate: bool
    ) -> list[list[Hit]]:
        found = self._index.search(
            np.stack([cast("Vector", question.vector) for question in questions]),
            k + max(len(question.own) for question in questions),
            where,
            approximate=approximate,
        )
        return [
            [
                replace(hit, attributes=_without_own(hit.attributes))
                for hit in hits
                if hit.id not in question.own
            ][:k]
            for question, hits in zip(questions, cast("list[Hits]", found), strict=True)
        ]

    def _photo_of(self, query: Query) -> Photo:
        if isinstance(query, np.ndarray) and np.issubdtype(query.dtype, np.floating):
            raise InvalidInput("prefer= names what is on a photo; a descriptor has none to look at")
        if isinstance(query, str) and not Path(query).is_file():
            if (path := self.photo(query)) is None:
                raise InvalidInput(
                    f"prefer= names what is on a photo, and that of {query!r} is not to be found"
                )
            return path
        return cast("Photo", query)

    def remove(self, ids: str | Iterable[str]) -> int:
        """Remove items by id; ids that are not there are passed over.

        Returns:
            How many were removed.
        """
        return self._index.remove([ids] if isinstance(ids, str) else ids)

    def duplicates(self, threshold: float) -> list[list[str]]:
        """Groups of photos that are nearly the same.

        Args:
            threshold: the largest distance between two duplicates; a chain of such distances
                makes one group.

        Returns:
            Groups of at least two ids, the largest first.

        Raises:
            InvalidInput: the threshold is negative or not finite.
        """
        return duplicates.groups(self._index, threshold)

    def calibrate(
        self, *, k: int = 10, queries: int = 200, seed: int = 0
    ) -> calibration.Calibration:
        """Measure how much approximate search finds here, and how much faster it is.

        Args:
            k: hits to compare.
            queries: how many of the catalogue's own items to search for.
            seed: of the sample.

        Returns:
            Recall and milliseconds a query.

        Raises:
            InvalidInput: the catalogue holds fewer than two items.
            ExtraMissing: the extra `ann` is not installed.
        """
        return calibration.calibrate(self._index, k=k, queries=queries, seed=seed)

    def attributes(self, name: str) -> dict[str, Scalar]:
        """What was noted of an item.

        Raises:
            ItemNotFound: there is none of that id.
        """
        return _without_own(self._index.get(name).attributes)

    def photo(self, name: str) -> Path | None:
        """The file of an item, or None where it was not added from a file or is gone."""
        return self._origin.photo(name)

    def save(self, path: str | Path) -> None:
        """Write a copy of the catalogue to another place, which `open` opens.

        Args:
            path: a folder that does not exist yet, or is empty, or a `postgresql://` URL. The
                catalogue's own is fine too: everything is there already.

        Raises:
            InvalidInput: the extractor's weights are random and could not be had again.
            CatalogueError: it cannot be written there, or something else is there.
        """
        place = place_of(path)
        if place == self._place:
            return
        with create(self._extractor, self.metric, place) as copy:
            for batch in self._index.batches():
                copy.add(*batch)
            self._origin.keep(copy)

    def close(self) -> None:
        """Let go of the catalogue."""
        self._index.close()

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _remember(self, prefix: str, folder: Path) -> None:
        with self._lock:
            known = dict.fromkeys([*self._origin.folders, (prefix, str(folder))])
            self._origin = replace(self._origin, folders=tuple(known))
            self._origin.keep(self._index)


def _without_own(attributes: Attributes) -> dict[str, Scalar]:
    """Attributes without those that the engine keeps for itself."""
    return {name: value for name, value in attributes.items() if not name.startswith("_")}
