"""Vectors of float32 as values inside numba functions.

numba has no vector type, and its loops over short feature rows do not vectorise. Here a ``Vec(n)`` *is*
LLVM's ``<n x float>``: a token's ``d`` features are one value, which LLVM cuts into the registers of
the machine. Each function below is one or a few LLVM instructions. A second type, :class:`Layout`,
carries ``d`` and the number of heads through a kernel's signature, so that numba compiles (and caches
on disk) one kernel per layout.

A *row* is a ``Vec(d)``. A *block* is a ``Vec(16)`` that holds one number per (edge, head) of ``16 //
n_heads`` edges: lane ``e * n_heads + h``.

This is the only file of the package that uses names of other packages that are not public:
``numba.core`` and ``llvmlite.ir``. With a version of numba that it was not tested with it refuses to be
imported, and the plain-loop kernels serve.
"""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numba

TESTED = ((0, 61), (0, 68))  # oldest and newest version of numba

if not TESTED[0] <= numba.version_info.short <= TESTED[1]:
    _first, _last = (".".join(map(str, version)) for version in TESTED)
    msg = f"they were tested with numba {_first} to {_last}, and {numba.__version__} is installed"
    raise ImportError(msg)

from llvmlite import ir  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.core.datamodel import models  # noqa: E402
from numba.extending import (  # noqa: E402
    NativeValue,
    intrinsic,
    lower_builtin,
    overload_attribute,
    register_model,
    type_callable,
    typeof_impl,
    unbox,
)

LANES = 16

# part of a kernel's signature, so that one cached on disk is not used with other vectors
_FINGERPRINT = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
_f32, _i32 = ir.FloatType(), ir.IntType(32)
_LANE_NUMBERS = ir.Constant(ir.VectorType(_i32, LANES), list(range(LANES)))


@dataclass(frozen=True)
class Layout:
    """Width of a token and number of heads, known to a kernel when it is compiled."""

    d: int
    n_heads: int


class Vec(types.Type):
    """numba's type of ``n`` float32 side by side."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"float32x{n}")


class _LayoutType(types.Type):
    def __init__(self, d: int, n_heads: int) -> None:
        self.d, self.n_heads = d, n_heads
        super().__init__(name=f"Layout(d={d}, n_heads={n_heads}, vectors={_FINGERPRINT})")


_BLOCK = Vec(LANES)


@register_model(Vec)
class _VecModel(models.PrimitiveModel):
    def __init__(self, manager, vec):
        super().__init__(manager, vec, ir.VectorType(_f32, vec.n))


register_model(_LayoutType)(models.OpaqueModel)


@typeof_impl.register(Layout)
def _typeof_layout(layout, context):
    return _LayoutType(layout.d, layout.n_heads)


@unbox(_LayoutType)
def _unbox_layout(layout_type, obj, c):
    return NativeValue(c.context.get_dummy_value())


@overload_attribute(_LayoutType, "d")
def _d(layout):
    d = layout.d
    return lambda layout: d


@overload_attribute(_LayoutType, "n_heads")
def _n_heads(layout):
    n_heads = layout.n_heads
    return lambda layout: n_heads


# ------------------------------------------------------------------ arithmetic: x + y, x - y, x * y, x / y


def _binary(operation, instruction):
    @type_callable(operation)
    def typer(context):
        return lambda x, y: x if isinstance(x, Vec) and x == y else None

    @lower_builtin(operation, Vec, Vec)
    def lower(context, builder, signature, args):
        return getattr(builder, instruction)(*args)


_binary(operator.add, "fadd")
_binary(operator.sub, "fsub")
_binary(operator.mul, "fmul")
_binary(operator.truediv, "fdiv")


def _call(builder, name, *args):
    """Call an LLVM intrinsic whose arguments and result have one vector type."""
    vector = args[0].type
    function = ir.FunctionType(vector, [vector] * len(args))
    name = f"llvm.{name}.v{vector.count}f32"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)


def _lanes(builder, x, lanes, y=None):
    """Pick lanes of ``x`` (and of ``y``, numbered after those of ``x``)."""
    mask = ir.Constant(ir.VectorType(_i32, len(lanes)), list(lanes))
    return builder.shuffle_vector(x, x if y is None else y, mask)


def _fill(builder, number):
    undefined = ir.Constant(ir.VectorType(number.type, 1), ir.Undefined)
    return _lanes(builder, builder.insert_element(undefined, number, _i32(0)), [0] * LANES)


@intrinsic
def fma(context, x, y, z):
    """``x * y + z``, rounded once."""

    def generate(context, builder, signature, args):
        return _call(builder, "fma", *args)

    return x(x, y, z), generate


@intrinsic
def maximum(context, x, y):
    """Larger of each lane."""

    def generate(context, builder, signature, args):
        return _larger(builder, *args)

    return x(x, y), generate


def _larger(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


@intrinsic
def fill(context, value):
    """Block of 16 times the same number."""

    def generate(context, builder, signature, args):
        return _fill(builder, args[0])

    return _BLOCK(types.float32), generate


# ------------------------------------------------------------------ memory


def _pointer(context, builder, array_type, array, offset, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())


@intrinsic
def load_row(context, array, offset, layout):
    """Read a row from position ``offset`` of the array's memory."""
    row = Vec(layout.d)

    def generate(context, builder, signature, args):
        vector = ir.VectorType(_f32, layout.d)
        pointer = _pointer(context, builder, array, args[0], args[1], vector)
        return builder.load(pointer, align=4)

    return row(array, types.intp, layout), generate


