"""Ask for memory before it is needed, in compiled code: a vector far away arrives while others are computed with."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sgns_pmi.compiled import compiled

LINE = 64  # bytes of the cache's line
_pointer: Any = cgutils.get_item_pointer


def _prefetch(typing: Any, matrix: Any, row: Any, column: Any) -> Any:
    """LLVM's prefetch of one number of a matrix, which is to be written, into all caches."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, byte, number = signature.args[0], ir.IntType(8).as_pointer(), ir.IntType(32)
        array = context.make_array(kind)(context, builder, arguments[0])
        place = builder.bitcast(_pointer(context, builder, kind, array, arguments[1:]), byte)
        prefetch = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], prefetch)
        builder.call(function, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(matrix, types.intp, types.intp), generate


_ask_for: Any = intrinsic(_prefetch)


@compiled(nogil=True)
def ask_for(matrix: Any, row: Any) -> None:
    """Ask for a row of a matrix; for compiled code only."""
    for column in range(0, matrix.shape[1], LINE // matrix.itemsize):
        _ask_for(matrix, row, column)


__all__ = ["ask_for"]
