"""The inner loops of counting, compiled by Numba; they release the GIL, so threads run them side by side.

A text is a stream of int32: words are numbers from 0, `BREAK` is the end of a sentence or document, `HOLE` the place of a
dropped word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled

Bytes = NDArray[np.uint8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Words64 = NDArray[np.uint64]

BREAK = -1
HOLE = -2
DENSE = 64
"""Rows with more than one cell in so many are not sorted; all columns are looked through instead, which is faster."""
TOKEN, SEPARATOR, NEWLINE = 0, 1, 2
"""What a byte can be to `tokenise`."""

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


@compiled(nogil=True)
def tokenise(text: Bytes, kind: Bytes, breaks: int) -> tuple[Any, ...]:
    """Number the tokens of a block in order of first appearance.

    Parameters
    ----------
    text : ndarray of bytes
    kind : ndarray, (256,)
        TOKEN, SEPARATOR or NEWLINE for every byte.
    breaks : int
        So many newlines between two tokens put a BREAK between them; 0 for never.

    Returns
    -------
    ids : ndarray, (tokens and breaks,)
    starts, lengths, counts : ndarray, (types,)
        Where each distinct token stands first, and how often it occurs.
    leading, trailing : int
        Newlines before the first token and after the last; both all newlines of a block without tokens.
    """
    ids = np.empty(len(text) + 1, np.int32)
    slots = np.full(1 << 12, -1, np.int32)  # open addressing; at most half full
    capacity = len(slots) // 2
    hashes = np.empty(capacity, np.uint64)
    starts = np.empty(capacity, np.int64)
    lengths = np.empty(capacity, np.int64)
    counts = np.empty(capacity, np.int64)
    types = 0
    n = 0
    leading = 0
    newlines = 0
    at = 0
    while at < len(text):
        what = kind[text[at]]
        if what != TOKEN:
            if what == NEWLINE:
                newlines += 1
            at += 1
            continue
        start = at
        code = FNV_OFFSET
        while at < len(text) and kind[text[at]] == TOKEN:
            code = (code ^ np.uint64(text[at])) * FNV_PRIME
            at += 1
        length = at - start
        if n == 0:
            leading = newlines
        elif 0 < breaks <= newlines:
            ids[n] = BREAK
            n += 1
        newlines = 0

        slot = _slot(code, len(slots))
        while True:
            known = slots[slot]
            if known < 0 or (hashes[known] == code and _same(text, starts[known], lengths[known], start, length)):
                break
            slot = np.int64((slot + 1) & (len(slots) - 1))
        if known < 0:
            if types == capacity:
                slots = np.full(4 * len(slots), -1, np.int32)
                capacity = len(slots) // 2
                hashes, starts, lengths, counts = (
                    _grown(hashes, capacity),
                    _grown(starts, capacity),
                    _grown(lengths, capacity),
                    _grown(counts, capacity),
                )
                for other in range(types):
                    slots[_free(slots, hashes[other])] = other
                slot = _free(slots, code)
            known = types
            slots[slot] = known
            hashes[known], starts[known], lengths[known], counts[known] = code, start, length, 0
            types += 1
        counts[known] += 1
        ids[n] = known
        n += 1
    if n == 0:
        leading = newlines
    return ids[:n].copy(), starts[:types].copy(), lengths[:types].copy(), counts[:types].copy(), leading, newlines


@njit(inline="always")
def _slot(code: np.uint64, size: int) -> np.int64:
    return np.int64((code ^ (code >> np.uint64(32))) & np.uint64(size - 1))


@compiled()
def _free(slots: Int32, code: np.uint64) -> np.int64:
    slot = _slot(code, len(slots))
    while slots[slot] >= 0:
        slot = np.int64((slot + 1) & (len(slots) - 1))
    return slot


@compiled()
def _grown(array: NDArray[Any], capacity: int) -> NDArray[Any]:
    larger = np.empty(capacity, array.dtype)
    larger[: len(array)] = array
    return larger


@njit(inline="always")
def _same(text: Bytes, first: int, first_length: int, second: int, second_length: int) -> bool:
    if first_length != second_length:
        return False
    for k in range(first_length):  # noqa: SIM110  (all() of a generator is not compiled)
        if text[first + k] != text[second + k]:
            return False
    return True


@njit(inline="always")
def _random(key: np.uint64, position: np.uint64) -> np.uint64:
    """Output number `position` of SplitMix64 started at `key` (Steele, Lea & Flood 2014), reached without those before."""
    z = key + (position + np.uint64(1)) * GOLDEN
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return z ^ (z >> np.uint64(31))


@compiled(nogil=True)
def thin(
    ids: Int32,
    number: Int32,
    keep: Words64,
    keep_key: np.uint64,
    first: int,
    holes: bool,
    window: int,
    reach_key: np.uint64,
    drawn: bool,
) -> tuple[Int32, Int32]:
    """What is left of a block when rare words and a share of the frequent ones are dropped.

    Parameters
    ----------
    ids : ndarray, (elements,)
        The block, as `tokenise` numbers words.
    number : ndarray, (types,)
        The vocabulary's number of each type, HOLE where it is not in the vocabulary.
    keep : ndarray, (words,)
        A word is kept where the upper 53 bits of its draw are below this: 2⁵³ times the probability.
    keep_key, reach_key : uint64
        Start the two sequences of draws.
    first : int
        How many tokens of the text stand before this block: draws are a function of the token's position.
    holes : bool
        Whether dropped words leave a HOLE.
    window : int
    drawn : bool
        Whether each token draws its own window from 1 ... `window`.

    Returns
    -------
    stream, reach : ndarray, (elements left,)
        The words left and their windows (empty unless `drawn`).
    """
    stream = np.empty(len(ids), np.int32)
    reach = np.empty(len(ids) if drawn else 0, np.int32)
    n = 0
    position = np.uint64(first)
    for id in ids:
        if id == BREAK:
            word = BREAK
        else:
            word = number[id]
            if word >= 0 and _random(keep_key, position) >> np.uint64(11) >= keep[word]:
                word = HOLE
            if word >= 0 and drawn:
                reach[n] = 1 + np.int64(((_random(reach_key, position) >> np.uint64(32)) * np.uint64(window)) >> np.uint64(32))
            position += np.uint64(1)
        if word != HOLE or holes:
            stream[n] = word
            n += 1
    return stream[:n].copy(), reach[: n if drawn else 0].copy()


@compiled(nogil=True)
def places(stream: Int32, start: int, stop: int, words: int) -> tuple[Int64, Int32]:
    """Where each word stands in ``stream[start:stop]``: places of word i are ``order[first[i]:first[i + 1]]``, ascending."""
    first = np.zeros(words + 1, np.int64)
    for place in range(start, stop):
        if stream[place] >= 0:
            first[stream[place] + 1] += 1
    for word in range(words):
        first[word + 1] += first[word]
    order = np.empty(first[words], np.int32)
    next = first[:words].copy()
    for place in range(start, stop):
        word = stream[place]
        if word >= 0:
            order[next[word]] = place
            next[word] += 1
    return first, order


@compiled(nogil=True)
def count_rows(
    stream: Int32,
    reach: Int32,
    first: Int64,
    order: Int32,
    start: int,
    stop: int,
    weight: Int64,
    left: bool,
    right: bool,
    words: int,
) -> tuple[Int64, Int32, Int64]:
    """Co-occurrence of the centres ``start ... stop - 1``, row by row: CSR arrays with sorted columns.

    Parameters
    ----------
    stream, reach : ndarray
        As `thin` makes them; `reach` is empty where every token has the whole window.
    first, order : ndarray
        As `places` makes them.
    weight : ndarray, (window,)
        What a context at distance 1, 2, ... counts.
    left, right : bool
        Whether contexts before and after the centre count.
    words : int

    Returns
    -------
    indptr, columns, values : ndarray
    """
    sides = int(left) + int(right)
    bound = 0
    for row in range(start, stop):
        bound += min((first[row + 1] - first[row]) * sides * len(weight), words)
    indptr = np.zeros(stop - start + 1, np.int64)
    columns = np.empty(bound, np.int32)
    values = np.empty(bound, np.int64)
    total = np.zeros(words, np.int64)
    n = 0
    for row in range(start, stop):
        begin = n
        for k in range(first[row], first[row + 1]):
            place = order[k]
            window = reach[place] if len(reach) else len(weight)
            if left:
                for distance in range(1, min(window, place) + 1):
                    context = stream[place - distance]
                    if context == BREAK:
                        break
                    if context >= 0:
                        if total[context] == 0:
                            columns[n] = context
                            n += 1
                        total[context] += weight[distance - 1]
            if right:
                for distance in range(1, min(window, len(stream) - 1 - place) + 1):
                    context = stream[place + distance]
                    if context == BREAK:
                        break
                    if context >= 0:
                        if total[context] == 0:
                            columns[n] = context
                            n += 1
                        total[context] += weight[distance - 1]
        _flush(columns, values, total, begin, n)
        indptr[row - start + 1] = n
    return indptr, columns[:n].copy(), values[:n]


@compiled(nogil=True)
def count_units(
    stream: Int32,
    reach: Int32,
    unit: Int32,
    start: int,
    stop: int,
    weight: Int64,
    left: bool,
    right: bool,
    indptr: Int64,
    columns: Int32,
    total: Int64,
) -> tuple[Any, ...]:
    """Co-occurrence of the centres in ``stream[start:stop]`` by unit, a pair being of its centre's.

    Parameters
    ----------
    stream, reach : ndarray
        As `thin` makes them; `reach` is empty where every token has the whole window.
    unit : ndarray, (elements,)
        Of each element, ascending.
    weight : ndarray, (window,)
        What a context at distance 1, 2, ... counts.
    left, right : bool
        Whether contexts before and after the centre count.
    indptr, columns : ndarray
        The cells, as a CSR matrix with sorted columns; other pairs are left out.
    total : ndarray, (cells,)
        Zeros, which it leaves so.

    Returns
    -------
    units, cells, values : ndarray
        The count of each cell in each unit, units ascending.
    """
    bound = (stop - start) * (int(left) + int(right)) * len(weight)
    units = np.empty(bound, np.int32)
    cells = np.empty(bound, np.int64)
    values = np.empty(bound, np.int64)
    n = 0
    begin = 0
    for place in range(start, stop):
        center = stream[place]
        if center < 0:
            continue
        if n > begin and unit[place] != units[n - 1]:
            _unload(cells, values, total, begin, n)
            begin = n
        window = reach[place] if len(reach) else len(weight)
        for side in (-1, 1):
            if (side < 0 and not left) or (side > 0 and not right):
                continue
            for distance in range(1, min(window, place if side < 0 else len(stream) - 1 - place) + 1):
                context = stream[place + side * distance]
                if context == BREAK:
                    break
                if context >= 0:
                    cell = indptr[center] + np.searchsorted(columns[indptr[center] : indptr[center + 1]], context)
                    if cell == indptr[center + 1] or columns[cell] != context:
                        continue
                    if total[cell] == 0:
                        units[n] = unit[place]
                        cells[n] = cell
                        n += 1
                    total[cell] += weight[distance - 1]
    _unload(cells, values, total, begin, n)
    return units[:n].copy(), cells[:n].copy(), values[:n].copy()


@compiled(nogil=True)
def _unload(cells: Int64, values: Int64, total: Int64, begin: int, end: int) -> None:
    """Move the totals of some cells to `values`, and leave zeros."""
    for k in range(begin, end):
        values[k] = total[cells[k]]
        total[cells[k]] = 0


@compiled(nogil=True)
def windows(
    stream: Int32, reach: Int32, start: int, stop: int, window: int, left: bool, right: bool
) -> tuple[Int32, Int64, Int32]:
    """The windows of the centres in ``stream[start:stop]``, in the order of the text; those without a context are left out.

    Parameters
    ----------
    stream, reach : ndarray
        As `thin` makes them; `reach` is empty where every token has the whole window.
    window : int
    left, right : bool
        Whether contexts before and after the centre count.

    Returns
    -------
    center, indptr, context : ndarray, (windows,), (windows + 1,) and (pairs,)
        The contexts of window w, from left to right, are ``context[indptr[w]:indptr[w + 1]]``.
    """
    centers = np.empty(stop - start, np.int32)
    indptr = np.zeros(stop - start + 1, np.int64)
    contexts = np.empty((stop - start) * window * (int(left) + int(right)), np.int32)
    n = 0
    pairs = 0
    for place in range(start, stop):
        if stream[place] < 0:
            continue
        size = reach[place] if len(reach) else window
        first, last = place, place
        if left:
            while first > max(place - size, 0) and stream[first - 1] != BREAK:
                first -= 1
        if right:
            while last < min(place + size, len(stream) - 1) and stream[last + 1] != BREAK:
                last += 1
        begin = pairs
        for other in range(first, last + 1):
            if other != place and stream[other] >= 0:
                contexts[pairs] = stream[other]
                pairs += 1
        if pairs > begin:
            centers[n] = stream[place]
            n += 1
            indptr[n] = pairs
    return centers[:n].copy(), indptr[: n + 1].copy(), contexts[:pairs].copy()


@compiled(nogil=True)
def add_rows(indptrs: Int64, columns: Int32, values: Int64, words: int) -> tuple[Int64, Int32, Int64]:
    """The sum of several CSR matrices of the same shape, again with sorted columns.

    Parameters
    ----------
    indptrs : ndarray, (matrices, rows + 1)
        Of each matrix, where its rows begin in `columns` and `values`, which hold all of them.
    columns, values : ndarray
    words : int
        Number of columns of the matrices.
    """
    rows = indptrs.shape[1] - 1
    indptr = np.zeros(rows + 1, np.int64)
    out = np.empty(len(columns), np.int32)
    sums = np.empty(len(columns), np.int64)
    total = np.zeros(words, np.int64)
    n = 0
    for row in range(rows):
        begin = n
        for indptr_of_one in indptrs:
            for k in range(indptr_of_one[row], indptr_of_one[row + 1]):
                if total[columns[k]] == 0:
                    out[n] = columns[k]
                    n += 1
                total[columns[k]] += values[k]
        _flush(out, sums, total, begin, n)
        indptr[row + 1] = n
    return indptr, out[:n].copy(), sums[:n].copy()


@compiled(nogil=True)
def _flush(columns: Int32, values: Int64, total: Int64, begin: int, end: int) -> None:
    """Finish a row: sort its columns, move their totals to `values` and leave zeros."""
    if (end - begin) * DENSE > len(total):
        k = begin
        for column in range(len(total)):
            if total[column] != 0:
                columns[k] = column
                k += 1
    else:
        columns[begin:end].sort()
    for k in range(begin, end):
        values[k] = total[columns[k]]
        total[columns[k]] = 0
