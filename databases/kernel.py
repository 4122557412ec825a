"""The machine's own words, for numba: eight keys compared at once, a cache line asked for ahead, a number's bits.

Every program of this domain, hand-written or learned, answers in blocks of queries (`BLOCK`): each step is taken for
all queries of a block before the next, so that their cache misses overlap, and what the next step reads is prefetched.
That is worth far more than the choice of structure (Kocberber et al. 2015, "Asynchronous Memory Access Chaining").
"""

import mmap

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 128  # queries
LANES = 8  # keys of one comparison: a cache line
NODE = 2 * LANES  # keys of the units in which tables are searched: two lines cost little more than one
WORD = ir.IntType(64)
DOUBLE = ir.DoubleType()


def _address(context, builder, array_type, array, index):  # type: ignore[no-untyped-def]
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def count_below(_, array, start, bound):  # type: ignore[no-untyped-def]
    """How many of array[start : start + 8], uint64 or float64, are below `bound`. It must lie within the array."""
    signature = types.int64(array, types.int64, array.dtype)
    element = DOUBLE if isinstance(array.dtype, types.Float) else WORD
    vector = ir.VectorType(element, LANES)

    def generate(context, builder, _, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, array, arguments[0], arguments[1])
        eight = builder.load(builder.bitcast(address, vector.as_pointer()), align=8)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        spread = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        bounds = builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), spread)
        if element is DOUBLE:
            below = builder.fcmp_ordered("<", eight, bounds)
        else:
            below = builder.icmp_unsigned("<", eight, bounds)
        return builder.zext(builder.ctpop(builder.bitcast(below, ir.IntType(LANES))), WORD)

    return signature, generate


@njit(cache=True, nogil=True, inline="always")
def count_node(keys, start, bound):  # type: ignore[no-untyped-def]
    """How many of keys[start : start + NODE] are below `bound`."""
    return count_below(keys, start, bound) + count_below(keys, start + LANES, bound)


@intrinsic
def prefetch(_, array, index):  # type: ignore[no-untyped-def]
    """Asks for the cache line of array[index], into the second level of the cache; any index will do.

    The second level has room for far more misses at a time than the first: random lines of 80 MB come in 5 ns each,
    into the first in 12 (AMD EPYC, Zen 4).
    """

    def generate(context, builder, _, arguments):  # type: ignore[no-untyped-def]
        byte = cgutils.voidptr_t
        address = builder.bitcast(_address(context, builder, array, arguments[0], arguments[1]), byte)
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, second_level, data = (ir.Constant(flag, value) for value in (0, 2, 1))
        builder.call(function, [address, read, second_level, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def _reinterpreted(given: types.Type, wanted: types.Type):  # type: ignore[no-untyped-def]
    """A function from numbers of one type to those of another with the same bits."""

    @intrinsic
    def bits(_, value):  # type: ignore[no-untyped-def]
        def generate(context, builder, _, arguments):  # type: ignore[no-untyped-def]
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    return bits


double_as_int64 = _reinterpreted(types.float64, types.int64)
uint32_as_float = _reinterpreted(types.uint32, types.float32)
float_as_uint32 = _reinterpreted(types.float32, types.uint32)


def settled(values: np.ndarray) -> np.ndarray:
    """A copy of a vector in memory of its own, in large pages where the system has them.

    With small ones nearly every random access to 80 MB misses the TLB too. NumPy asks for large pages only where
    malloc takes fresh memory for an array, which depends on what was freed before.
    """
    size = max(values.nbytes, 1)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # Linux; there an anonymous map is shared unless one says otherwise
        room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        room.madvise(mmap.MADV_HUGEPAGE)
    else:
        room = mmap.mmap(-1, size)
    copy = np.frombuffer(room, values.dtype, len(values))
    copy[:] = values
    return copy
