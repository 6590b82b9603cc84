"""Every error that clothzoo raises on purpose.

Each derives from `ClothzooError`, so that one `except` catches them all, and from the built-in
that fits, so that code which does not know clothzoo behaves as usual. A message names the thing,
the reason and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ClothzooError(Exception):
    """The root of clothzoo's own errors."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; ours are sentences.
        return str(self.args[0]) if self.args else ""


class ArchitectureNotFound(ClothzooError, ValueError):
    """No architecture of that id is registered."""


class PresetNotFound(ClothzooError, ValueError):
    """No preset of that name is known."""


class WeightsNotFound(ClothzooError, FileNotFoundError):
    """The weights named exist nowhere that was searched."""


class WeightsMismatch(ClothzooError, ValueError):
    """The weights are sound, but do not fit the model."""


class WeightsCorrupted(ClothzooError, OSError):
    """A weights file is not, byte for byte, what its preset says."""


class SourceUnavailable(ClothzooError, ConnectionError):
    """A place that weights could come from cannot be reached just now."""


class CacheUnwritable(ClothzooError, OSError):
    """A downloaded file cannot be stored, e.g. because the disk is full."""


class PublishingFailed(ClothzooError, RuntimeError):
    """A preset could not be published, or did not come back as it went."""


class InvalidInput(ClothzooError, ValueError):
    """An argument cannot be used; the message says which and why."""


class ExtraMissing(ClothzooError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class BackendMissing(ExtraMissing):
    """Keras is installed but the backend it is set to is not."""


class CompilationFailed(ClothzooError, RuntimeError):
    """A network could not be compiled for the processor, or an exported one differs."""


class UnreadablePhoto(ClothzooError, ValueError):
    """A photo cannot be decoded; `reason` says why in a few words.

    Args:
        source: the photo as the user named it.
        reason: a few words, e.g. "truncated file".
    """

    def __init__(self, source: object, reason: str) -> None:
        super().__init__(f"cannot read photo {str(source)!r}: {reason}")
        self.source = source
        self.reason = reason


class RecipeNotFound(ClothzooError, FileNotFoundError):
    """No training recipe of that name is known."""


class RunMismatch(ClothzooError, ValueError):
    """A run's folder belongs to another recipe than the one to be resumed."""


class TrainingDiverged(ClothzooError, ArithmeticError):
    """The loss of a run became infinite or not a number."""


class DatasetNotFound(ClothzooError, FileNotFoundError):
    """A data set is neither on disk nor to be downloaded."""


class CatalogueError(ClothzooError, OSError):
    """A catalogue cannot be opened, read or written."""


class ExtractionFailed(ClothzooError, RuntimeError):
    """The machines that describe photos could not go on; what is there stays."""


class ItemNotFound(ClothzooError, KeyError):
    """No item of that id is in the catalogue."""


class FingerprintMismatch(ClothzooError, ValueError):
    """A catalogue was built by another extractor than the one that asks."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of a "not found" message: the nearest known names, or all of them.

    Args:
        name: what the user typed.
        known: every valid name.

    Returns:
        "; did you mean 'a' or 'b'?" where something is near, else "; known: a, b, c".
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    if near:
        return "; did you mean " + " or ".join(repr(n) for n in near) + "?"
    return "; known: " + ", ".join(known) if known else "; none is known yet"
