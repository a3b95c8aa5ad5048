"""Ask for memory before it is needed, in compiled code: a vector far away arrives while others are computed with."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sgns_pmi.compiled import compiled

LINE = 64  # bytes of the cache's line
WRITE, KEEP, DATA = 1, 3, 1  # as LLVM's reference describes its arguments
_of_llvm: Any = cgutils  # untyped, as is the next
_tuple: Any = types.UniTuple


def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    """LLVM's prefetch of one number of an array, into all caches."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, byte, number = signature.args[0], ir.IntType(8).as_pointer(), ir.IntType(32)
        held = context.make_array(kind)(context, builder, arguments[0])
        index = _of_llvm.unpack_tuple(builder, arguments[1])
        place = builder.bitcast(_of_llvm.get_item_pointer(context, builder, kind, held, index), byte)
        prefetch = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], prefetch)
        builder.call(function, [place, *map(number, (WRITE, KEEP, DATA))])
        return context.get_dummy_value()

    return types.void(array, _tuple(types.intp, array.ndim)), generate


ask_for_number: Any = intrinsic(_prefetch)
"""Ask for the line of memory that holds array[index], a tuple; for compiled code only."""


@compiled(nogil=True)
def ask_for(matrix: Any, row: Any) -> None:
    """Ask for a row of a matrix; for compiled code only."""
    for column in range(0, matrix.shape[1], LINE // matrix.itemsize):
        ask_for_number(matrix, (row, column))


__all__ = ["ask_for", "ask_for_number"]
