"""The processor's vector registers as Numba values.

LLVM neither finds the packed sum of absolute differences by itself nor uses the full register
width unless told to. These few operations, written in LLVM's own vector types, do both, and
they are correct on every processor: LLVM splits what one register cannot hold.

A register is named by its element: `np.float32`, `np.float64`, `np.uint8` (always 64 bytes) or
`np.int64` (always 8 sums); or, for so many float64 on every processor, by a number. Addresses are
plain integers, so that one compiled kernel serves every memory layout, mapped or not; whoever calls
keeps the array alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_ELEMENTS = {
    types.float64: ir.DoubleType(),
    types.float32: ir.FloatType(),
    types.float16: ir.HalfType(),
    types.uint8: _BYTE,
    types.int64: _LONG,
}
_BYTES = ir.VectorType(_BYTE, 64)
_SUMS = ir.VectorType(_LONG, 8)


def _processor_has(feature: str) -> bool:
    # What Numba compiles for, which NUMBA_CPU_NAME may set below what the processor can do.
    return f"+{feature}" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")


def lane_count(bits: int) -> int:
    """How many elements of `bits` bits one register of this processor holds.

    Args:
        bits: size of an element.

    Returns:
        A power of two: 16 for 32 bits with AVX-512, 4 where only 128-bit registers are sure.
    """
    register = 512 if _processor_has("avx512bw") else 256 if _processor_has("avx2") else 128
    return register // bits


class Register(types.Type):
    """Numba's type of a vector register.

    Args:
        element: Numba's type of one lane.
        lanes: how many there are; None: as many as suit the processor.
    """

    def __init__(self, element: Any, lanes: int | None = None) -> None:
        self.element = element
        fixed = {types.uint8: 64, types.int64: 8}
        self.lanes = lanes or fixed.get(element) or lane_count(element.bitwidth)
        super().__init__(f"Register({element} x {self.lanes})")


@register_model(Register)
class _RegisterModel(models.PrimitiveModel):
    def __init__(self, manager: Any, register: Register) -> None:
        super().__init__(manager, register, _vector(register))


def _vector(register: Register) -> ir.VectorType:
    return ir.VectorType(_ELEMENTS[register.element], register.lanes)


def _named(name: Any) -> Register:
    """The register that a kernel names, as the module says."""
    if isinstance(name, types.IntegerLiteral):
        return Register(types.float64, name.literal_value)
    return Register(name.dtype)


def _operation(typing: Callable[..., Any]) -> Callable[..., Any]:
    return intrinsic(prefer_literal=True)(typing)  # type: ignore[no-any-return]


def _call(builder: Any, name: str, result: Any, arguments: Any, **options: Any) -> Any:
    signature = ir.FunctionType(result, [a.type for a in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, arguments, **options)


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.PointerType())


def _widened(builder: Any, values: Any, storage: Any, register: Register) -> Any:
    if storage == register.element:
        return values
    widen = builder.uitofp if storage == types.uint8 else builder.fpext
    return widen(values, _vector(register))


@_operation
def lanes(context: Any, element: Any) -> Any:
    """The number of lanes of a register of `element`, known when a kernel is compiled."""
    count = _named(element).lanes
    return types.int64(element), lambda *_: ir.Constant(_LONG, count)


@_operation
def zeros(context: Any, element: Any) -> Any:
    """A register of zeros."""
    register = _named(element)
    return register(element), lambda *_: ir.Constant(_vector(register), None)


@_operation
def splat(context: Any, value: Any, element: Any) -> Any:
    """A register of float64 that holds one value in every lane."""
    register = _named(element)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _broadcast(builder, arguments[0], register.lanes)

    return register(types.float64, element), generate


def _broadcast(builder: Any, value: Any, count: int) -> Any:
    empty = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, empty, _order([0] * count))


@_operation
def load(context: Any, address: Any, storage: Any, element: Any) -> Any:
    """Read as many `storage` numbers as a register of `element` has lanes, converted to it."""
    register = _named(element)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = ir.VectorType(_ELEMENTS[storage.dtype], register.lanes)
        values = builder.load(_pointer(builder, arguments[0]), typ=source, align=1)
        return _widened(builder, values, storage.dtype, register)

    return register(types.int64, storage, element), generate


@_operation
def load_first(context: Any, address: Any, count: Any, storage: Any, element: Any) -> Any:
    """As `load`, but touch the first `count` numbers only; the other lanes are zero."""
    register = _named(element)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = ir.VectorType(_ELEMENTS[storage.dtype], register.lanes)
        numbers = ir.Constant(ir.VectorType(_LONG, register.lanes), list(range(register.lanes)))
        wanted = builder.icmp_signed(
            "<", numbers, _broadcast(builder, arguments[1], register.lanes)
        )
        suffix = {"i8": "i8", "half": "f16", "float": "f32", "double": "f64"}[str(source.element)]
        values = _call(
            builder,
            f"llvm.masked.load.v{register.lanes}{suffix}.p0",
            source,
            [
                _pointer(builder, arguments[0]),
                ir.Constant(_INT, 1),
                wanted,
                ir.Constant(source, None),
            ],
        )
        return _widened(builder, values, storage.dtype, register)

    return register(types.int64, types.int64, storage, element), generate


@_operation
def add_lanes(context: Any, values: Any, address: Any) -> Any:
    """Add a register's lanes to as many neighbouring float64 numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        floats = ir.VectorType(ir.DoubleType(), values.lanes)
        target = _pointer(builder, arguments[1])
        before = builder.load(target, typ=floats, align=1)
        after = builder.fadd(before, builder.sitofp(arguments[0], floats))
        builder.store(after, target, align=1)
        return context.get_dummy_value()

    return types.void(values, types.int64), generate


