"""The cells of the recovery plot, and their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import sgns_pmi as sp
from sgns_pmi.compare.shown import ShownCells
from sgns_pmi.compare.words.files import write_factors
from sgns_pmi.report.cells import plot_cells
from sgns_pmi.results.shown_file import write_shown


def test_single_cells_have_their_words(tmp_path: Path) -> None:
    words = ["the", "king", "of"]
    counts = sp.CooccurrenceCounts.from_matrix(np.array([[9, 0, 1], [4, 6, 0], [1, 1, 7]]), vocab=words, context_vocab=words)
    write_factors(sp.QWEM(dim=1).fit(counts), counts, tmp_path / "vectors" / "qwem.npz")
    places = np.column_stack([counts.centers, counts.matrix.indices]).astype(np.int32)[::2]
    n = counts.matrix.data[::2]
    shown = ShownCells(np.arange(0, counts.nnz, 2), "empirical", np.log(n), n, "seen cells", {"qwem": np.log(n)}, places=places)
    write_shown(shown, tmp_path / "shown.npz")
    cells = plot_cells(sp.Run(tmp_path))
    assert cells is not None
    columns = (cells[key] for key in ("center", "context", "count"))
    found = {(words.index(i), words.index(j)): n for i, j, n in zip(*columns, strict=True)}
    assert found == {(i, j): counts.matrix[i, j] for i, j in places}
