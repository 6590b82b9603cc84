"""Where a network's feature maps are: level or stage → name of the layer."""

from __future__ import annotations

from collections import OrderedDict

import keras

from clothzoo.errors import InvalidInput
from clothzoo.layers import CrossStitch
from clothzoo.models import architecture, list_models
from clothzoo.models._registry import Architecture


def feature_layers(model: keras.Model) -> OrderedDict[str, str]:
    """The layers of one of our networks whose outputs are feature maps.

    It goes by the names of the layers, so it also works on a model that was saved, reloaded, cut
    or given another head.

    Args:
        model: made by one of the factories, or containing its layers.

    Returns:
        "low", "mid", "high", then each stage, from image to head → layer name. Where each task
        has a branch of its own, a level is the first task's, and "<task>_<level>" each task's.

    Raises:
        InvalidInput: no architecture of the zoo has left its layers in the model.
    """
    names = [layer.name for layer in model.layers if not isinstance(layer, CrossStitch)]
    for model_id in list_models():
        record = architecture(model_id)
        found = _stages(record, names)
        if {record.low, record.mid} <= set(found):
            stages = [stage for stage in record.stages if stage in found]
            levels = {"low": record.low, "mid": record.mid, "high": stages[-1]}
            result: OrderedDict[str, str] = OrderedDict()
            for label, stage in [*levels.items(), *((s, s) for s in stages)]:
                branches = found[stage]
                result[label] = next(iter(branches.values()))
                for task, layer in branches.items():
                    if task:
                        result[f"{task}_{label}"] = layer
            return result
    raise InvalidInput(
        f"model {model.name!r} has no feature maps that clothzoo knows; name a layer of it "
        f"instead, e.g. level={names[-1]!r}"
    )


def _stages(record: Architecture, names: list[str]) -> dict[str, dict[str, str]]:
    """Stage → task → layer, for the stages that are there; the task of a shared layer is ''."""
    found: dict[str, dict[str, str]] = {}
    if not set(record.stages[:1]) & set(names):
        return found  # the first stage is never in a branch
    for stage in record.stages:
        if stage in names:
            found[stage] = {"": stage}
        else:
            branches = {n.removesuffix(f"_{stage}"): n for n in names if n.endswith(f"_{stage}")}
            if branches:
                found[stage] = branches
    return found
