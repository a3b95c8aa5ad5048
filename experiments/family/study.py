"""The whole family side by side: the table and the figure of the study, from its two runs' folders.

python experiments/family/study.py outputs/family outputs/family_text
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import sgns_pmi as sp
from sgns_pmi.compare import select
from sgns_pmi.figures import save, style

HERE = Path(__file__).parent
LOG = ("seconds",)
HIGHER = ("WordSim-353", "analogies", "sentiment")
"""Measures of which more is better."""
REFERENCES = ("oracle", "empirical")
"""They stand in the table; in the figure they would be all that one sees of an error."""
BASELINES = {"random": "Random vectors", "tfidf": "TF-IDF"}


def synthetic(run: sp.Run) -> pd.DataFrame:
    """Recovery of the true PMI, ℓ and seconds on the R experiment."""
    rows = select(run.metrics, estimate="corrected", target="true", cells="all")
    true = rows.pivot(index="method", columns="metric", values="value")
    gap = select(run.metrics, target="objective", metric="gap").set_index("method")["value"]
    columns = {"weighted RMSE": true["weighted_rmse"], "RMSE": true["rmse"], "ℓ, gap in %": 100 * gap}
    return pd.DataFrame(columns).join(run.steps["seconds"])


def text(run: sp.Run) -> pd.DataFrame:
    """Recovery of the empirical PMI, ℓ, what the vectors know, seconds and memory on the text."""
    rows = select(run.metrics, estimate="corrected", target="empirical", cells="seen", metric="rmse")
    seen = rows.set_index("method")["value"]
    deviation = select(run.metrics, metric="deviation_percent").set_index("method")["value"]
    answers = run.evaluation
    similarity = answers.query("task == 'similarity'").pivot(index="method", columns="metric", values="value")
    # fastText also answers pairs of which no other method knows both words: another question.
    words = similarity.loc[similarity["covered"] == similarity["covered"].min(), "spearman"]
    right = answers.query("section == 'all' and metric == 'accuracy_3cosadd'").set_index("method")["value"]
    sentiment = answers.query("task == 'sentiment' and metric == 'accuracy'").groupby("method")["value"].max()
    columns = {"RMSE seen": seen, "ℓ above ℓ* in %": deviation, "WordSim-353": words, "analogies": right, "sentiment": sentiment}
    steps = run.steps.rename(columns={"peak_memory_mb": "memory (MB)"})
    return pd.DataFrame(columns).join(steps).rename_axis("method")


@style.styled
def figure(tables: dict[str, pd.DataFrame]) -> Figure:
    """A column for each measure, a row for each method; the best value of a measure is filled."""
    known = {method for table in tables.values() for method in table.index} - set(REFERENCES)
    methods = [method for method in (*style.COLOURS, *BASELINES) if method in known]
    measures = [(name, measure) for name, table in tables.items() for measure in table.columns]
    drawn = Figure(figsize=(1.25 * len(measures) + 1.5, 0.27 * len(methods) + 1.7), layout="constrained")
    axes = drawn.subplots(1, len(measures), sharey=True)
    rows = {method: len(methods) - 1 - at for at, method in enumerate(methods)}
    for ax, (name, measure) in zip(axes, measures, strict=True):
        values = tables[name][measure].drop(list(REFERENCES), errors="ignore").dropna()
        best = values.idxmax() if measure in HIGHER else values.idxmin()
        for method, value in zip(values.index, values, strict=True):
            filled = style.colour(method) if method == best else "white"
            ax.plot(value, rows[method], "o", color=style.colour(method), markerfacecolor=filled, markersize=6)
        if measure in LOG or values.max() > 10 * values.median():
            ax.set_xscale("symlog", linthresh=values[values > 0].min())
            ax.xaxis.set_major_formatter(style.plain)
        ax.set_title(measure)
        ax.set_xlabel(name)
        ax.grid(True)
        ax.tick_params(axis="x", labelrotation=45)
    axes[0].set_yticks(list(rows.values()), [BASELINES.get(method, style.label(method)) for method in rows])
    style.set_title(drawn, "Every method on the R experiment (k = 20, dim = 4) and on text (2,000 words, k = 5, dim = 50)")
    return drawn


def main(synthetic_run: Path, text_run: Path) -> None:
    """Write table.csv and figure.png beside this file."""
    tables = {"R experiment": synthetic(sp.Run.open(synthetic_run)), "text": text(sp.Run.open(text_run))}
    table = pd.concat([own.add_prefix(f"{name}: ") for name, own in tables.items()], axis=1)
    table = table.loc[[method for method in (*style.COLOURS, *BASELINES) if method in table.index]]
    table.to_csv(HERE / "table.csv", float_format="%.4g")
    print(table.to_string(float_format="%.4g", na_rep=""))
    save(figure(tables), HERE / "figure")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
