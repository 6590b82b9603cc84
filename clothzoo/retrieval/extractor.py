"""From photos to descriptors, and what tells the descriptors of two extractors apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.inference.recipe import Recipe
from clothzoo.inference.runtime import compiled, compiled_model, wants_compiled
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.composition import Composition
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.streaming import BATCH_SIZE, one_or_many, stream

if TYPE_CHECKING:
    import keras

    from clothzoo.inference.program import Program
    from clothzoo.retrieval.network import KerasNetwork

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
Item = TypeVar("Item")

_AS_IT_IS = Descriptor("low")  # one part, not normalised

OWN_MODEL = "own model"
"""What a fingerprint calls an extractor that the user brought as a Keras model."""


class Network(Protocol):
    """What computes vectors: prepared photos in, vectors out; callable from any thread."""

    dim: int
    precision: str

    def __call__(self, batch: NDArray[np.float32]) -> Vectors:
        """Float32 (N, height, width, channels) to float32 (N, dim)."""

    def weights_sha256(self) -> str:
        """One hash over all weights that are used."""


class CompiledNetwork:
    """A `Network` that was compiled for the processor.

    Args:
        program: what runs it.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        (self.dim,) = program.sizes
        self.sizes = tuple(program.record["parts"])
        self.precision = program.precision

    def __call__(self, batch: NDArray[np.float32]) -> Vectors:
        """Float32 (N, height, width, channels) to float32 (N, dim)."""
        return self._program(batch)[""]

    def weights_sha256(self) -> str:
        """The hash that Keras's network has; it was noted when that was compiled."""
        return str(self._program.record["weights_sha256"])


@dataclass
class _Job(Generic[Item]):
    """An item on its way to a vector, with the colours of its photo once that is read."""

    item: Item
    colours: list[Vector] = field(default_factory=list)


