"""A preset's folder, written whole: what training ends with."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clothzoo.errors import InvalidInput
from clothzoo.hub import card, files, golden, presets, tensors
from clothzoo.hub.fetch import earlier
from clothzoo.hub.filling import dump
from clothzoo.hub.presets import (
    Data,
    Golden,
    Metric,
    Origin,
    Preset,
    Source,
    Training,
    Unknown,
    Weights,
)
from clothzoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras


def write_preset(
    folder: str | Path,
    model: keras.Model,
    *,
    arguments: Mapping[str, Any],
    labels: Mapping[str, Sequence[str]],
    preprocessing: Preprocessing,
    summary: str,
    intended_use: str,
    limits: str,
    licence: str,
    data: Sequence[Data],
    training: Training,
    metrics: Sequence[Metric] = (),
    origin: Sequence[Origin] = (),
    changed: str = "first training",
    unknown: Unknown | None = None,
    history: str | Path | None = None,
    dtype: str = "float16",
) -> Preset:
    """Write weights, record, card and training log.

    A folder that is a preset already gets the next revision number if it was published, and is
    replaced if it was not. Measure on the reloaded preset: `dtype` rounds the weights.

    Args:
        folder: `…/<architecture>.<tag>`; its name is the preset's.
        model: made by that architecture's factory with `arguments`.
        arguments: the factory's keyword arguments that give the network its shape.
        labels: {task: class names in the order of the outputs}.
        preprocessing: pictures → input.
        summary: one sentence for the card.
        intended_use: what it is for.
        limits: where it fails.
        licence: SPDX identifier of the weights.
        data: what it was trained on.
        training: how it came about.
        metrics: what was measured.
        origin: works that the weights are derived from.
        changed: one line on what this revision changed.
        unknown: threshold for 'not clothing'.
        history: the training log, a CSV file.
        dtype: "float16" or "float32", how the weights are stored.

    Returns:
        The record.

    Raises:
        InvalidInput: the folder's name is no preset's, the folder holds something else, or a
            weight is not finite.
        WeightsMismatch: `arguments` do not make this model.
    """
    folder = Path(folder)
    before = _before(folder)
    architecture, _, tag = folder.name.partition(".")
    weights = dump(model, dtype)
    header = tensors.header(weights, model.name)
    preset = Preset(
        schema=presets.SCHEMA,
        architecture=architecture,
        tag=tag,
        summary=summary,
        intended_use=intended_use,
        limits=limits,
        revision=1,
        changed=changed,
        arguments=arguments,
        labels={task: tuple(names) for task, names in labels.items()},
        preprocessing=preprocessing,
        weights=Weights(
            header.parameters,
            len(weights),
            files.sha256(weights),
            header.digest,
            licence,
            tuple(origin),
        ),
        source=Source(),
        golden=Golden(0, {}),
        training=training,
        data=tuple(data),
        metrics=tuple(metrics),
        earlier=(),
        unknown=unknown,
    )
    if before is not None:
        preset = _following(before, preset)
    preset = dataclasses.replace(preset, golden=golden.measure(preset, weights))
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / presets.WEIGHTS, weights)
    if history is not None and Path(history) != folder / presets.HISTORY:
        shutil.copyfile(history, folder / presets.HISTORY)
    save(preset, folder)
    return preset


def save(preset: Preset, folder: str | Path) -> None:
    """Write a preset's record and its card, e.g. after measuring.

    Args:
        preset: the record, e.g. `dataclasses.replace(preset, metrics=…)`.
        folder: where its weights lie.
    """
    folder = Path(folder)
    files.write(folder / presets.RECORD, preset.to_toml().encode())
    files.write(folder / presets.CARD, card.render(preset).encode())


def _before(folder: Path) -> Preset | None:
    if (folder / presets.RECORD).is_file():
        return Preset.read(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} holds other files; give a new folder for the preset")
    return None


def _following(before: Preset, preset: Preset) -> Preset:
    published = bool(before.source.commit) and before.sha256 != preset.sha256
    source = before.source
    if published:
        source = Source(source.repository, mirrors=source.mirrors)
    return dataclasses.replace(
        preset,
        revision=before.revision + published,
        source=source,
        earlier=before.earlier + ((earlier(before),) if published else ()),
    )
