"""One line to a pretrained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from clothzoo.dtypes import dtype_policy
from clothzoo.errors import InvalidInput
from clothzoo.hub import presets
from clothzoo.hub.fetch import at_revision
from clothzoo.models import architecture


def load(
    name: str | Path,
    /,
    *,
    classes: int | None = None,
    tasks: Mapping[str, int] | None = None,
    input_shape: Sequence[int] | None = None,
    include_top: bool = True,
    dtype: str | None = None,
    revision: int | None = None,
    **options: Any,
) -> keras.Model:
    """Build a preset's network and load its weights.

    The weights come from the nearest place that has them (see `clothzoo.hub.fetch`) and are
    checked before one is used. Whatever differs from the preset is adapted where that makes
    sense: another head starts fresh (and a warning says so in the log), a first kernel for one
    channel serves three and the other way round.

    Args:
        name: `<architecture>.<tag>`, or the path of a preset's folder.
        classes: number of classes of one's own, for a single-task network.
        tasks: {task: number of classes} of one's own, for a multi-task network; where tasks have
            layers to themselves, those of a new one begin as those of the preset's first.
        input_shape: (height, width, channels) other than the preset's.
        include_top: whether the network ends in class probabilities.
        dtype: a Keras dtype policy such as "bfloat16" or "mixed_bfloat16"; the current one where
            None.
        revision: an older published revision of the preset; the newest where None.
        **options: further arguments of the factory, e.g. `pooling="avg"`.

    Returns:
        A plain Functional model.

    Raises:
        PresetNotFound: no preset has that name.
        InvalidInput: an argument cannot be used.
        WeightsNotFound, WeightsCorrupted: no sound copy of the weights can be had.
        WeightsMismatch: the weights make no sense in a network of these arguments.

    Example:
        >>> import clothzoo
        >>> model = clothzoo.load("inception_cnn.fashion_mnist", classes=5)  # doctest: +SKIP
    """
    newest = presets.preset(name)
    preset = at_revision(newest, revision)
    record = architecture(preset.architecture)
    if classes is not None and record.multi_task:
        raise InvalidInput(f"{preset.name} has several tasks; pass tasks={{...}}, not classes")
    if tasks is not None and not record.multi_task:
        raise InvalidInput(f"{preset.name} has one task; pass classes=..., not tasks")
    weights: str | Path = f"{preset.name}@{preset.revision}"
    if str(name) != preset.name:
        if preset is not newest:
            raise InvalidInput(f"a folder holds one revision; {name} is {newest.revision}")
        weights = Path(name)
    changed = {"classes": classes, "tasks": tasks, "input_shape": input_shape}
    given = {key: value for key, value in changed.items() if value is not None} | options
    with dtype_policy(dtype):
        return record.factory(
            include_top=include_top, weights=weights, **{**preset.arguments, **given}
        )