class Extractor:
    """Turns photos into descriptors.

    Args:
        network: what computes them.
        preprocessing: how photos are prepared for it.
        fingerprint: plain values that are equal where two extractors give comparable vectors.
        weights: where the weights of an architecture came from: "imagenet" or a path.
        composition: what is made of the network's vectors; None where they are the descriptors.
        batch_size: photos per call of the network.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        fingerprint: Mapping[str, Any],
        *,
        weights: str | None = None,
        composition: Composition | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._network = network
        self._composition = composition
        self.preprocessing = preprocessing
        self.fingerprint = dict(fingerprint)
        self.weights = weights
        self.batch_size = batch_size

    @classmethod
    def build(
        cls,
        source: str | keras.Model,
        descriptor: Descriptor | None = None,
        *,
        weights: str | Path | None = None,
        preprocessing: Preprocessing | None = None,
        batch_size: int = BATCH_SIZE,
        runtime: str = "auto",
        precision: str = "auto",
    ) -> Extractor:
        """Make an extractor of a preset, an architecture or any Keras model.

        Args:
            source: a preset's name, an architecture's id, or a model with one image input.
            descriptor: which feature maps are used and how; low level and average by default.
            weights: for an architecture: None (random), "imagenet", a preset's tag, or a path.
            preprocessing: in place of the preset's or the architecture's own; a model of your own
                needs it.
            batch_size: photos per call of the network.
            runtime: "keras"; "openvino", which compiles the network for this processor; or
                "auto" for the faster one, which for a model of your own is Keras.
            precision: of a compiled network: "float32"; "bfloat16", which is fast on a processor
                with instructions for it; "auto" for bfloat16 where there are such instructions
                and it finds the same hits (`clothzoo.inference.worker.OVERLAP`).

        Returns:
            The extractor; its fingerprint tells whether two of them give comparable vectors.

        Raises:
            InvalidInput: arguments that do not go together, or no such level.
            PresetNotFound, ArchitectureNotFound, WeightsMismatch: what they say.
            BackendMissing: Keras has no backend installed.
            ExtraMissing, CompilationFailed: `runtime="openvino"` cannot be had.
        """
        descriptor = descriptor or Descriptor()
        if isinstance(source, str):
            name, weights = named(source, weights)
            kept = None if is_preset(name) else _lasting(weights)
        else:
            name, kept = OWN_MODEL, None
            _check_own(source, weights, preprocessing)
        given = preprocessing.to_dict() if preprocessing else None
        wanted = descriptor.network_part()
        recipe = Recipe(name, kept, given, wanted.to_dict(), precision)
        known = is_preset(name) or kept is not None  # another process could build it
        program = compiled(recipe, runtime) if wants_compiled(runtime) and known else None
        network: CompiledNetwork | KerasNetwork
        if program is None:
            from clothzoo.retrieval import network as keras_bound

            if isinstance(source, str):
                _, model, preprocessing = keras_bound.load_source(name, weights, preprocessing)
            else:
                model = source
            assert preprocessing is not None
            keras_bound.check_fit(model, preprocessing)
            if runtime == "openvino":
                recipe = replace(recipe, preprocessing=preprocessing.to_dict())
                program = compiled_model(model, recipe)
            else:
                network = keras_bound.KerasNetwork(model, wanted)
        if program is not None:
            network = CompiledNetwork(program)
            preprocessing = Preprocessing.from_dict(program.record["preprocessing"])
        assert preprocessing is not None
        fingerprint = {
            "extractor": name,
            "weights_sha256": network.weights_sha256(),
            "preprocessing": preprocessing.to_dict(),
            **descriptor.to_dict(),
            "precision": network.precision,
        }
        return cls(
            network,
            preprocessing,
            fingerprint,
            weights=kept,
            composition=Composition(descriptor, network.sizes),
            batch_size=batch_size,
        )

    @property
    def network(self) -> Network:
        """What computes the descriptors."""
        return self._network

    @property
    def lasting(self) -> bool:
        """Whether the same extractor can be had again later: not so with random weights."""
        source = self.fingerprint["extractor"]
        return self.weights is not None or source == OWN_MODEL or is_preset(source)

    @property
    def runtime(self) -> str:
        """What computes: "openvino" for a compiled network, else "keras"."""
        return "openvino" if isinstance(self._network, CompiledNetwork) else "keras"

    @property
    def dim(self) -> int:
        """Number of values in a descriptor."""
        return self._network.dim if self._composition is None else self._composition.dim

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of values of each part of a descriptor, before any projection."""
        return (self.dim,) if self._composition is None else self._composition.lengths

    @property
    def descriptor(self) -> Descriptor | None:
        """The recipe of the descriptors; None where the network's vectors are used as they are."""
        return None if self._composition is None else self._composition.descriptor

    def describe(self, photos: Photo | Sequence[Photo], *, box: Box | None = None) -> Vectors:
        """Compute the descriptors of one photo or many.

        Args:
            photos: a path, a PIL image, uint8 pixels, or a sequence of these.
            box: (x, y, width, height) of the garment, in pixels of each photo.

        Returns:
            float32 (N, dim), in the order of the photos; N is 1 for a single photo.

        Raises:
            UnreadablePhoto: the first that cannot be decoded.
            InvalidInput: pixels are not uint8, or the box reaches outside a photo.
        """
        _, many = one_or_many(photos)
        out = np.empty((len(many), self.dim), np.float32)
        for row, (_, vector) in enumerate(self.stream(many, lambda photo: photo, box=box)):
            if isinstance(vector, UnreadablePhoto):
                raise vector
            out[row] = vector
        return out

    def stream(
        self,
        items: Iterable[Item],
        photo: Callable[[Item], Photo | None],
        *,
        box: Box | None = None,
    ) -> Iterator[tuple[Item, Vector | UnreadablePhoto | None]]:
        """Describe any number of photos, decoding the next while the network works.

        Args:
            items: whatever the caller keeps track of photos by.
            photo: an item → its photo, or None where nothing is to be computed; called in
                threads, so reading a file and hashing it belong here.
            box: as for `describe`.

        Yields:
            Each item, in order, with its descriptor float32 (dim,), the error that says why the
            photo cannot be read, or None where `photo` gave None.
        """
        composition = self._composition
        if composition is None:
            composition = Composition(_AS_IT_IS, (self._network.dim,))

        def prepare(job: _Job[Item]) -> NDArray[np.float32] | None:
            found = photo(job.item)
            if found is None:
                return None
            pixels = open_photo(found, box=box, size_hint=self.preprocessing.size)
            job.colours = composition.colours(pixels)
            return self.preprocessing.one(pixels)

        jobs = (_Job(item) for item in items)
        pooled: Iterator[tuple[_Job[Item], Vector | UnreadablePhoto | None]] = stream(
            jobs, prepare, self._network, batch_size=self.batch_size
        )
        for job, found in pooled:
            if isinstance(found, np.ndarray):
                found = composition.join(found[None], [part[None] for part in job.colours])[0]
            yield job.item, found


def is_preset(source: str) -> bool:
    """Whether an extractor's name is a preset's, `<architecture>.<tag>` or its folder."""
    return source != OWN_MODEL and not source.replace("_", "").isalnum()


def named(source: str, weights: str | Path | None) -> tuple[str, str | Path | None]:
    """Say a network in one way: a preset alone, or an architecture with "imagenet" or a path.

    Args:
        source: a preset's name, or an architecture's id.
        weights: for an architecture: None (random), "imagenet", a preset's tag, or a path.

    Raises:
        InvalidInput: a preset and weights besides were given.
    """
    if isinstance(weights, str) and weights != "imagenet" and weights.replace("_", "").isalnum():
        source, weights = f"{source}.{weights}", None
    if is_preset(source) and weights is not None:
        raise InvalidInput(
            f"preset {source!r} has weights of its own; "
            f"to use {str(weights)!r}, name the architecture alone"
        )
    return source, weights


def _check_own(
    model: keras.Model, weights: str | Path | None, preprocessing: Preprocessing | None
) -> None:
    if weights is not None:
        raise InvalidInput(
            "weights= goes with an architecture's id; load them into your own model first"
        )
    if preprocessing is None:
        raise InvalidInput(
            f"how are photos prepared for your model {model.name!r}? Give preprocessing="
            "clothzoo.preprocessing.Preprocessing(size=(height, width), scale=…, offset=…)"
        )


def _lasting(weights: str | Path | None) -> str | None:
    if weights is None or weights == "imagenet":
        return weights and "imagenet"
    return str(Path(weights).resolve())
