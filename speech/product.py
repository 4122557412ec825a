"""Matrix products for one sample: out += w transposed times x, in registers of 16 numbers.

Numba's own loops reach a tenth of what the processor can do here, and a BLAS adds up in another order for every shape.
This one adds input by input, fused, so that one column alone and sixteen together give the same bits. For one column
the weights are half as wide, as they were in training: how fast they come from the cache decides.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16  # float32 in a register of 512 bits; LLVM splits them where registers are smaller
BLOCK = 8  # registers that add up at the same time
FLOAT, INDEX = ir.FloatType(), ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)


def _spread(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """A register of that number in every place."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), mask)


def _load(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value) -> ir.Value:
    pointer = builder.bitcast(builder.gep(data, [offset]), VECTOR.as_pointer())
    return builder.load(pointer, align=4)


def _load_halves(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value) -> ir.Value:
    """A register of float32 from their upper halves."""
    halves, wholes = (ir.VectorType(ir.IntType(bits), LANES) for bits in (16, 32))
    pointer = builder.bitcast(builder.gep(data, [offset]), halves.as_pointer())
    wide = builder.zext(builder.load(pointer, align=2), wholes)
    return builder.bitcast(builder.shl(wide, ir.Constant(wholes, [16] * LANES)), VECTOR)


def _store(builder: ir.IRBuilder, value: ir.Value, data: ir.Value, offset: ir.Value) -> None:
    pointer = builder.bitcast(builder.gep(data, [offset]), VECTOR.as_pointer())
    builder.store(value, pointer, align=4)


def _block(
    builder: ir.IRBuilder, size: int, inputs: ir.Value, out: ir.Value, first: ir.Value, terms: Callable[..., Any]
) -> None:
    """Adds to `size` registers of `out` from number `first` on; `terms(i)` gives the pairs to multiply at input i."""
    fused = ir.FunctionType(VECTOR, [VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, fused, f"llvm.fma.v{LANES}f32")
    places = [builder.add(first, ir.Constant(INDEX, LANES * j)) for j in range(size)]
    begun = [_load(builder, out, place) for place in places]
    before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    i = builder.phi(INDEX)
    i.add_incoming(ir.Constant(INDEX, 0), before)
    totals = [builder.phi(VECTOR) for _ in begun]
    sums = [builder.call(fma, [a, b, total]) for total, (a, b) in zip(totals, terms(i), strict=True)]
    for total, start, following in zip(totals, begun, sums, strict=True):
        total.add_incoming(start, before)
        total.add_incoming(following, body)
    after_i = builder.add(i, ir.Constant(INDEX, 1))
    i.add_incoming(after_i, body)
    builder.cbranch(builder.icmp_unsigned("<", after_i, inputs), body, after)
    builder.position_at_end(after)
    for place, value in zip(places, sums, strict=True):
        _store(builder, value, out, place)


def _add_product(_: Any, x: types.Array, w: types.Array, out: types.Array) -> Any:
    """out += w transposed times x, of float32 and C-contiguous: (outputs, B), (inputs, outputs) and (inputs, B).

    With w of uint16, the upper halves of float32 (bfloat16), B is 1, and `outputs` a multiple of LANES; with w of
    float32, B is LANES.
    """
    if any(a.layout != "C" for a in (x, w, out)) or (x.dtype, out.dtype) != (types.float32, types.float32):
        return None
    alone = w.dtype == types.uint16

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        arrays = [context.make_array(t)(context, builder, a) for t, a in zip(signature.args, arguments, strict=True)]
        x_data, w_data, out_data = (a.data for a in arrays)
        inputs, outputs = cgutils.unpack_tuple(builder, arrays[1].shape, 2)

        def terms(first: ir.Value, size: int) -> Callable[[ir.Value], list[tuple[ir.Value, ir.Value]]]:
            def pairs(i: ir.Value) -> list[tuple[ir.Value, ir.Value]]:
                row = builder.add(builder.mul(i, outputs), first)
                places = [builder.add(row, ir.Constant(INDEX, j * (LANES if alone else 1))) for j in range(size)]
                if alone:
                    x_i = _spread(builder, builder.load(builder.gep(x_data, [i])))
                    return [(x_i, _load_halves(builder, w_data, place)) for place in places]
                x_i = _load(builder, x_data, builder.mul(i, ir.Constant(INDEX, LANES)))
                return [(_spread(builder, builder.load(builder.gep(w_data, [place]))), x_i) for place in places]

            return pairs

        done = ir.Constant(INDEX, 0)
        for size in (BLOCK, BLOCK // 2, 1):  # ever smaller blocks for what is left
            width = ir.Constant(INDEX, size * (LANES if alone else 1))
            blocks = builder.udiv(builder.sub(outputs, done), width)
            with cgutils.for_range(builder, blocks) as loop:
                first = builder.add(done, builder.mul(loop.index, width))
                place = first if alone else builder.mul(first, ir.Constant(INDEX, LANES))
                _block(builder, size, inputs, out_data, place, terms(first, size))
            done = builder.add(done, builder.mul(blocks, width))
        return context.get_dummy_value()

    return types.void(x, w, out), generate


add_product: Any = intrinsic(_add_product)
add_product.written_as = (_add_product, _block, _spread, _load, _load_halves, _store)  # for common.source