@intrinsic
def load_block(context, array, offset):
    """Read a block from position ``offset`` of the array's memory."""

    def generate(context, builder, signature, args):
        vector = ir.VectorType(_f32, LANES)
        pointer = _pointer(context, builder, array, args[0], args[1], vector)
        return builder.load(pointer, align=4)

    return _BLOCK(array, types.intp), generate


@intrinsic
def store(context, array, offset, x):
    """Write a row or block to position ``offset`` of the array's memory."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, array, args[0], args[1], args[2].type)
        builder.store(args[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, x), generate


def _prefetch(context, builder, array_type, args, width, level):
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, _i32, _i32, _i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    data = context.make_array(array_type)(context, builder, args[0]).data
    for start in range(0, width, LANES):
        line = builder.gep(data, [builder.add(args[1], ir.Constant(args[1].type, start))])
        read, of_data = _i32(0), _i32(1)
        builder.call(function, [builder.bitcast(line, byte), read, _i32(level), of_data])
    return context.get_dummy_value()


@intrinsic
def prefetch_line(context, array, offset):
    """Ask for the memory around position ``offset``; it need not exist."""

    def generate(context, builder, signature, args):
        return _prefetch(context, builder, array, args, LANES, 3)

    return types.void(array, types.intp), generate


@intrinsic
def prefetch_row(context, array, offset, layout):
    """Ask for the row at position ``offset`` of the array's memory; it need not exist."""

    def generate(context, builder, signature, args):
        return _prefetch(context, builder, array, args, layout.d, 3)

    return types.void(array, types.intp, layout), generate


@intrinsic
def prefetch_token(context, array, offset, layout):
    """Ask for three rows from position ``offset``, for later: not in the innermost cache."""

    def generate(context, builder, signature, args):
        return _prefetch(context, builder, array, args, 3 * layout.d, 2)

    return types.void(array, types.intp, layout), generate


def _load_heads(context, builder, array_type, args, layout, n):
    """Read one number per head and repeat them over ``n`` lanes."""
    heads = ir.VectorType(_f32, layout.n_heads)
    pointer = _pointer(context, builder, array_type, args[0], args[1], heads)
    return _lanes(builder, builder.load(pointer, align=4), [i % layout.n_heads for i in range(n)])


@intrinsic
def load_heads_as_row(context, array, offset, layout):
    """Read one number per head from position ``offset``: each feature gets its head's."""

    def generate(context, builder, signature, args):
        return _load_heads(context, builder, array, args, layout, layout.d)

    return Vec(layout.d)(array, types.intp, layout), generate


@intrinsic
def load_heads_as_block(context, array, offset, layout):
    """Read one number per head from position ``offset``: each edge gets them."""

    def generate(context, builder, signature, args):
        return _load_heads(context, builder, array, args, layout, LANES)

    return _BLOCK(array, types.intp, layout), generate


@intrinsic
def store_heads(context, array, offset, x, layout):
    """Write the first ``n_heads`` lanes of a block to position ``offset``."""

    def generate(context, builder, signature, args):
        heads = _lanes(builder, args[2], range(layout.n_heads))
        pointer = _pointer(context, builder, array, args[0], args[1], heads.type)
        builder.store(heads, pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, x, layout), generate


@intrinsic
def zero_row(context, layout):
    """Row of zeros."""

    def generate(context, builder, signature, args):
        return ir.Constant(ir.VectorType(_f32, layout.d), None)

    return Vec(layout.d)(layout), generate


# ------------------------------------------------------------------ from rows to blocks


@intrinsic
def products(context, x, y):
    """Products of two rows, summed over stretches of 16 features: lane ``i`` is of head ``i % n_heads``."""

    def generate(context, builder, signature, args):
        total = None
        for start in range(0, x.n, LANES):
            a, b = (_lanes(builder, row, range(start, start + LANES)) for row in args)
            total = builder.fmul(a, b) if total is None else _call(builder, "fma", a, b, total)
        return total

    return _BLOCK(x, y), generate


