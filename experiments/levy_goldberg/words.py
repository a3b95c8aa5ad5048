"""Table 2 of Levy & Goldberg in small: similarity and analogies, from the sweep's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import sgns_pmi as sp
from sgns_pmi.figures import lines_figure, save

HERE = Path(__file__).parent
KS = (1, 5, 15)
SETS = {"EN-WS-353-ALL": "WordSim-353", "EN-MEN-TR-3k": "MEN", "EN-SIMLEX-999": "SimLex-999", "questions-words": "analogies"}
ASKED = {"spearman": "covered", "accuracy_3cosmul": "asked"}
"""What is compared, and how many pairs or questions it is of: those whose words all have a vector."""
PUBLISHED = {
    ("WordSim-353", "sppmi"): (0.605, 0.670, 0.687),
    ("WordSim-353", "sppmi_svd"): (0.652, 0.691, 0.661),
    ("WordSim-353", "sgns_sampled"): (0.633, 0.644, 0.666),
    ("MEN", "sppmi"): (0.688, 0.721, 0.719),
    ("MEN", "sppmi_svd"): (0.735, 0.734, 0.694),
    ("MEN", "sgns_sampled"): (0.690, 0.708, 0.716),
    ("analogies", "sppmi"): (0.655, 0.644, 0.571),
    ("analogies", "sppmi_svd"): (0.567, 0.472, 0.341),
    ("analogies", "sgns_sampled"): (0.540, 0.616, 0.619),
}
"""Spearman's ρ, and the accuracy of 3CosMul on the mixed analogies, at k = 1, 5 and 15 in L&G's Table 2 (dim 1000)."""


def answers(sweep: sp.Sweep) -> pd.DataFrame:
    """Columns set, method, k, value (mean over seeds), asked, se and spread.

    se is that of a correlation, (1 − ρ²)/√(n − 1), or of a share of the questions, and spread the standard deviation over seeds.
    """
    whole = sweep.evaluation[sweep.evaluation["section"] == "all"].drop(columns=["task", "section"])
    whole = whole.assign(set=whole["set"].map(SETS)).dropna(subset="set")
    of = ["set", "method", "k"]
    wide, spreads = (whole.pivot_table("value", of, "metric", aggfunc=how, sort=False).reset_index() for how in ("mean", "std"))
    parts = []
    for metric, asked in ASKED.items():
        own = wide.dropna(subset=metric)
        value, n = own[metric], own[asked]
        se = (1 - value**2) / (n - 1) ** 0.5 if metric == "spearman" else (value * (1 - value) / n) ** 0.5
        parts.append(own[of].assign(value=value, se=se, asked=n).merge(spreads[[*of, metric]].rename(columns={metric: "spread"})))
    return pd.concat(parts, ignore_index=True)


def main(sweep: sp.Sweep) -> None:
    """Write words.csv and words.png beside this file."""
    rows = answers(sweep)
    published = pd.DataFrame(
        [(name, method, k, value) for (name, method), values in PUBLISHED.items() for k, value in zip(KS, values, strict=True)],
        columns=["set", "method", "k", "published"],
    )
    table = rows.merge(published, how="left", on=["set", "method", "k"])
    table.to_csv(HERE / "words.csv", index=False, float_format="%.4g")
    texts = table.assign(
        text=[
            f"{value:.3f} ± {se:.3f} of {n:.0f}, {spread:.4f} between seeds, {other:.3f}"
            for value, se, spread, n, other in table[["value", "se", "spread", "asked", "published"]].itertuples(index=False)
        ]
    )
    print(texts.pivot_table("text", ["set", "method"], "k", aggfunc="first", sort=False).to_string())
    figure = lines_figure(
        rows[rows["set"].isin(published["set"])],
        "k",
        facets=["set"],
        value_label="Spearman's ρ, or share of analogies (3CosMul)",
        title="Word similarity and analogies against the number of negatives\n"
        "text8 prefix, 15,000 words, window 2, dim 100; dashed: Levy & Goldberg's, dim 1,000",
        bounds=published.rename(columns={"published": "value"}),
    )
    save(figure, HERE / "words")


if __name__ == "__main__":
    main(sp.Sweep.open(sys.argv[1]))
