"""What an entry of the registry is, and where entries are found.

A preset is a folder `<architecture>.<tag>/` whose `preset.toml` says everything about it; the
records below are that file, key for key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from clothzoo.errors import InvalidInput, PresetNotFound, did_you_mean
from clothzoo.hub import toml
from clothzoo.preprocessing import Preprocessing

SCHEMA = 1
RECORD = "preset.toml"
WEIGHTS = "model.safetensors"
HISTORY = "history.csv"
CARD = "README.md"

_PACKAGE = Path(__file__).resolve().parents[1]
PACKAGED = _PACKAGE / "weights"
"""Presets that were installed with the package."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


@dataclass(frozen=True)
class Origin:
    """A work that the weights are derived from, e.g. an ImageNet network."""

    name: str
    url: str
    licence: str


@dataclass(frozen=True)
class Weights:
    """The file `model.safetensors`.

    Args:
        parameters: numbers in it.
        size: bytes on disk.
        sha256: of the whole file, 64 hex digits.
        tensors: sha256 of its table of names, types and shapes.
        licence: SPDX identifier of the weights.
        origin: works that they are derived from.
    """

    parameters: int
    size: int
    sha256: str
    tensors: str
    licence: str
    origin: tuple[Origin, ...]


@dataclass(frozen=True)
class Source:
    """Where the weights are published.

    Args:
        repository: "namespace/name" on the Hub; empty while unpublished.
        commit: 40 hex digits; empty while unpublished.
        record: sha256 of `preset.toml` as it was published; empty while unpublished.
        mirrors: folders or https addresses that hold `<preset>/model.safetensors`.
    """

    repository: str = ""
    commit: str = ""
    record: str = ""
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """A data set that the weights were trained on; `sha256` is empty where it has no one file."""

    name: str
    url: str
    licence: str
    sha256: str


