"""A catalogue and the extractor that fits it: made together, and found again together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clothzoo.errors import FingerprintMismatch, InvalidInput, WeightsNotFound
from clothzoo.inference.recipe import PRECISIONS
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.extractor import OWN_MODEL, Extractor, is_preset
from clothzoo.retrieval.index import Index, check_fingerprint
from clothzoo.retrieval.looks import Wish, metric_of
from clothzoo.retrieval.origin import Origin
from clothzoo.retrieval.places import Place
from clothzoo.retrieval.projection import Projection

if TYPE_CHECKING:
    import keras


def create(extractor: Extractor, metric: str, place: Place) -> Index:
    """Make an empty catalogue for the descriptors of an extractor.

    Args:
        extractor: what is going to fill and search it.
        metric: name of the distance.
        place: where there is none yet.

    Raises:
        InvalidInput: the extractor could not be had again to search a catalogue that lasts.
        CatalogueError: there is something already, or it cannot be written.
    """
    if place.lasting and not extractor.lasting:
        raise InvalidInput(
            f"{extractor.fingerprint['extractor']!r} without weights= is a random network, which "
            "nobody could have again to search a catalogue that lasts; give weights=, or keep the "
            "catalogue in memory (path=None)"
        )
    return place.create(dim=extractor.dim, metric=metric, fingerprint=extractor.fingerprint)


def open_or_create(extractor: Extractor, metric: str, place: Place) -> Index:
    """The catalogue at a place, opened if there is one, else made as by `create`.

    Raises:
        FingerprintMismatch: it was built by another extractor or has another metric.
        CatalogueError: it cannot be read or written.
    """
    if not place.exists():
        return create(extractor, metric, place)
    index = place.open()
    try:
        check_fingerprint(index.fingerprint, extractor.fingerprint, place)
        if index.metric != metric:
            raise FingerprintMismatch(
                f"catalogue {str(place)!r} has the metric {index.metric!r}, not {metric!r}; "
                f"say metric={index.metric!r}, or build another catalogue"
            )
    except BaseException:
        index.close()
        raise
    return index


def said_by_catalogue(place: Place) -> tuple[Descriptor, str] | None:
    """The descriptor and the measure of the catalogue at a place.

    Returns:
        Them, or None where there is no catalogue, or it does not say.

    Raises:
        CatalogueError: it cannot be read.
        InvalidInput: it has lost its projection.
    """
    if not place.exists():
        return None
    with place.open() as index:
        if "level" not in index.fingerprint:
            return None
        projection = Origin.of(index).fitted
        return Descriptor.from_dict(index.fingerprint, projection), index.metric


def settled_metric(extractor: Extractor, wish: Wish) -> str:
    """The measure for an extractor that has its descriptor already.

    Raises:
        InvalidInput: more than a measure is wished for, or it means nothing on its descriptors.
    """
    if wish != Wish(metric=wish.metric):
        raise InvalidInput(
            "this extractor has its descriptor already; give look=, level= and the like where it "
            "is built: Extractor.build(source, look_of(source, 'same-kind').descriptor())"
        )
    if extractor.descriptor is None:
        return wish.metric or "braycurtis"
    metric = wish.metric or metric_of(extractor.descriptor.to_dict())
    extractor.descriptor.check_metric(metric)
    return metric


def rebuild(
    fingerprint: Mapping[str, Any],
    place: Place,
    model: keras.Model | None,
    weights: str | Path | None,
    runtime: str = "auto",
    projection: Projection | None = None,
) -> Extractor:
    """Make the extractor that a catalogue was built with.

    Args:
        fingerprint: what the catalogue says of it.
        place: where that is, for messages.
        model: the user's own model, where it was built with one.
        weights: of the architecture: "imagenet" or a path.
        runtime: what computes; see `Extractor.build`.
        projection: that of its descriptors, where they have one.

    Returns:
        The extractor; whether its weights are the same is for the caller to check.

    Raises:
        InvalidInput: the catalogue does not say, or only the user has the model.
        WeightsNotFound: there is no such file.
    """
    catalogue = str(place)
    opening = f"RetrievalEngine.open({catalogue!r}"
    if "extractor" not in fingerprint:
        raise InvalidInput(
            f"catalogue {catalogue!r} does not say what made its vectors; it can be searched "
            "with vectors of your own, through its index (clothzoo.retrieval.index)"
        )
    source = fingerprint["extractor"]
    if source == OWN_MODEL and model is None:
        raise InvalidInput(
            f"catalogue {catalogue!r} was built with a Keras model of your own; "
            f"give it again: {opening}, extractor=model)"
        )
    from_architecture = source != OWN_MODEL and not is_preset(source)
    if from_architecture:
        if weights is None:
            raise InvalidInput(
                f"catalogue {catalogue!r} was built with {source!r}, but where its weights "
                f"are is not known here; say so: {opening}, weights=…)"
            )
        if weights != "imagenet" and not Path(weights).exists():
            raise WeightsNotFound(
                f"catalogue {catalogue!r} was built with {source!r} and the weights "
                f"{str(weights)!r}, which are no longer there; say where they are now: "
                f"{opening}, weights=…)"
            )
    precision = fingerprint["precision"]
    return Extractor.build(
        model if source == OWN_MODEL else source,
        Descriptor.from_dict(fingerprint, projection),
        weights=weights if from_architecture else None,
        preprocessing=Preprocessing.from_dict(fingerprint["preprocessing"]),
        runtime=runtime,
        # A Keras policy may have names besides; the fingerprints are compared afterwards.
        precision=precision if precision in PRECISIONS else "auto",
    )
