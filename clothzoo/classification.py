"""`clothzoo.classify`: what garment a photo shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.photo import Box, Photo
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.hub.presets import Unknown
from clothzoo.inference.program import Program
from clothzoo.inference.recipe import Recipe
from clothzoo.inference.runtime import compiled
from clothzoo.logits import energy, softmax
from clothzoo.preprocessing import Preprocessing
from clothzoo.streaming import one_or_many, stream

if TYPE_CHECKING:
    import keras

Ranking: TypeAlias = list[tuple[str, float]]
"""(label, probability) pairs, the most probable first."""

UNKNOWN = "unknown"
"""The only label of a photo that is rejected."""

Answer: TypeAlias = Ranking | dict[str, Ranking]
"""What is said of one photo: a ranking, or one for each task of a multi-task network."""


class Classifier:
    """A network that is ready to name what is on photos.

    Args:
        model: gives logits (N, classes), or a dict of such, one for each task; a Keras model or a
            compiled network. (The logarithms of probabilities are logits too.)
        labels: {task: class names in the order of the outputs}; one task for a plain output.
        preprocessing: how photos are prepared for the model.
        unknown: what is not clothing; None where that was not calibrated.

    Raises:
        InvalidInput: the labels do not fit the model's outputs.
    """

    def __init__(
        self,
        model: keras.Model | Program,
        labels: Mapping[str, Sequence[str]],
        preprocessing: Preprocessing,
        unknown: Unknown | None = None,
    ) -> None:
        named = {task: len(names) for task, names in labels.items()}
        if isinstance(model, Program):
            name, sizes = "compiled", dict(zip(model.outputs, model.sizes, strict=True))
        else:
            name, outputs = model.name, model.output
            outputs = outputs if isinstance(outputs, dict) else {"": outputs}
            sizes = {task: output.shape[-1] for task, output in outputs.items()}
        if list(sizes) == [""]:
            sizes = dict.fromkeys(list(named)[:1], sizes[""])
        if sizes != named:
            raise InvalidInput(
                f"model {name!r} has outputs of so many classes: {sizes}; but there are "
                f"labels for {named}"
            )
        self.model = model
        self.labels = {task: tuple(names) for task, names in labels.items()}
        self.preprocessing = preprocessing
        self.unknown = unknown
        self._lock = threading.Lock()

    @overload  # an array may be one photo or several; the first form is what it mostly is
    def __call__(  # type: ignore[overload-overlap]
        self,
        photos: Photo,
        *,
        box: Box | None = None,
        top: int | None = None,
        reject: bool = False,
    ) -> Answer: ...
    @overload
    def __call__(
        self,
        photos: Sequence[Photo],
        *,
        box: Box | None = None,
        top: int | None = None,
        reject: bool = False,
    ) -> list[Answer]: ...
    def __call__(
        self,
        photos: Photo | Sequence[Photo],
        *,
        box: Box | None = None,
        top: int | None = None,
        reject: bool = False,
    ) -> Answer | list[Answer]:
        """Name what is on one photo or many; see `classify`."""
        one, many = one_or_many(photos)
        answers: list[Answer] = []
        for _, answer in self.stream(many, box=box, top=top, reject=reject):
            if isinstance(answer, UnreadablePhoto):
                raise answer
            answers.append(answer)
        return answers[0] if one else answers

    def stream(
        self,
        photos: Sequence[Photo],
        *,
        box: Box | None = None,
        top: int | None = None,
        reject: bool = False,
    ) -> Iterator[tuple[Photo, Answer | UnreadablePhoto]]:
        """Name what is on any number of photos, one after the other, skipping none.

        Args:
            photos: as for `classify`.
            box: as for `classify`.
            top: as for `classify`.
            reject: as for `classify`.

        Yields:
            Each photo, in order, with its answer, or the error that says why it has none.

        Raises:
            InvalidInput: what is to be rejected was not calibrated.
        """
        least = self._least_energy() if reject else -np.inf

        def run(batch: NDArray[np.float32]) -> list[Answer]:
            with self._lock:
                outputs = self._outputs(batch)
            named = isinstance(outputs, dict) and list(outputs) != [""]
            tables = outputs if named else dict.fromkeys(self.labels, _only(outputs))
            known = energy(tables[next(iter(self.labels))]) >= least
            chances = {task: softmax(tables[task]) for task in self.labels}
            answers = [
                {
                    task: _ranking(chances[task][n], self.labels[task], top)
                    if known[n]
                    else [(UNKNOWN, 1.0)]
                    for task in self.labels
                }
                for n in range(len(batch))
            ]
            return list(answers) if named else [next(iter(a.values())) for a in answers]

        for photo, answer in stream(
            photos, lambda photo: self.preprocessing.one(photo, box=box), run
        ):
            assert answer is not None  # every photo is prepared
            yield photo, answer

    def _least_energy(self) -> float:
        if self.unknown is None:
            raise InvalidInput(
                "it was not measured for this network what is no clothing; leave out reject"
            )
        return self.unknown.threshold

    def _outputs(self, batch: NDArray[np.float32]) -> Any:
        if isinstance(self.model, Program):
            return self.model(batch)
        return self.model.predict_on_batch(batch)


@overload
def classify(  # type: ignore[overload-overlap]
    photos: Photo,
    preset: str,
    *,
    box: Box | None = None,
    top: int | None = None,
    reject: bool = False,
    runtime: str = "auto",
) -> Answer: ...
@overload
def classify(
    photos: Sequence[Photo],
    preset: str,
    *,
    box: Box | None = None,
    top: int | None = None,
    reject: bool = False,
    runtime: str = "auto",
) -> list[Answer]: ...
def classify(
    photos: Photo | Sequence[Photo],
    preset: str,
    *,
    box: Box | None = None,
    top: int | None = None,
    reject: bool = False,
    runtime: str = "auto",
) -> Answer | list[Answer]:
    """Say what garment is on a photo.

    The network is kept between calls, so that many calls build it once.

    Args:
        photos: a path, a PIL image, uint8 pixels (H, W, 3), or a list of these.
        preset: a preset's name, e.g. "transfer_inception_v3.clothing_small".
        box: (x, y, width, height) of the garment, in pixels of each photo.
        top: how many labels to give; all where None.
        reject: answer `[("unknown", 1.0)]` where the photo looks like nothing that the network
            has learnt: its energy (arXiv:2010.03759) lies below the threshold of the preset's
            record, which lets 95 of 100 garments pass.
        runtime: "keras"; "openvino", which compiles the network for this processor and needs the
            extra `fast`; or "auto" for the faster one.

    Returns:
        [(label, probability), …], the most probable first; for a multi-task preset a dict with
        such a list for each task. For a list of photos, a list of these.

    Raises:
        PresetNotFound: no preset has that name.
        UnreadablePhoto: a photo cannot be decoded; the error names it.
        InvalidInput: the box reaches outside a photo, or `reject` was not calibrated.

    Example:
        >>> import clothzoo
        >>> clothzoo.classify("shirt.jpg", "transfer_inception_v3.clothing_small")  # doctest: +SKIP
        [('shirt', 0.93), ('longsleeve', 0.05), ...]
    """
    return classifier(preset, runtime)(photos, box=box, top=top, reject=reject)


def classifier(preset: str, runtime: str = "auto") -> Classifier:
    """The network of a preset, loaded once and then kept.

    Args:
        preset: a preset's name.
        runtime: as for `classify`.

    Returns:
        The same object for the same preset, as long as its weights are the same and no four
        other presets were used in between.

    Raises:
        PresetNotFound: no preset has that name.
    """
    from clothzoo.hub.presets import preset as find

    with _LOADING:
        return _loaded(preset, find(preset).sha256, runtime)


def rankings(answer: Answer) -> dict[str, Ranking]:
    """An answer by task; the task of a single-task network is called ""."""
    return answer if isinstance(answer, dict) else {"": answer}


_LOADING = threading.Lock()


@lru_cache(maxsize=4)
def _loaded(name: str, _sha256: str, runtime: str) -> Classifier:
    from clothzoo.hub.presets import preset as find

    record = find(name)
    model: keras.Model | Program | None = compiled(Recipe(name), runtime)
    if model is None:
        from clothzoo.models import load

        model = load(name, classifier_activation=None)
    return Classifier(model, record.labels, record.preprocessing, record.unknown)


def _only(outputs: Any) -> NDArray[Any]:
    """The one output of a single-task network."""
    return np.asarray(outputs[""] if isinstance(outputs, dict) else outputs)


def _ranking(row: NDArray[np.float64], labels: Sequence[str], top: int | None) -> Ranking:
    order = np.argsort(-row, kind="stable")[:top]
    return [(labels[n], float(row[n])) for n in order]
