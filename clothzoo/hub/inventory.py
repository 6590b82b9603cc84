"""What lies here: the table of presets, pulling them, and checking each against its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clothzoo.errors import ClothzooError, PresetNotFound, did_you_mean
from clothzoo.hub import card, presets, tensors
from clothzoo.hub.fetch import fetch, whereabouts
from clothzoo.hub.presets import Preset


@dataclass(frozen=True)
class Row:
    """A line of the table of presets; `where` is as in `clothzoo.hub.fetch.whereabouts`."""

    preset: Preset
    where: str

    @property
    def figures(self) -> str:
        """The measured figures in short, e.g. "accuracy 0.951"."""
        several = len(self.preset.labels) > 1
        return ", ".join(
            f"{m.task} " * several + f"{m.metric} {m.value:.3f}" for m in self.preset.metrics
        )


@dataclass(frozen=True)
class Verdict:
    """Whether a preset is what its record says; `problems` is empty where it is."""

    name: str
    problems: tuple[str, ...]


def table(pattern: str = "*") -> list[Row]:
    """Every known preset and where its weights lie; Keras is not imported.

    Args:
        pattern: as in a shell, e.g. "*fashion*".
    """
    rows = []
    for name in _matching(pattern):
        folder = presets.folder(name)
        preset = Preset.read(folder)
        rows.append(Row(preset, whereabouts(preset, folder)))
    return rows


def pull(pattern: str = "*") -> Iterator[tuple[str, Path]]:
    """Make sure that presets' weights are on this machine, verified.

    Args:
        pattern: as in a shell, e.g. "*fashion*".

    Yields:
        (name, path of the weights file), one as soon as it is there.

    Raises:
        PresetNotFound: nothing matches.
        WeightsNotFound, WeightsCorrupted: no sound copy of the weights can be had.
    """
    names = _matching(pattern)
    if not names:
        raise PresetNotFound(f"no preset matches {pattern!r}{did_you_mean(pattern, _matching())}")
    for name in names:
        folder = presets.folder(name)
        yield name, fetch(Preset.read(folder), folder).path


def verify(pattern: str = "*", *, run: bool = True) -> Iterator[Verdict]:
    """Check every preset that lies here against its record; the Hub is not asked.

    Args:
        pattern: as in a shell, e.g. "*fashion*".
        run: also build the network and compare its golden outputs, which needs Keras.

    Yields:
        A verdict for each.
    """
    for name in _matching(pattern):
        try:
            folder = presets.folder(name)
            preset = Preset.read(folder)
            if whereabouts(preset, folder) == "hub":
                continue
            problems = tuple(_problems(name, preset, folder, run=run))
        except ClothzooError as error:
            problems = (str(error),)
        yield Verdict(name, problems)


def _matching(pattern: str = "*") -> list[str]:
    return presets.list_presets(pattern)


def _problems(name: str, preset: Preset, folder: Path, *, run: bool) -> Iterator[str]:
    if preset.name != name:
        yield f"the folder is called {name}, its record says {preset.name}"
    found = fetch(preset, folder, sources=())
    header = tensors.header(found.data, found.path)
    if header.digest != preset.weights.tensors:
        yield f"tensor table {header.digest}, expected {preset.weights.tensors}"
    if header.parameters != preset.weights.parameters:
        yield f"{header.parameters} parameters, expected {preset.weights.parameters}"
    page = folder / presets.CARD
    if page.is_file() and page.read_text(encoding="utf-8") != card.render(preset):
        yield f"{page} is not what the record generates; it is never edited by hand"
    if run:
        from clothzoo.hub import golden

        if (drift := golden.drift(preset, found.data)) > golden.TOLERANCE:
            yield f"golden outputs are off by {drift:.2g} of the largest logit"