@intrinsic(prefer_literal=True)
def halve(context, x, y, width):
    """Add the halves of each stretch of ``2 * width`` lanes; those of ``x``, then those of ``y``.

    Two vectors of partial sums become one: repeated from width 8 down to ``n_heads`` it brings
    ``16 // n_heads`` results of :func:`products` into one block.
    """
    width_ = width.literal_value

    def generate(context, builder, signature, args):
        starts = range(0, 2 * LANES, 2 * width_)
        low = [start + i for start in starts for i in range(width_)]
        high = [lane + width_ for lane in low]
        a, b = args[0], args[1]
        return builder.fadd(_lanes(builder, a, low, b), _lanes(builder, a, high, b))

    return _BLOCK(x, y, width), generate


def _across_edges(builder, x, n_heads, combine):
    width = LANES // 2
    while width >= n_heads:
        x = combine(x, _lanes(builder, x, [(i + width) % LANES for i in range(LANES)]))
        width //= 2
    return x


@intrinsic
def max_over_edges(context, x, layout):
    """Largest of each head over the block's edges, in all lanes of that head."""

    def generate(context, builder, signature, args):
        return _across_edges(builder, args[0], layout.n_heads, partial(_larger, builder))

    return _BLOCK(x, layout), generate


@intrinsic
def sum_over_edges(context, x, layout):
    """Sum of each head over the block's edges, in all lanes of that head."""

    def generate(context, builder, signature, args):
        return _across_edges(builder, args[0], layout.n_heads, builder.fadd)

    return _BLOCK(x, layout), generate


@intrinsic
def first_lanes(context, x, n, other):
    """Block with the first ``n`` lanes of ``x`` and the rest of ``other``."""

    def generate(context, builder, signature, args):
        inside = builder.icmp_signed("<", _LANE_NUMBERS, _fill(builder, args[1]))
        return builder.select(inside, args[0], args[2])

    return _BLOCK(x, types.int32, other), generate


# ------------------------------------------------------------------ the exponential


@intrinsic
def nearest(context, x):
    """Round each lane to an integer."""

    def generate(context, builder, signature, args):
        return _call(builder, "rint", *args)

    return x(x), generate


@intrinsic
def times_power_of_two(context, x, n):
    """``x * 2**n`` for whole ``n``, where neither it nor ``x`` leaves the range of exponents."""

    def generate(context, builder, signature, args):
        integers = ir.VectorType(_i32, LANES)
        bits = ir.Constant(integers, [23] * LANES)
        exponent = builder.shl(builder.fptosi(args[1], integers), bits)
        number = builder.bitcast(args[0], integers)
        return builder.bitcast(builder.add(number, exponent), args[0].type)

    return x(x, n), generate


@numba.njit(forceinline=True)
def exp2(x):
    """2 to the power of numbers up to 0, to two units in the last place; at least 2**-100."""
    x = maximum(fill(-100.0), x)  # in this order NaN stays NaN
    n = nearest(x)
    f = x - n
    # polynomial with the smallest relative error on |f| <= 1/2 of those with exp2(0) = 1
    p = fma(fill(1.3264726298e-3), f, fill(9.6715130097e-3))
    p = fma(p, f, fill(5.5507337491e-2))
    p = fma(p, f, fill(2.4022242079e-1))
    p = fma(p, f, fill(6.9314697759e-1))
    p = fma(p, f, fill(1.0))
    return times_power_of_two(p, n)


# ------------------------------------------------------------------ dropout


@intrinsic
def keep(context, counter, first_key, second_key, threshold, kept_scale):
    """Dropout factors of 16 consecutive counters: 0 or ``kept_scale`` (see ``_dropout.py``)."""

    def generate(context, builder, signature, args):
        def constant(value):
            return ir.Constant(_LANE_NUMBERS.type, [value] * LANES)

        def mix(x):
            x = builder.mul(builder.xor(x, builder.lshr(x, constant(16))), constant(0x7FEB352D))
            x = builder.mul(builder.xor(x, builder.lshr(x, constant(15))), constant(0x846CA68B))
            return builder.xor(x, builder.lshr(x, constant(16)))

        counter, first_key, second_key, threshold, kept_scale = (_fill(builder, a) for a in args)
        bits = mix(builder.xor(builder.add(counter, _LANE_NUMBERS), first_key))
        bits = mix(builder.add(bits, second_key))
        kept = builder.icmp_unsigned(">=", bits, threshold)
        return builder.select(kept, kept_scale, ir.Constant(kept_scale.type, None))

    return _BLOCK(*[types.uint32] * 4, types.float32), generate