@dataclass(frozen=True)
class Golden:
    """Logits for seeded pictures, so that an upgrade of Keras or Pillow cannot drift unnoticed.

    Args:
        seed: the pictures are `clothzoo.hub.golden.pictures(seed, n)`.
        logits: {task: (n, classes)} values before the activation.
    """

    seed: int
    logits: Mapping[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Training:
    """How the weights came about.

    Args:
        recipe: name of the recipe file; empty for a loop of one's own.
        commit: git commit of the recipe; empty outside a checkout.
        device: e.g. "2 CPU cores".
        seconds: wall-clock duration.
        versions: {package: version}.
    """

    recipe: str
    commit: str
    device: str
    seconds: float
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Metric:
    """One measured figure.

    Args:
        dataset: its name.
        split: e.g. "test".
        task: a key of the preset's labels.
        n: number of pictures.
        metric: e.g. "accuracy".
        value: as a fraction, not in percent.
        interval: (low, high), 95 %; empty where none was computed.
        seed: of the interval's bootstrap.
        command: what measured it.
    """

    dataset: str
    split: str
    task: str
    n: int
    metric: str
    value: float
    interval: tuple[float, ...]
    seed: int
    command: str


@dataclass(frozen=True)
class Unknown:
    """Below this score a picture is 'not clothing'.

    Args:
        score: what is compared, e.g. "energy".
        threshold: the least score of a garment.
        kept: fraction of the calibration garments at or above the threshold.
        calibrated_on: the data and split used.
    """

    score: str
    threshold: float
    kept: float
    calibrated_on: str


@dataclass(frozen=True)
class Earlier:
    """An older published revision; `sha256` is of its weights, `record` of its preset.toml."""

    revision: int
    changed: str
    repository: str
    commit: str
    sha256: str
    record: str


@dataclass(frozen=True)
class Preset:
    """An architecture with trained weights: everything that `preset.toml` says.

    Args:
        schema: version of this layout.
        architecture: id, e.g. "inception_residual_cnn".
        tag: e.g. "fashion_mnist".
        summary: one sentence.
        intended_use: for the card.
        limits: for the card: where it fails.
        revision: 1, 2, 3 …
        changed: one line on what this revision changed.
        arguments: the factory's keyword arguments that give the network its shape.
        labels: {task: class names in the order of the outputs}; one task where there are no more.
        preprocessing: pictures → input.
        weights: the file.
        source: where it is published.
        golden: outputs to check against.
        training: how it came about.
        data: what it was trained on.
        metrics: what was measured.
        earlier: older published revisions.
        unknown: the threshold for 'not clothing', where one was calibrated.
    """

    schema: int
    architecture: str
    tag: str
    summary: str
    intended_use: str
    limits: str
    revision: int
    changed: str
    arguments: Mapping[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    preprocessing: Preprocessing
    weights: Weights
    source: Source
    golden: Golden
    training: Training
    data: tuple[Data, ...]
    metrics: tuple[Metric, ...]
    earlier: tuple[Earlier, ...]
    unknown: Unknown | None = None

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise InvalidInput(
                f"schema {self.schema} is not {SCHEMA}, the one that this clothzoo reads; "
                "upgrade clothzoo or write the preset anew"
            )
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"{self.name!r} is not <architecture>.<tag> in snake case")
        for where, text, pattern in (
            ("weights.sha256", self.weights.sha256, _SHA256),
            ("weights.tensors", self.weights.tensors, _SHA256),
            ("source.commit", self.source.commit or "0" * 40, _COMMIT),
            ("source.record", self.source.record or "0" * 64, _SHA256),
        ):
            if not pattern.fullmatch(text):
                raise InvalidInput(f"'{where}' must be lower-case hexadecimal, not {text!r}")
        for task, rows in self.golden.logits.items():
            if any(len(row) != len(self.labels.get(task, ())) for row in rows):
                raise InvalidInput(f"'golden.logits.{task}' does not fit the labels")

    @property
    def name(self) -> str:
        """`<architecture>.<tag>`."""
        return f"{self.architecture}.{self.tag}"

    @property
    def sha256(self) -> str:
        """Of the weights file."""
        return self.weights.sha256

    @property
    def licence(self) -> str:
        """Of the weights."""
        return self.weights.licence

    @classmethod
    def read(cls, folder: str | Path) -> Preset:
        """Read a preset's folder.

        Args:
            folder: it holds `preset.toml`.

        Returns:
            The record.

        Raises:
            PresetNotFound: there is no such file.
            InvalidInput: a key is missing or unknown, or a value cannot be used.
        """
        path = Path(folder) / RECORD
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise PresetNotFound(f"{folder} holds no {RECORD}: it is not a preset's folder") from (
                error
            )
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not TOML: {error}") from error
        return cls.parse(text, name=path)

    @classmethod
    def parse(cls, text: str, *, name: str | Path = RECORD) -> Preset:
        """Read the text of a `preset.toml`; errors call it `name`."""
        return toml.loads(text, cls, name=name)

    def to_toml(self) -> str:
        """The text of `preset.toml`; the same text for equal records."""
        return toml.dumps(self)


def roots() -> list[Path]:
    """Folders that hold presets, the first one first.

    `CLOTHZOO_WEIGHTS` (folders separated as in `PATH`) comes in front. A checkout's own
    `weights/` precedes what lies inside the package: an editable install copies the files there
    once, and they go stale.
    """
    own = [Path(p).expanduser() for p in os.environ.get("CLOTHZOO_WEIGHTS", "").split(os.pathsep)]
    checkout = _PACKAGE.parent
    candidates = [p for p in own if p != Path()]
    if (checkout / "pyproject.toml").is_file():
        candidates.append(checkout / "weights")
    candidates.append(PACKAGED)
    return [p for p in candidates if p.is_dir()]


def folders() -> dict[str, Path]:
    """{preset's name: its folder}, sorted by name; where two share a name, the first root's."""
    found: dict[str, Path] = {}
    for root in roots():
        for record in root.glob(f"*/{RECORD}"):
            found.setdefault(record.parent.name, record.parent)
    return dict(sorted(found.items()))


def list_presets(pattern: str = "*") -> list[str]:
    """Names of the known presets.

    Args:
        pattern: as in a shell, e.g. "*fashion*".

    Returns:
        Sorted names `<architecture>.<tag>`.
    """
    return [name for name in folders() if fnmatchcase(name, pattern)]


def folder(name: str | Path) -> Path:
    """The folder of a preset.

    Args:
        name: `<architecture>.<tag>`, or the path of a folder that holds a `preset.toml`.

    Returns:
        Its path.

    Raises:
        PresetNotFound: no preset has that name.
    """
    known = folders()
    if str(name) in known:
        return known[str(name)]
    if (Path(name) / RECORD).is_file():
        return Path(name)
    raise PresetNotFound(f"no preset {str(name)!r}{did_you_mean(str(name), known)}")


def preset(name: str | Path) -> Preset:
    """Everything that is known about a preset.

    Args:
        name: `<architecture>.<tag>`, or the path of a preset's folder.

    Returns:
        A frozen record: labels, preprocessing, metrics, licence, sha256 …

    Raises:
        PresetNotFound: no preset has that name; the message offers the nearest ones.
        InvalidInput: its `preset.toml` is damaged.

    Example:
        >>> import clothzoo
        >>> preset = clothzoo.preset("inception_residual_cnn.fashion_mnist")  # doctest: +SKIP
        >>> preset.labels["category"][0]  # doctest: +SKIP
        'T-shirt/top'
    """
    return Preset.read(folder(name))