@_operation
def add(context: Any, a: Any, b: Any) -> Any:
    """The sum a + b, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return (builder.add if a.element == types.int64 else builder.fadd)(*arguments)

    return a(a, b), generate


@_operation
def subtract(context: Any, a: Any, b: Any) -> Any:
    """The difference a − b, lane by lane."""
    return a(a, b), lambda context, builder, signature, arguments: builder.fsub(*arguments)


@_operation
def multiply(context: Any, a: Any, b: Any) -> Any:
    """The product a · b, lane by lane."""
    return a(a, b), lambda context, builder, signature, arguments: builder.fmul(*arguments)


@_operation
def absolute(context: Any, a: Any) -> Any:
    """|a|, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        name = f"llvm.fabs.v{a.lanes}f{a.element.bitwidth}"
        return _call(builder, name, arguments[0].type, arguments)

    return a(a), generate


@_operation
def add_minimum(context: Any, sum_: Any, a: Any, b: Any) -> Any:
    """The sum of `sum_` and the lesser of a and b, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before, *pair = arguments
        return builder.fadd(before, builder.select(builder.fcmp_ordered("<", *pair), *pair))

    return sum_(sum_, a, b), generate


@_operation
def add_product(context: Any, sum_: Any, a: Any, b: Any) -> Any:
    """The sum of `sum_` and a · b, lane by lane; in one instruction where there is one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before, *pair = arguments
        name = f"llvm.fmuladd.v{a.lanes}f{a.element.bitwidth}"
        return _call(builder, name, before.type, [*pair, before])

    return sum_(sum_, a, b), generate


@_operation
def total(context: Any, a: Any) -> Any:
    """The sum of a register's lanes: its upper half is added to its lower until one is left."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (sums,) = arguments
        while sums.type.count > 1:
            half = sums.type.count // 2
            lower, upper = (_picked(builder, sums, range(s, s + half)) for s in (0, half))
            sums = builder.fadd(lower, upper)
        return builder.extract_element(sums, ir.Constant(_INT, 0))

    return a.element(a), generate


@_operation
def add_totals(context: Any, a: Any, b: Any, c: Any, d: Any, address: Any) -> Any:
    """Add the sums of four registers' lanes to four neighbouring float64 numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # Four sums at once: neighbours are added until four numbers are left, which takes half
        # the instructions of four separate sums.
        *registers, address = arguments
        sums = _joined(
            builder, *(_joined(builder, *pair) for pair in (registers[:2], registers[2:]))
        )
        while sums.type.count > 4:
            even, odd = (_picked(builder, sums, range(o, sums.type.count, 2)) for o in (0, 1))
            sums = builder.fadd(even, odd)
        four = ir.VectorType(ir.DoubleType(), 4)
        if sums.type != four:
            sums = builder.fpext(sums, four)
        target = _pointer(builder, address)
        before = builder.load(target, typ=four, align=1)
        builder.store(builder.fadd(before, sums), target, align=1)
        return context.get_dummy_value()

    return types.void(a, b, c, d, types.int64), generate


def _joined(builder: Any, first: Any, second: Any) -> Any:
    count = 2 * first.type.count
    return builder.shuffle_vector(first, second, _order(range(count)))


def _picked(builder: Any, values: Any, positions: Iterable[int]) -> Any:
    return builder.shuffle_vector(values, values, _order(positions))


def _order(positions: Iterable[int]) -> ir.Constant:
    numbers = list(positions)
    return ir.Constant(ir.VectorType(_INT, len(numbers)), numbers)


@_operation
def not_above(context: Any, a: Any, b: Any) -> Any:
    """The lanes in which a > b does not hold, as bits; a NaN on either side counts."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = builder.fcmp_unordered("<=", *arguments)
        return builder.zext(builder.bitcast(lanes, ir.IntType(a.lanes)), _LONG)

    return types.int64(a, b), generate


@_operation
def width(context: Any, element: Any) -> Any:
    """The size of one `element` in bytes, known when a kernel is compiled."""
    size = element.dtype.bitwidth // 8
    return types.int64(element), lambda *_: ir.Constant(_LONG, size)


@_operation
def load_repeated(context: Any, address: Any) -> Any:
    """Read eight bytes and repeat them through a register."""
    register = Register(types.uint8)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        eight = builder.load(_pointer(builder, arguments[0]), typ=_LONG, align=1)
        return builder.bitcast(_broadcast(builder, eight, 8), _BYTES)

    return register(types.int64), generate


@_operation
def absolute_differences(context: Any, a: Any, b: Any) -> Any:
    """Σ|a − b| over each eight neighbouring bytes: 64 bytes become 8 sums."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _processor_has("avx512bw"):
            return _call(builder, "llvm.x86.avx512.psad.bw.512", _SUMS, arguments)
        if _processor_has("avx2"):
            return _in_halves(builder, arguments)
        return _byte_by_byte(builder, *arguments)

    return Register(types.int64)(a, b), generate


def _in_halves(builder: Any, pair: Any) -> Any:
    sums = []
    for start in (0, 32):
        halves = [_picked(builder, values, range(start, start + 32)) for values in pair]
        sums.append(_call(builder, "llvm.x86.avx2.psad.bw", ir.VectorType(_LONG, 4), halves))
    return _joined(builder, *sums)


def _byte_by_byte(builder: Any, a: Any, b: Any) -> Any:
    larger = builder.icmp_unsigned(">", a, b)
    differences = builder.sub(builder.select(larger, a, b), builder.select(larger, b, a))
    sums = ir.Constant(_SUMS, None)
    for position in range(8):
        column = _picked(builder, differences, range(position, 64, 8))
        sums = builder.add(sums, builder.zext(column, _SUMS))
    return sums
