"""The inner loops of counting, compiled by Numba; they release the GIL, so threads run them side by side.

A text is a stream of int32: words are numbers from 0, `BREAK` is the end of a sentence or document, `HOLE` the place of a
dropped word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sgns_pmi.compiled import compiled
from sgns_pmi.prefetch import ask_for_number

Bytes = NDArray[np.uint8]
AHEAD = 8  # places from one that is counted to one whose part of the text is asked for
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Words64 = NDArray[np.uint64]

BREAK = -1
HOLE = -2
TOKEN, SEPARATOR, NEWLINE = 0, 1, 2
"""What a byte can be to `tokenise`."""

EIGHT = 8
"""Bytes that are compared and hashed at a time."""
PART = 4096
"""Bytes whose tokens' ends are found at a time, so that they are still in the cache when the tokens are numbered."""
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
    eights : ndarray of uint64
        The text, eight bytes in a number; the first is the lowest, on every machine that Numba knows.
    ids : ndarray, (tokens and breaks,)
    starts, lengths, counts : ndarray, (types,)
        Where each distinct token stands first, and how often it occurs.
    leading, trailing : int
        Newlines before the first token and after the last; both all newlines of a block without tokens.
    """
    eights = in_eights(text)
    ids = np.empty(len(text) + 1, np.int32)
    slots = np.zeros(_power_of_two(len(text) // 32), np.int32)  # open addressing, half full at most: types, from 1
    codes = np.empty(len(slots) // 2, np.uint64)
    starts, lengths, counts = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    edges, lines = np.empty(PART + 2, np.int64), np.empty(PART + 2, np.int64)
    n = types = found = newlines = before = leading = 0
    inside = False
    for low in range(0, len(text), PART):
        found, newlines, inside = _edges(text, kind, low, edges, lines, found, newlines, inside)
        tokens = found // 2
        while types + tokens > len(codes):
            codes, starts, lengths, counts = _grown(codes), _grown(starts), _grown(lengths), _grown(counts)
            slots = slots_of(codes, types)
        if n == 0 and tokens:
            leading = before = lines[0]
        n, types = _number(eights, edges, lines, tokens, breaks, before, slots, codes, starts, lengths, counts, types, ids, n)
        if tokens:
            before = lines[2 * tokens - 1]
        if found % 2:  # the token goes on in the next part
            edges[0], lines[0] = edges[found - 1], lines[found - 1]
        found %= 2
    if n == 0:
        leading, before = newlines, 0
    own = starts[:types].copy(), lengths[:types].copy(), counts[:types].copy()
    return eights, ids[:n].copy(), *own, leading, newlines - before


@compiled(nogil=True)
def _edges(
    text: Bytes, kind: Bytes, low: int, edges: Int64, lines: Int64, found: int, newlines: int, inside: bool
) -> tuple[int, int, bool]:
    """Where the tokens of one part of the text begin and end, in turn, and how many newlines stand before each place.

    There is no branch that the processor could guess wrongly at every word.
    """
    high = min(low + PART, len(text))
    for at in range(low, high):
        what = kind[text[at]]
        edges[found], lines[found] = at, newlines
        found += inside != (what == TOKEN)
        inside = what == TOKEN
        newlines += what == NEWLINE
    if high == len(text) and inside:
        edges[found], lines[found] = high, newlines
        found += 1
    return found, newlines, inside


@compiled(nogil=True)
def _number(
    eights: Words64,
    edges: Int64,
    lines: Int64,
    tokens: int,
    breaks: int,
    before: int,
    slots: Int32,
    codes: Words64,
    starts: Int64,
    lengths: Int64,
    counts: Int64,
    types: int,
    ids: Int32,
    n: int,
) -> tuple[int, int]:
    """Number the tokens between these edges, and new types after the `types` that are known; there is room for them.

    A function of its own: with what makes room in the same loop it takes twice the time.
    """
    for token in range(tokens):
        start, length = edges[2 * token], edges[2 * token + 1] - edges[2 * token]
        if 0 < breaks <= lines[2 * token] - before:
            ids[n] = BREAK
            n += 1
        before = lines[2 * token]
        code = _code(eights, start, length)
        slot = _slot(code, len(slots))
        while True:
            known = np.int64(slots[slot]) - 1
            if known < 0 or (codes[known] == code and _same(eights, starts[known], lengths[known], eights, start, length)):
                break
            slot = (slot + 1) & (len(slots) - 1)
        if known < 0:
            known = np.int64(types)
            types += 1
            slots[slot] = types
            codes[known], starts[known], lengths[known], counts[known] = code, start, length, 0
        counts[known] += 1
        ids[n] = known
        n += 1
    return n, types


@compiled()
def _power_of_two(size: int) -> int:
    """The first from 1,024 on that is no smaller."""
    power = 1 << 10
    while power < size:
        power *= 2
    return power


@compiled(nogil=True)
def join(
    eights: Words64, starts: Int64, lengths: Int64, letters: Words64, ends: Int64, codes: Words64, slots: Int32, types: int
) -> tuple[Int32, int]:
    """The numbers of a block's distinct tokens among those of a text, which grow by those that are new; there is room.

    Parameters
    ----------
    eights, starts, lengths : ndarray
        As `tokenise` makes them.
    letters : ndarray of uint64
        The distinct tokens of the text one after the other.
    ends : ndarray, (types or more + 1,)
        Where each begins and the one before it ends, in bytes.
    codes, slots : ndarray
        Their codes, and the table in which they are found; as in `tokenise`.
    types : int
        How many there are.

    Returns
    -------
    table : ndarray, (the block's types + 1,)
        The last element is BREAK, which finds itself there.
    types : int
    """
    table = np.empty(len(starts) + 1, np.int32)
    table[-1] = BREAK
    own, kept = eights.view(np.uint8), letters.view(np.uint8)
    for k in range(len(starts)):
        start, length = starts[k], lengths[k]
        code = _code(eights, start, length)
        slot = _slot(code, len(slots))
        while True:
            known = np.int64(slots[slot]) - 1
            if known < 0:
                break
            first = ends[known]
            if codes[known] == code and _same(letters, first, ends[known + 1] - first, eights, start, length):
                break
            slot = (slot + 1) & (len(slots) - 1)
        if known < 0:
            known = np.int64(types)
            types += 1
            slots[slot], codes[known], ends[types] = types, code, ends[known] + length
            kept[ends[known] : ends[types]] = own[start : start + length]
        table[k] = known
    return table, types


@compiled()
def slots_of(codes: Words64, types: int) -> Int32:
    """The table of the first `types` codes, with two slots for each that there is room for."""
    slots = np.zeros(2 * len(codes), np.int32)
    for known in range(types):
        slots[_free(slots, codes[known])] = known + 1
    return slots


@compiled()
def in_eights(text: Bytes) -> Words64:
    """The bytes as numbers, with zeros after them."""
    eights = np.zeros(len(text) // EIGHT + 2, np.uint64)
    eights.view(np.uint8)[: len(text)] = text
    return eights


@njit(inline="always")
def _eight(eights: Words64, at: int) -> np.uint64:
    """The eight bytes from `at` on."""
    shift = np.uint64(EIGHT * (at % EIGHT))
    # Twice, as a shift by 64 is none.
    return eights[at // EIGHT] >> shift | (eights[at // EIGHT + 1] << np.uint64(1)) << (np.uint64(63) - shift)


@njit(inline="always")
def _code(eights: Words64, start: int, length: int) -> np.uint64:
    """A token of up to eight bytes itself; of a longer one, a hash."""
    code = _eight(eights, start)
    if length <= EIGHT:
        return code & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(EIGHT * (EIGHT - length)))
    for at in range(start + EIGHT, start + length - EIGHT, EIGHT):
        code = _mixed(code) ^ _eight(eights, at)
    return _mixed(code) ^ _eight(eights, start + length - EIGHT)


@njit(inline="always")
def _mixed(code: np.uint64) -> np.uint64:
    code *= GOLDEN
    return code ^ (code >> np.uint64(32))


@njit(inline="always")
def _slot(code: np.uint64, size: int) -> np.int64:
    return np.int64(_mixed(_mixed(code)) & np.uint64(size - 1))


@compiled()
def _free(slots: Int32, code: np.uint64) -> np.int64:
    slot = _slot(code, len(slots))
    while slots[slot] > 0:
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@compiled()
def _grown(array: NDArray[Any]) -> NDArray[Any]:
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(inline="always")
def _same(eights: Words64, first: int, first_length: int, others: Words64, second: int, second_length: int) -> bool:
    """Whether two tokens of the same code are the same."""
    if first_length != second_length:
        return False
    # A token of up to eight bytes is its code, and so is the end of a longer one whose other bytes are known.
    for k in range(0, first_length - EIGHT, EIGHT):  # noqa: SIM110  (all() of a generator is not compiled)
        if _eight(eights, first + k) != _eight(others, second + k):
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
    weight: NDArray[Any],
    left: bool,
    right: bool,
    words: int,
) -> tuple[Int64, Int32, NDArray[Any]]:
    """Co-occurrence of the centres ``start ... stop - 1``, row by row: CSR arrays with sorted columns.

    Parameters
    ----------
    stream, reach : ndarray
        As `thin` makes them; `reach` is empty where every token has the whole window.
    first, order : ndarray
        As `places` makes them.
    weight : ndarray, (window,)
        What a context at distance 1, 2, ... counts, in a type that holds the sums.
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
    values = np.empty(bound, weight.dtype)
    total = np.zeros(words, weight.dtype)
    found, groups = np.zeros(words // 64 + 1, np.uint64), np.zeros(words // 4096 + 1, np.uint64)
    n = 0
    for row in range(start, stop):
        for k in range(first[row], first[row + 1]):
            place = order[k]
            if k + AHEAD < first[stop]:
                ask_for_number(stream, (order[k + AHEAD],))
            window = reach[place] if len(reach) else len(weight)
            if left:
                for distance in range(1, min(window, place) + 1):
                    context = stream[place - distance]
                    if context == BREAK:
                        break
                    if context >= 0:
                        _add(total, found, groups, np.uint32(context), weight[distance - 1])
            if right:
                for distance in range(1, min(window, len(stream) - 1 - place) + 1):
                    context = stream[place + distance]
                    if context == BREAK:
                        break
                    if context >= 0:
                        _add(total, found, groups, np.uint32(context), weight[distance - 1])
        if first[row + 1] > first[row]:
            n = _flush(total, found, groups, columns, values, n)
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
    found, groups = np.zeros(words // 64 + 1, np.uint64), np.zeros(words // 4096 + 1, np.uint64)
    n = 0
    for row in range(rows):
        before = n
        for indptr_of_one in indptrs:
            for k in range(indptr_of_one[row], indptr_of_one[row + 1]):
                _add(total, found, groups, np.uint32(columns[k]), values[k])
                before += 1
        if before > n:
            n = _flush(total, found, groups, out, sums, n)
        indptr[row + 1] = n
    return indptr, out[:n].copy(), sums[:n].copy()


@njit(inline="always")
def _add(total: NDArray[Any], found: Words64, groups: Words64, column: np.uint32, value: Any) -> None:
    """Add to one column of a row, and note it: as a bit of `found`, whose words that are not zero are bits of `groups`.

    So columns need neither be sorted nor all be looked through, and no branch depends on whether one is new.
    """
    total[column] += value
    word = column >> np.uint32(6)
    found[word] |= np.uint64(1) << np.uint64(column & np.uint32(63))
    groups[word >> np.uint32(6)] |= np.uint64(1) << np.uint64(word & np.uint32(63))


@compiled(nogil=True)
def _flush(total: NDArray[Any], found: Words64, groups: Words64, columns: Int32, values: NDArray[Any], n: int) -> int:
    """Finish a row: move its columns, ascending, and their totals to place `n` and after, and leave zeros; the end."""
    for group in range(len(groups)):
        while groups[group]:
            word = 64 * group + _lowest(groups[group])
            while found[word]:
                column = 64 * word + _lowest(found[word])
                columns[n], values[n] = column, total[column]
                total[column] = 0
                n += 1
                found[word] &= found[word] - np.uint64(1)
            groups[group] &= groups[group] - np.uint64(1)
    return n


def _lowest_bit(typing_context: Any, bits: Any) -> Any:
    """Number of the lowest bit that is set; one must be."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, 1))

    return types.int64(types.uint64), generate


_lowest: Any = intrinsic(_lowest_bit)
