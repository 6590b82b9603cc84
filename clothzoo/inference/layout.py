"""Carrying the transposes of an OpenVINO model to where they cancel.

Keras's maps end with their channels, OpenVINO's convolutions want them first, so Keras exports each
convolution, pooling and batch normalisation between two transposes. They stand in the way of
OpenVINO's own fusions and take as long as the convolutions themselves. Here each is carried through
what does not mind the order of axes, until it meets its inverse.

Reference:
    What OpenVINO's frontend for TensorFlow does under the name of transpose sinking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino.opset13 as ops
from openvino.passes import ConstantFolding, Manager

Perm = tuple[int, ...]

_UNARY = [
    "Abs",
    "Clamp",
    "Convert",
    "Elu",
    "Exp",
    "Gelu",
    "Relu",
    "Sigmoid",
    "Sqrt",
    "Swish",
    "Tanh",
]
_BINARY = [
    "Add",
    "Divide",
    "Maximum",
    "Minimum",
    "Multiply",
    "Power",
    "SquaredDifference",
    "Subtract",
]
_REDUCING = {
    "ReduceMax": ops.reduce_max,
    "ReduceMean": ops.reduce_mean,
    "ReduceSum": ops.reduce_sum,
}


def cancel_transposes(model: Any) -> None:
    """Change a model so that it computes the same with as few transposes as can be.

    Args:
        model: an `openvino.Model`.
    """
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    for op in model.get_ordered_ops():
        rule = _RULES.get(op.get_type_name())
        if rule is not None:
            rule(op)
    model.validate_nodes_and_infer_types()


def _source(output: Any) -> tuple[Perm, Any] | None:
    """The axes of a transpose that gives this output, and what is transposed."""
    node = output.get_node()
    if node.get_type_name() != "Transpose":
        return None
    perm = _constant(node.input_value(1))
    return None if perm is None else (tuple(int(axis) for axis in perm), node.input_value(0))


def _constant(output: Any) -> Any:
    node = output.get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None


def _replace(op: Any, output: Any) -> None:
    for reader in op.output(0).get_target_inputs():
        reader.replace_source_output(output)


def _transposed(output: Any, perm: Perm) -> Any:
    return ops.transpose(output, np.array(perm, np.int64)).output(0)


def _carry_through(op: Any) -> None:
    """An operation on one map, number by number."""
    found = _source(op.input_value(0))
    if found is None:
        return
    perm, source = found
    _compute_before(perm, op, [source])


def _compute_before(perm: Perm, op: Any, sources: list[Any]) -> None:
    """Let an operation read what is not transposed yet, and its readers what is then."""
    readers = op.output(0).get_target_inputs()
    for number, source in enumerate(sources):
        op.input(number).replace_source_output(source)
    op.validate_and_infer_types()
    after = _transposed(op.output(0), perm)
    for reader in readers:
        reader.replace_source_output(after)


def _carry_through_normalisation(op: Any) -> None:
    """A batch normalisation, which is of the second axis; the others may change places."""
    found = _source(op.input_value(0))
    if found is not None and found[0][1] == 1:
        _carry_through(op)


def _carry_through_both(op: Any) -> None:
    """An operation on two maps, or on a map and a constant, number by number."""
    found = [_source(op.input_value(n)) for n in (0, 1)]
    perm = next((f[0] for f in found if f is not None), None)
    if perm is None:
        return
    sources = []
    for number, (place, other) in enumerate(zip(found, reversed(found), strict=True)):
        if place is not None:
            if other is not None and other[0] != place[0]:
                return
            sources.append(place[1])
            continue
        value = _constant(op.input_value(number))
        if value is None or value.ndim > len(perm):
            return
        spread = value.reshape((1,) * (len(perm) - value.ndim) + value.shape)
        sources.append(ops.constant(spread.transpose(np.argsort(perm))).output(0))
    _compute_before(perm, op, sources)


def _carry_through_concat(op: Any) -> None:
    found = [f for f in map(_source, op.input_values()) if f is not None]
    perms = {perm for perm, _ in found}
    if len(found) < len(op.input_values()) or len(perms) > 1:
        return
    (perm,) = perms
    joined = ops.concat([source for _, source in found], perm[op.get_attributes()["axis"]])
    _replace(op, _transposed(joined.output(0), perm))


def _carry_through_pad(op: Any) -> None:
    found, widths = _source(op.input_value(0)), [_constant(op.input_value(n)) for n in (1, 2)]
    if found is None or any(width is None for width in widths):
        return
    perm, source = found
    begin, end = (width[np.argsort(perm)].astype(np.int64) for width in widths)
    padded = ops.pad(source, begin, end, op.get_attributes()["pad_mode"].lower(), op.input_value(3))
    _replace(op, _transposed(padded.output(0), perm))


def _reduce_source(op: Any) -> None:
    """A mean, maximum or sum over some axes; only what is left keeps an order."""
    found, axes = _source(op.input_value(0)), _constant(op.input_value(1))
    if found is None or axes is None:
        return
    perm, source = found
    gone = {int(axis) % len(perm) for axis in np.atleast_1d(axes)}
    left = [perm[axis] for axis in range(len(perm)) if axis not in gone]
    keeps = bool(op.get_attributes()["keep_dims"])
    if not keeps and left != sorted(left):
        return
    reduce = _REDUCING[op.get_type_name()]
    result = reduce(source, np.array([perm[axis] for axis in sorted(gone)], np.int64), keeps)
    _replace(op, _transposed(result.output(0), perm) if keeps else result.output(0))


def _join_transposes(op: Any) -> None:
    """Two in a row are one, or none."""
    found, perm = _source(op.input_value(0)), _constant(op.input_value(1))
    if found is None or perm is None:
        return
    joined = tuple(found[0][int(axis)] for axis in perm)
    plain = joined == tuple(range(len(joined)))
    _replace(op, found[1] if plain else _transposed(found[1], joined))


_RULES: dict[str, Callable[[Any], None]] = {
    **dict.fromkeys(_UNARY, _carry_through),
    **dict.fromkeys(_BINARY, _carry_through_both),
    **dict.fromkeys(_REDUCING, _reduce_source),
    "BatchNormInference": _carry_through_normalisation,
    "Concat": _carry_through_concat,
    "Pad": _carry_through_pad,
    "Transpose": _join_transposes,
}
