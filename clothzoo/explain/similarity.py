"""Which part of a photo and of a hit made them alike."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import FingerprintMismatch, InvalidInput
from clothzoo.explain.gradients import MapGradient
from clothzoo.explain.heat import Floats, Method, method_of, on_photo, scaled
from clothzoo.explain.networks import depends, layer_giving, map_layer
from clothzoo.retrieval.composition import Composition
from clothzoo.retrieval.descriptors import Descriptor, Part, Pooling
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import OWN_MODEL, Extractor
from clothzoo.retrieval.hits import Hit
from clothzoo.retrieval.network import KerasNetwork


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
            the descriptors are made in a way that cannot be traced back: of colours, by a
            projection, folded or weighed.

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
    batch = np.concatenate([prepare(p, box=b) for p, b in zip(photos, boxes, strict=True)])
    others = _some_vectors(engine) if contrast and len(engine) > 1 else None
    traced = tracer.trace(batch, engine.metric, weigh, level, others)
    maps = []
    for photo, box_of, heats in zip(photos, boxes, traced, strict=True):
        size = open_photo(photo).shape[:2]
        laid = [on_photo(heat, prepare, size, box_of) for heat in heats]
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
        metric: str,
        method: Method,
        level: str | None = None,
        others: Floats | None = None,
    ) -> list[list[Floats]]:
        """Trace what the descriptors of two photos have in common.

        Args:
            batch: float32 (2, H, W, C), both photos, prepared.
            metric: name of the measure.
            method: one of `clothzoo.explain.heat.METHODS`.
            level: as for `similarity_map`.
            others: float32 (N, D) descriptors; what each photo has in common with these on
                average is taken off.

        Returns:
            For each photo its heat maps, float32 (h, w), one for each level of the descriptor
            that depends on the map. Their unit is the same: the mean of one by "hires_cam" is
            the sum, over its level's values, of what is common.

        Raises:
            InvalidInput: no level of the descriptor depends on such a map.
        """
        vectors = self._composition.join(self._network(batch))
        shared = np.tile(common(vectors[0], vectors[1], metric), (2, 1))
        if others is not None:
            least = _ROUNDING * np.abs(shared).max()
            shared -= [common(vector, others, metric).mean(axis=0) for vector in vectors]
            shared[np.abs(shared) <= least] = 0  # a map of it would be one of rounding errors
        heats: list[list[Floats]] = [[], []]
        for gradient, values in self._gradients(level):
            maps, pooled = gradient.maps(batch)
            # What is common of a value comes from the places that the value itself comes from,
            # each with its share; the norms and the other photo are held fixed.
            direction = np.divide(
                shared[:, values], pooled, out=np.zeros_like(pooled), where=pooled != 0
            )
            slope = gradient(batch, maps, direction)
            for heat, one, its_slope in zip(heats, maps, slope, strict=True):
                heat.append(method(one, its_slope) * one.shape[0] * one.shape[1])
        return heats

    def _gradients(self, level: str | None) -> list[tuple[MapGradient, slice]]:
        """Each level's gradient, and which values of the descriptor are the level's."""
        model, found, start = self._network.model, [], 0
        levels = self._descriptor.levels
        chosen = map_layer(model, level) if level is not None and level not in levels else None
        for part in self._descriptor.parts:
            vector, source = self._pooled(part)
            values = slice(start, start + vector.shape[-1])
            start = values.stop
            layer = chosen
            if layer is None:
                layer = source or map_layer(keras.Model(model.inputs, vector))
            if level in (None, part.level) or (chosen and depends(model, vector, layer)):
                found.append((self._gradient(layer, part, vector), values))
        if not found:
            raise InvalidInput(
                f"descriptors of level {self._descriptor.level!r} do not depend on {level!r}; "
                "name a level at or below it"
            )
        return found

    def _pooled(self, part: Part) -> tuple[Any, keras.layers.Layer | None]:
        """A part's vector before it is normalised, and the layer whose map it is pooled from."""
        model = self._network.model
        names = {layer.name for layer in model.layers}
        pool = f"{part.level}_{part.pooling}"
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
    reasons = [] if descriptor.projection is None else ["a projection mixes all values"]
    for part in descriptor.parts:
        if part.of_colour:
            reasons.append(f"{part.level!r} is taken from the photo's colours, not the network")
        elif Pooling.of(part.pooling).fold:
            reasons.append(f"{part.pooling!r} adds up channels of different meaning")
        if part.weight != 1:
            reasons.append(f"{part.level!r} is weighed")
    if reasons:
        raise InvalidInput(
            "what these descriptors have in common cannot be traced back to places of the photos: "
            f"{'; '.join(reasons)}. Search with plain levels instead, e.g. level='low' or "
            "level='low+high'"
        )
