"""From photos to bags of visual words, with scikit-learn's manners."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.photo import Photo
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.retrieval.classics.points import KINDS, SAMPLING, Points, find_points
from clothzoo.retrieval.classics.words import (
    NORMALISATION,
    count_words,
    find_words,
    learn_vocabulary,
    normalised,
    rarity,
)
from clothzoo.streaming import one_or_many

Result = TypeVar("Result")

_THREADS = min(8, os.cpu_count() or 1)


@dataclass(eq=False)
class VisualWords:
    """Describes photos by the local features that they have, sorted into words.

    The arguments are kept as they are and checked by `fit`, as scikit-learn's estimators do, so
    that its `clone` and its searches over settings work.

    Args:
        kind: of the local features: "surf" or "sift".
        sampling: where they are taken: "dense", on a regular grid, or "detected", at the corners
            and blobs that the kind's own detector finds.
        side: pixels that a photo's longer side is scaled to first.
        words: how many are learnt.
        pyramid: levels of the spatial pyramid: 1 is the whole photo, 2 has its quarters too, 3
            its sixteenths.
        tf_idf: whether a word counts for more the fewer photos have it.
        normalisation: one of "hellinger", "l1" and "l2".
        seed: of whatever is drawn by chance.

    Attributes:
        vocabulary_: float32 (words, d), the words, each the centre of a cluster of features.
        rarity_: float32 (words,), what a word counts for; ones without `tf_idf`.

    Example:
        >>> from clothzoo.datasets.rendered import render
        >>> from clothzoo.similarity import Gallery
        >>> photos = [record.image for record in render(10, views=2)]
        >>> bags = VisualWords(words=50).fit(photos).describe(photos)
        >>> indices, distances = Gallery(bags, "braycurtis").search(bags, k=2)
    """

    kind: str = "surf"
    sampling: str = "dense"
    side: int = 256
    words: int = 1024
    pyramid: int = 2
    tf_idf: bool = True
    normalisation: str = "l1"
    seed: int = 0
    vocabulary_: NDArray[np.float32] = field(init=False, repr=False)
    rarity_: NDArray[np.float32] = field(init=False, repr=False)

    def fit(
        self, photos: Sequence[Photo] | Sequence[Points] | NDArray[np.uint8], y: object = None
    ) -> Self:
        """Learn the words, and how rare they are.

        The local features of all photos are held in memory meanwhile, up to 1 MB a photo; some
        hundred photos of the sort to be searched are enough.

        Args:
            photos: paths, PIL images or arrays of uint8 pixels; or the `Points` that `find_points`
                found in them, which settings that only differ in their words can share.
            y: nothing; scikit-learn's pipelines pass it.

        Returns:
            This object.

        Raises:
            InvalidInput: a setting cannot be, or the photos have fewer features than words.
            UnreadablePhoto: the first photo that cannot be decoded.
            ExtraMissing: what computes the features is not installed, or scikit-learn.
        """
        self._check()
        points = self._each(photos, lambda found: found)
        self.vocabulary_ = learn_vocabulary(points, self.words, self.seed)
        self.rarity_ = np.ones(self.words, np.float32)
        if self.tf_idf:
            self.rarity_ = rarity(
                np.stack(
                    [
                        np.bincount(find_words(p.features, self.vocabulary_), minlength=self.words)
                        for p in points
                    ]
                )
            )
        return self

    def describe(self, photos: Photo | Sequence[Photo] | Sequence[Points]) -> NDArray[np.float32]:
        """Compute the descriptors of one photo or many.

        Args:
            photos: a path, a PIL image, uint8 pixels, or a sequence of these or of their `Points`.

        Returns:
            Non-negative float32 (N, dim), in the order of the photos; N is 1 for a single photo.
            A photo without any local feature is all zeros.

        Raises:
            InvalidInput: `fit` was not called before.
            UnreadablePhoto: the first photo that cannot be decoded.
            ExtraMissing: what computes the features is not installed.
        """
        if not hasattr(self, "vocabulary_"):
            raise InvalidInput(f"{self} has learnt no words yet; call fit(photos) first")
        bags = self._each(photos, self._bag)
        return normalised(
            np.array(bags, np.float32).reshape(len(bags), self.dim), self.normalisation
        )

    @property
    def dim(self) -> int:
        """Number of values in a descriptor."""
        cells: int = sum(4**level for level in range(self.pyramid))
        return self.words * cells

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments by name; `deep` is scikit-learn's, and changes nothing here."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def set_params(self, **params: Any) -> Self:
        """Change arguments by name; what was learnt with the former ones is dropped.

        Raises:
            InvalidInput: there is no such argument.
        """
        for name, value in params.items():
            if name not in (known := self.get_params()):
                raise InvalidInput(f"VisualWords has no {name!r}{did_you_mean(name, known)}")
            setattr(self, name, value)
        for learnt in ("vocabulary_", "rarity_"):
            vars(self).pop(learnt, None)
        return self

    def _bag(self, found: Points) -> NDArray[np.float32]:
        words = find_words(found.features, self.vocabulary_)
        counts = count_words(words, found.places, self.words, self.pyramid)
        return np.asarray(counts.reshape(-1, self.words) * self.rarity_, np.float32).ravel()

    def _each(self, photos: Any, use: Callable[[Points], Result]) -> list[Result]:
        def one(photo: Photo | Points) -> Result:
            if isinstance(photo, Points):
                return use(photo)
            return use(find_points(photo, self.kind, self.sampling, self.side))

        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(one, one_or_many(photos)[1]))

    def _check(self) -> None:
        for name, known in (
            ("kind", KINDS),
            ("sampling", SAMPLING),
            ("normalisation", NORMALISATION),
        ):
            value = getattr(self, name)
            if value not in known:
                raise InvalidInput(f"no {name} {value!r}{did_you_mean(str(value), known)}")
        for name, least in (("side", 16), ("words", 2), ("pyramid", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name}={getattr(self, name)}: it must be at least {least}")
