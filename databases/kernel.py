"""The machine's own words, for numba: eight keys compared at once, a cache line asked for ahead, a number's bits.

Every program of this domain, hand-written or learned, answers in blocks of queries: each step is taken for
all queries of a block before the next, so that their cache misses overlap, and what the next step reads is prefetched.
That is worth far more than the choice of structure (Kocberber et al. 2015, "Asynchronous Memory Access Chaining").
"""

import contextlib
import mmap
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 256  # queries
LANES = 8  # keys of one comparison: a cache line
NODE = 2 * LANES  # keys of the units in which tables are searched: two lines cost little more than one
WORD, HALF = ir.IntType(64), ir.IntType(32)


def _address(context: Any, builder: Any, array_type: types.Array, array: ir.Value, index: ir.Value) -> ir.Value:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _count_below(_: Any, array: types.Array, start: types.Integer, bound: types.Number) -> Any:
    """How many of array[start : start + LANES], uint64, are below `bound`. All must lie within it."""
    vector = ir.VectorType(WORD, LANES)

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> ir.Value:
        address = _address(context, builder, array, arguments[0], arguments[1])
        eight = builder.load(builder.bitcast(address, vector.as_pointer()), align=8)
        nothing = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(nothing, arguments[2], ir.Constant(HALF, 0))
        bounds = builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(HALF, LANES), [0] * LANES))
        below = builder.bitcast(builder.icmp_unsigned("<", eight, bounds), ir.IntType(LANES))
        return builder.zext(builder.ctpop(below), WORD)

    return types.int64(array, types.int64, types.uint64), generate


def _prefetch(_: Any, array: types.Array, index: types.Integer) -> Any:
    """Asks for the cache line of array[index], into the second level of the cache; any index will do.

    The second level has room for far more misses at a time than the first: random lines of 80 MB come in 5 ns each,
    into the first in 12 (AMD EPYC with avx512_bf16).
    """

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> ir.Value:
        address = builder.bitcast(_address(context, builder, array, arguments[0], arguments[1]), cgutils.voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, HALF, HALF, HALF])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, second_level, data = (ir.Constant(HALF, value) for value in (0, 2, 1))
        builder.call(function, [address, read, second_level, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def _double_as_int64(_: Any, value: types.Float) -> Any:
    """The int64 with the bits of a float64."""
    return types.int64(types.float64), lambda context, builder, _, arguments: builder.bitcast(arguments[0], WORD)


count_below: Any = intrinsic(_count_below)
prefetch: Any = intrinsic(_prefetch)
double_as_int64: Any = intrinsic(_double_as_int64)
count_below.written_as, prefetch.written_as = (_count_below, _address), (_prefetch, _address)  # for common.source
double_as_int64.written_as = (_double_as_int64,)


@njit(cache=True, nogil=True, inline="always")
def count_node(keys, start, bound):  # type: ignore[no-untyped-def]
    """How many of keys[start : start + NODE] are below `bound`."""
    return count_below(keys, start, bound) + count_below(keys, start + LANES, bound)


def settled(values: np.ndarray) -> np.ndarray:
    """A copy of a vector that nobody writes to, in memory of its own, in large pages where the system has them.

    With small ones nearly every random access to 80 MB misses the TLB too. NumPy asks for large pages only where
    malloc takes fresh memory for an array, which depends on what was freed before.
    """
    size = max(values.nbytes, 1)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # Linux; there an anonymous map is shared unless one says otherwise
        room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):  # a kernel without them
            room.madvise(mmap.MADV_HUGEPAGE)
    else:
        room = mmap.mmap(-1, size)
    copy = np.frombuffer(room, values.dtype, len(values))
    copy[:] = values
    copy.flags.writeable = False
    return copy
