"""Which part of a photo and of a hit made them alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from clothzoo.datasets.photo import Box, Photo, Pixels, open_photo
from clothzoo.errors import FingerprintMismatch, InvalidInput
from clothzoo.explain.gradients import MapGradient
from clothzoo.explain.heat import Floats, Method, method_of, on_photo, scaled
from clothzoo.explain.networks import depends, layer_giving, map_layer
from clothzoo.retrieval.colours import SPACES, places
from clothzoo.retrieval.composition import Composition
from clothzoo.retrieval.descriptors import Descriptor, Part, Pooling
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import OWN_MODEL, Extractor
from clothzoo.retrieval.hits import Hit
from clothzoo.retrieval.network import KerasNetwork

Heat = tuple[bool, Floats]
"""Whether a heat map is of colours, and the map."""


def similarity_map(
    engine: RetrievalEngine,
    query: Photo,
    hit: Hit | Photo,
    *,
    method: str = "hires_cam",
    level: str | None = None,
    contrast: bool = True,
    box: Box | None = None,
) -> tuple[Floats, Floats]:
    """Which part of a query and of a hit made them alike.

    What is shown is what the two descriptors have in common under the engine's measure (see
    `common`), traced back through the network to the places that it comes from. Much of it any
    two photos have in common, an even ground for one; so what each of the two has in common with
    the catalogue's items on average is taken off first.

    Args:
        engine: what was searched.
        query: a photo, or an item's id.
        hit: what was found, or an item's id, or a photo.
        method: "hires_cam" tells exactly how much each place of the descriptor's map adds to what
            is common; "grad_cam" and "grad_cam++" weigh whole channels.
        level: whose map is looked at, at or below that of the descriptor; its own where None,
            for a fusion each of its own.
        contrast: whether to take off what is common with any item. Without it the maps tell all
            that the pair has in common.
        box: as in the search.

    Returns:
        Two heat maps, float32 (height, width) of the upright photos of query and hit, from 0
        to 1; 1 is the place that adds most.

    Raises:
        UnreadablePhoto: a photo cannot be decoded.
        InvalidInput: there is no such id, method or level, an item's photo is not to be found, or
            the descriptors are made by a projection, which cannot be traced back.

    Example:
        >>> from clothzoo import RetrievalEngine, explain
        >>> engine = RetrievalEngine.open("catalogue")  # doctest: +SKIP
        >>> hit = engine.search("query.jpg", k=1)[0]  # doctest: +SKIP
        >>> of_query, of_hit = explain.similarity_map(engine, "query.jpg", hit)  # doctest: +SKIP
    """
    weigh = method_of(method)
    photos = [photo_of(engine, query), photo_of(engine, hit)]
    boxes = (box, None)
    tracer = _tracer(engine)
    prepare = engine.extractor.preprocessing
    pixels = [
        open_photo(p, box=b, size_hint=prepare.size) for p, b in zip(photos, boxes, strict=True)
    ]
    batch = np.stack([prepare.one(one) for one in pixels])
    others = _some_vectors(engine) if contrast and len(engine) > 1 else None
    traced = tracer.trace(batch, pixels, engine.metric, weigh, level, others)
    maps = []
    for photo, box_of, heats in zip(photos, boxes, traced, strict=True):
        size = open_photo(photo).shape[:2]
        laid = [
            # Colours are counted over the whole photo, whatever the network sees of it.
            on_photo(
                heat, replace(prepare, resize="stretch") if of_colour else prepare, size, box_of
            )
            for of_colour, heat in heats
        ]
        maps.append(scaled(np.sum(laid, axis=0)))
    return maps[0], maps[1]


def common(u: Floats, v: Floats, metric: str) -> Floats:
    """What two descriptors have in common, value by value.

    Each measure sets what two vectors have in common against how much there is of them:

    - cosine: 1 − Σ common, with common = u·v / (‖u‖‖v‖)
    - euclidean: √(‖u‖² + ‖v‖² − 2 Σ common), with common = u·v
    - manhattan: Σ|u| + Σ|v| − 2 Σ common, with common = min(|u|, |v|), 0 for unlike signs
    - braycurtis: 1 − 2 Σ common / Σ(u + v), where no value is negative; common as for manhattan

    Args:
        u: float (D,) or (N, D).
        v: float (D,) or (N, D).
        metric: name of the measure.

    Returns:
        float (D,) or (N, D).
    """
    if metric in ("manhattan", "braycurtis"):
        return np.asarray((np.abs(u) + np.abs(v) - np.abs(u - v)) / 2)
    shared = u * v
    if metric == "cosine":
        size = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
        shared = shared / np.where(size > 0, size, 1)[..., None]
    return np.asarray(shared)


class Tracer:
    """Traces what two descriptors have in common back to places on the photos.

    Args:
        network: that of a catalogue's extractor, run by Keras.
        descriptor: what it makes of which maps.

    Raises:
        InvalidInput: something of the descriptor cannot be traced back.
    """

    def __init__(self, network: KerasNetwork, descriptor: Descriptor) -> None:
        _check_traceable(descriptor)
        self._network = network
        self._descriptor = descriptor
        self._composition = Composition(descriptor, network.sizes)
        self._cut: dict[tuple[str, Part], MapGradient] = {}
        self._lock = threading.Lock()

    def trace(
        self,
        batch: Floats,
        pixels: Sequence[Pixels],
        metric: str,
        method: Method,
        level: str | None = None,
        others: Floats | None = None,
    ) -> list[list[Heat]]:
        """Trace what the descriptors of two photos have in common.

        Args:
            batch: float32 (2, H, W, C), both photos, prepared.
            pixels: uint8 (H, W, 3), both photos as they are.
            metric: name of the measure.
            method: one of `clothzoo.explain.heat.METHODS`.
            level: as for `similarity_map`.
            others: float32 (N, D) descriptors; what each photo has in common with these on
                average is taken off.

        Returns:
            For each photo its heat maps, float32 (h, w), one for each level of the descriptor
            that depends on the map, and whether it is of colours. Their unit is the same: the
            mean of one by "hires_cam" is the sum, over its level's values, of what is common.

        Raises:
            InvalidInput: no level of the descriptor depends on such a map.
        """
        histograms = zip(*(self._composition.colours(one) for one in pixels), strict=True)
        colours = [np.stack(both) for both in histograms]
        vectors = self._composition.join(self._network(batch), colours)
        shared = np.tile(common(vectors[0], vectors[1], metric), (2, 1))
        if others is not None:
            least = _ROUNDING * np.abs(shared).max()
            shared -= [common(vector, others, metric).mean(axis=0) for vector in vectors]
            shared[np.abs(shared) <= least] = 0  # a map of it would be one of rounding errors
        heats: list[list[Heat]] = [[], []]
        for part, gradient, values in self._gradients(level):
            maps, pooled = gradient.maps(batch)
            # What is common of a value comes from the places that the value itself comes from,
            # each with its share; the norms and the other photo are held fixed.
            share = _ratio(shared[:, values], part.folded(pooled))
            direction = part.unfolded(share, pooled.shape[1])
            slope = gradient(batch, maps, direction)
            for heat, one, its_slope in zip(heats, maps, slope, strict=True):
                heat.append((False, method(one, its_slope) * one.shape[0] * one.shape[1]))
        for part, counts, values in self._colours(level, colours):
            direction = _ratio(shared[:, values], counts)
            grid = Pooling.of(part.pooling).grid
            for heat, one, its in zip(heats, pixels, direction, strict=True):
                found = places(one, its, part.level, grid=grid)
                heat.append((True, found * found.size))
        return heats

    def _colours(
        self, level: str | None, colours: Sequence[Floats]
    ) -> Iterator[tuple[Part, Floats, slice]]:
        """Each part of colours, its histograms, and which values of the descriptor are its."""
        found = iter(colours)
        for part, values in self._parts():
            if part.of_colour:
                counts = next(found)
                if level in (None, part.level):
                    yield part, counts, values

    def _parts(self) -> Iterator[tuple[Part, slice]]:
        start = 0
        for part, length in zip(self._descriptor.parts, self._composition.lengths, strict=True):
            yield part, slice(start, start + length)
            start += length

    def _gradients(self, level: str | None) -> list[tuple[Part, MapGradient, slice]]:
        """Each level's gradient, and which values of the descriptor are the level's."""
        model, found = self._network.model, []
        levels = self._descriptor.levels
        chosen = map_layer(model, level) if level is not None and level not in levels else None
        for part, values in self._parts():
            if part.of_colour:
                continue
            vector, source = self._pooled(part)
            layer = chosen
            if layer is None:
                layer = source or map_layer(keras.Model(model.inputs, vector))
            if level in (None, part.level) or (chosen and depends(model, vector, layer)):
                found.append((part, self._gradient(layer, part, vector), values))
        if not found and level not in SPACES:
            raise InvalidInput(
                f"descriptors of level {self._descriptor.level!r} do not depend on {level!r}; "
                "name a level at or below it"
            )
        return found

    def _pooled(self, part: Part) -> tuple[Any, keras.layers.Layer | None]:
        """A part's vector before it is normalised, and the layer whose map it is pooled from."""
        model = self._network.model
        names = {layer.name for layer in model.layers}
        pool = f"{part.level}_{part.of_network}"
        if pool not in names:  # the level is a vector already
            return model.get_layer(part.level).output, None
        layer = model.get_layer(pool)
        return layer.output, layer_giving(model, layer.input)

    def _gradient(self, layer: keras.layers.Layer, part: Part, vector: Any) -> MapGradient:
        with self._lock:
            key = (layer.name, part)
            if key not in self._cut:
                self._cut[key] = MapGradient(self._network.model, layer, vector)
            return self._cut[key]


