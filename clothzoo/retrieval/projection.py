"""Shorter descriptors: a linear projection learned from descriptors, kept as plain numbers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, WeightsCorrupted, WeightsNotFound
from clothzoo.retrieval import durable

Vectors = NDArray[np.float32]

_NOTHING = 1e-15  # a spread no larger than this is rounding


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map to fewer values: `(x - mean) @ matrix`, and what makes that non-negative.

    Args:
        matrix: float32 (D, d).
        mean: float32 (D,), subtracted first.
        non_negative: each value is split into its positive and its negative part, one behind the
            other, so that there are 2 d values, none below zero. The Manhattan distance between
            split vectors is what it was, and Bray-Curtis distance means something.

    Raises:
        InvalidInput: the shapes do not fit, or a number is not finite.

    Example:
        >>> Projection(np.eye(2, 1, dtype="float32"), np.zeros(2, "float32"), True)([[-3.0, 1.0]])
        array([[0., 3.]], dtype=float32)
    """

    matrix: Vectors = field(repr=False)
    mean: Vectors = field(repr=False)
    non_negative: bool = False

    def __post_init__(self) -> None:
        for name in ("matrix", "mean"):
            value = np.ascontiguousarray(getattr(self, name), np.float32)
            if not np.isfinite(value).all():
                raise InvalidInput(f"the {name} of a projection has NaN or infinity")
            object.__setattr__(self, name, value)
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1] or not self.size:
            raise InvalidInput(
                f"a projection needs a matrix (D, d) and a mean (D,), not {self.matrix.shape} and "
                f"{self.mean.shape}"
            )

    @classmethod
    def fit(
        cls,
        vectors: NDArray[Any],
        size: int,
        *,
        labels: Sequence[Hashable] | None = None,
        shrinkage: float = 0.3,
        whiten: float = 0.0,
        non_negative: bool = False,
    ) -> Projection:
        """Learn the axes that matter from descriptors.

        Args:
            vectors: real numbers (N, D), of photos like those to be searched.
            size: how many values a projected descriptor has.
            labels: (N,) what is alike. Then the directions in which alike photos differ are made
                small first; without labels the axes are the principal ones.
            shrinkage: how far the spread within a label is drawn towards an even one, 0 to 1: the
                fewer photos, the more.
            whiten: 0 leaves each axis its spread, 1 gives all the same, between them is a
                compromise: each is divided by its spread to that power.
            non_negative: see the class; then half as many axes are kept.

        Raises:
            InvalidInput: the size is not to be had from so many vectors or values, or is odd
                where it is to be split; or a number is out of range.

        Reference:
            Jégou, Chum, "Negative evidences and co-occurences in image retrieval: the benefit of
            PCA and whitening", ECCV 2012. Hatch, Kajarekar, Stolcke, "Within-class covariance
            normalization for SVM-based speaker recognition", Interspeech 2006 (with labels).
        """
        x = np.asarray(vectors, np.float64)
        if x.ndim != 2 or not np.isfinite(x).all():
            raise InvalidInput(
                f"a projection is learned from finite vectors (N, D), not from shape {x.shape}"
            )
        if non_negative and size % 2:
            raise InvalidInput(f"size={size}: a split projection has an even number of values")
        axes = size // 2 if non_negative else size
        most = min(len(x) - 1, x.shape[1])
        if not 1 <= axes <= most:
            raise InvalidInput(
                f"size={size} needs {axes} axes, and {len(x)} vectors of {x.shape[1]} values have "
                f"at most {most}; give more vectors, or a smaller size"
            )
        mean = x.mean(axis=0)
        x = x - mean
        evened = None if labels is None else _within(x, labels, shrinkage)
        if evened is not None:
            x = x @ evened
        matrix, spread = _principal(x, axes)
        if not spread[0] > _NOTHING:
            raise InvalidInput(
                f"the {len(x)} vectors are all the same, so there is nothing to learn from them; "
                "check the descriptor that they come from"
            )
        matrix = matrix / np.maximum(spread, spread[0] * 1e-6) ** whiten
        if evened is not None:
            matrix = evened @ matrix
        return cls(matrix.astype(np.float32), mean.astype(np.float32), non_negative)

    @property
    def size(self) -> int:
        """Number of values in a projected descriptor."""
        return int(self.matrix.shape[1]) * (2 if self.non_negative else 1)

    @property
    def signed(self) -> bool:
        """Whether its values can be below zero."""
        return not self.non_negative

    def __call__(self, vectors: NDArray[Any] | Sequence[Sequence[float]]) -> Vectors:
        """Project vectors (N, D) to float32 (N, size).

        Raises:
            InvalidInput: they have another length than those it was learned from.
        """
        x = np.asarray(vectors, np.float32)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise InvalidInput(
                f"this projection takes vectors of {len(self.mean):,} values, not of shape "
                f"{x.shape}; it was learned from other descriptors"
            )
        y = (x - self.mean) @ self.matrix
        if self.non_negative:
            y = np.concatenate([np.maximum(y, 0), np.maximum(-y, 0)], axis=1)
        return np.asarray(y, np.float32)

    @cached_property
    def sha256(self) -> str:
        """A hash of all of it: 64 hex digits."""
        digest = hashlib.sha256(f"{self.matrix.shape} {self.non_negative}".encode())
        for values in (self.matrix, self.mean):
            digest.update(values.astype("<f4").tobytes())
        return digest.hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """What a fingerprint says of it."""
        return {"size": self.size, "non_negative": self.non_negative, "sha256": self.sha256}

    def to_bytes(self) -> bytes:
        """It as the content of a safetensors file."""
        values = {"matrix": self.matrix, "mean": self.mean}
        about = {"non_negative": str(self.non_negative).lower()}
        return bytes(safetensors.numpy.save(values, about))

    @classmethod
    def from_bytes(cls, content: bytes) -> Projection:
        """What `to_bytes` gave.

        Raises:
            WeightsCorrupted: it is not a projection's.
        """
        try:
            values = safetensors.numpy.load(content)
            length = int.from_bytes(content[:8], "little")
            about = json.loads(content[8 : 8 + length]).get("__metadata__", {})
            return cls(values["matrix"], values["mean"], about.get("non_negative") == "true")
        except (KeyError, ValueError, safetensors.SafetensorError) as error:
            raise WeightsCorrupted(f"this is not the content of a projection: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a safetensors file; a file of that name is replaced in one step."""
        durable.write(Path(path), [self.to_bytes()])
        durable.sync_folder(Path(path).absolute().parent)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Projection:
        """Read what `save` wrote.

        Raises:
            WeightsNotFound: there is no such file.
            WeightsCorrupted: it is not a projection's.
        """
        try:
            return cls.from_bytes(Path(path).read_bytes())
        except FileNotFoundError as error:
            raise WeightsNotFound(f"there is no projection {os.fspath(path)!r}") from error
        except WeightsCorrupted as error:
            raise WeightsCorrupted(f"{os.fspath(path)!r}: {error}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Projection) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)


def _principal(x: NDArray[Any], axes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The principal axes (D, axes) of centred vectors, and the spread along each."""
    if len(x) > x.shape[1]:
        spread, found = np.linalg.eigh(x.T @ x / len(x))
    else:  # the smaller of the two Gram matrices has the same axes
        spread, sides = np.linalg.eigh(x @ x.T / len(x))
        found = x.T @ sides
        found /= np.maximum(np.linalg.norm(found, axis=0), np.finfo(np.float64).tiny)
    return found[:, ::-1][:, :axes], np.sqrt(np.maximum(spread[::-1][:axes], _NOTHING**2))


def _within(x: NDArray[Any], labels: Sequence[Hashable], shrinkage: float) -> NDArray[Any]:
    """What makes the spread of vectors around the mean of their label even, (D, D)."""
    if len(labels) != len(x) or not 0 <= shrinkage <= 1:
        raise InvalidInput(
            f"{len(x)} vectors need {len(x)} labels, not {len(labels)}, and shrinkage is from 0 "
            f"to 1, not {shrinkage}"
        )
    number = {label: n for n, label in enumerate(dict.fromkeys(labels))}
    member = np.array([number[label] for label in labels])
    sums = np.zeros((len(number), x.shape[1]))
    np.add.at(sums, member, x)
    rest = x - (sums / np.bincount(member)[:, None])[member]
    spread = rest.T @ rest / len(x)
    even = np.trace(spread) / len(spread)
    if not even > _NOTHING**2:
        raise InvalidInput(
            "within each label all vectors are the same, so nothing shows how alike photos "
            "differ; give several photos of some labels"
        )
    spread = (1 - shrinkage) * spread + shrinkage * even * np.eye(len(spread))
    values, axes = np.linalg.eigh(spread)
    return np.asarray((axes / np.sqrt(np.maximum(values, even * 1e-6))) @ axes.T)