def photo_of(engine: RetrievalEngine, item: Hit | Photo) -> Photo:
    """The photo of a query or a hit.

    Args:
        engine: whose items ids are of.
        item: a hit, an id, or a photo.

    Raises:
        InvalidInput: it is neither, or the item's photo is not to be found.
    """
    if isinstance(item, np.ndarray) and np.issubdtype(item.dtype, np.floating):
        raise InvalidInput("a descriptor has no places to show; give the photo that it is of")
    if isinstance(item, Hit):
        name = item.id
    elif isinstance(item, str) and not Path(item).is_file():
        name = item
    else:
        return item
    if name not in engine:
        raise InvalidInput(
            f"{name!r} is neither the file of a photo nor the id of one of the {len(engine):,} "
            "items in this catalogue"
        )
    photo = engine.photo(name)
    if photo is None:
        raise InvalidInput(
            f"the photo of item {name!r} is not to be found: it was moved, or was added from "
            "memory; give the photo itself"
        )
    return photo


_SAMPLE = 512
_ROUNDING = 1e-5  # of float32 sums, between two runtimes of one network


def _some_vectors(engine: RetrievalEngine) -> Floats:
    """Descriptors of items drawn evenly from the catalogue: every tenth, say."""
    step, start, parts = -(-len(engine) // _SAMPLE), 0, []
    for batch in engine.index.batches():
        parts.append(batch.vectors[-start % step :: step])
        start += len(batch.ids)
    return np.concatenate(parts)


_TRACERS: WeakKeyDictionary[Extractor, Tracer] = WeakKeyDictionary()
_BUILDING = threading.Lock()


def _tracer(engine: RetrievalEngine) -> Tracer:
    extractor = engine.extractor
    with _BUILDING:
        if extractor not in _TRACERS:
            network = _keras_network(engine)
            _TRACERS[extractor] = Tracer(network, _descriptor(extractor))
        return _TRACERS[extractor]


def _keras_network(engine: RetrievalEngine) -> KerasNetwork:
    """The engine's network run by Keras: a compiled one has no gradients."""
    extractor = engine.extractor
    if isinstance(extractor.network, KerasNetwork):
        return extractor.network
    made = extractor.fingerprint
    if not extractor.lasting or made["extractor"] == OWN_MODEL:
        raise InvalidInput(
            "this engine's network is compiled and has no gradients, and only you have the model "
            "that it was made of; make the engine with runtime='keras'"
        )
    descriptor = _descriptor(extractor)
    _check_traceable(descriptor)  # before the network is loaded
    built = Extractor.build(
        made["extractor"],
        descriptor,
        weights=extractor.weights,
        preprocessing=extractor.preprocessing,
        runtime="keras",
    )
    if built.fingerprint["weights_sha256"] != made["weights_sha256"]:
        raise FingerprintMismatch(
            f"the weights of {made['extractor']!r} are others than those that the catalogue was "
            "built with"
        )
    assert isinstance(built.network, KerasNetwork)
    return built.network


def _descriptor(extractor: Extractor) -> Descriptor:
    if extractor.descriptor is None:
        raise InvalidInput(
            "this engine's extractor does not say what it makes of which feature maps; make it "
            "with Extractor.build"
        )
    return extractor.descriptor


def _check_traceable(descriptor: Descriptor) -> None:
    if descriptor.projection is not None:
        raise InvalidInput(
            "what these descriptors have in common cannot be traced back to places of the photos: "
            "a projection mixes all values. Search without one instead"
        )


def _ratio(shared: Floats, values: Floats) -> Floats:
    return np.divide(shared, values, out=np.zeros_like(values), where=values != 0)
