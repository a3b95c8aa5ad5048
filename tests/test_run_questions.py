"""Questions about words in a run: files, the table at the end, and refusals before any work."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import Command, written

import sgns_pmi as sp


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")  # tables in one piece
    return Command(tmp_path, monkeypatch, capsys)


def word_triples(folder: Path) -> Path:
    """Counts of words in two groups, whose contexts are each other."""
    groups = ["apple banana orange", "dog cat mouse"]
    lines = [f"{one},{other},{5 + n}" for group in groups for n, one in enumerate(group.split()) for other in group.split()]
    (folder / "counts.csv").write_text("\n".join(["center,context,count", *lines, "apple,dog,1", "dog,apple,1"]) + "\n")
    return folder / "counts.csv"


def test_questions_in_a_run(command: Command) -> None:
    triples = word_triples(command.folder)
    (command.folder / "pairs.txt").write_text("apple banana 9\nDOG cat 8\napple mouse 1\nunicorn cat 2\n")
    (command.folder / "four.txt").write_text(": fruit\napple banana orange apple\ndog cat mouse unicorn\n")
    asked = ["eval.words=[Cat]", "eval.similarity=[pairs.txt]", "eval.analogies=[four.txt]", "eval.vectors=mean"]
    outcome = command(
        "data=triples", f"data.path={triples}", "k=1", "dim=2", "method=[sppmi_svd,sppmi]", *asked, "hydra.run.dir=out"
    )
    assert outcome.code == 0, outcome.stderr
    out = command.folder / "out"
    rows = pd.read_csv(out / "evaluation.csv")
    assert rows.columns.tolist() == ["method", "task", "set", "section", "metric", "value"]
    table = rows.set_index(["method", "set", "section", "metric"])["value"]
    for method in ("sppmi_svd", "sppmi"):
        assert table[method, "pairs", "all", "covered"] == 3
        assert table[method, "four", "fruit", "asked"] == 1
        assert table[method, "four", "all", "out_of_vocabulary"] == 1
    near = pd.read_csv(out / "neighbours.csv")
    assert set(near.loc[near["rank"] <= 2, "neighbour"]) == {"dog", "mouse"}
    assert {file for file in written(out) if file.startswith("figures/")} >= {
        "figures/analogies_four.png",
        "figures/neighbours.png",
        "figures/words_pca_sppmi.png",
        "figures/words_plane_sppmi_svd.png",
    }
    # The table at the end: a row a set, how much of it is known, a column a method; and the neighbours.
    assert re.search(r"pairs +spearman +3/4 +\S+ +\S+\n", outcome.stdout)
    assert re.search(r"Cat +sppmi +\w+, \w+", outcome.stdout)
    # A second run in the same folder, which asks nothing, leaves nothing of the first's answers.
    again = command("data=triples", f"data.path={triples}", "k=1", "dim=2", "method=sppmi", "hydra.run.dir=out")
    assert "spearman" not in again.stdout
    assert not (out / "evaluation.csv").exists()


def test_sentiment_in_a_run(command: Command) -> None:
    """Fruits against animals: rows of each method and of both baselines, a table at the end, a figure."""
    triples = word_triples(command.folder)
    (command.folder / "fruit.txt").write_text("apple banana\norange apple\nbanana\n" * 4)
    (command.folder / "animals.txt").write_text("dog cat\nmouse, dog\nunicorn mouse\n" * 4)
    outcome = command(
        "data=triples",
        f"data.path={triples}",
        "k=1",
        "dim=2",
        "method=[sppmi_svd,sppmi]",
        "eval.sentiment=[fruit.txt,animals.txt]",
        "hydra.run.dir=out",
    )
    assert outcome.code == 0, outcome.stderr
    rows = pd.read_csv(command.folder / "out" / "evaluation.csv")
    assert set(rows["set"]) == {"fruit+animals"}
    table = rows.set_index(["method", "section", "metric"])["value"]
    assert table["sppmi_svd", "mean", "accuracy"] == table["tfidf", "words", "accuracy"] == 1
    assert table["sppmi_svd", "sif", "known_words"] == 40 / 44
    assert "figures/sentiment_fruit+animals.png" in written(command.folder / "out")
    assert re.search(r"set +method +mean +sif +words +known words\n", outcome.stdout)
    assert re.search(r"fruit\+animals +sppmi_svd +1\.000 ± 0\.000 +\S+ ± \S+ +90\.9%\n", outcome.stdout)
    assert re.search(r"fruit\+animals +tfidf +1\.000 ± 0\.000 +100\.0%\n", outcome.stdout)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("eval.words=[aple]", "eval.words=aple: is not in the vocabulary; did you mean apple?"),
        ("eval.similarity=[none.txt]", "eval.similarity=none.txt: there is no such file or folder"),
        ("eval.similarity=none.txt", "eval.similarity=none.txt: must be a list"),
        ("eval.sentiment=[counts.csv]", "eval.sentiment=counts.csv: needs two or more files"),
        ("eval.maps=[som]", "eval.maps=som: must be one of pca, tsne, umap"),
        ("+eval.sets=[a]", "eval.sets=['a']: no such key; there are eval.similarity"),
    ],
)
def test_questions_that_cannot_be_asked_stop_the_job_first(command: Command, override: str, message: str) -> None:
    triples = word_triples(command.folder)
    outcome = command("data=triples", f"data.path={triples}", "method=sppmi", override, "hydra.run.dir=out")
    assert outcome.code == 2
    assert message in outcome.stderr
    assert not (command.folder / "out" / "metrics.csv").exists()


def test_vectors_in_the_text_format_of_word2vec(command: Command) -> None:
    triples = word_triples(command.folder)
    given = ["data=triples", f"data.path={triples}", "k=1", "dim=2", "word2vec=true"]
    outcome = command(*given, "method=[sppmi_svd,sppmi]", "hydra.run.dir=out")
    assert outcome.code == 0, outcome.stderr
    files = {file for file in written(command.folder / "out") if file.startswith("vectors/")}
    assert files == {"vectors/sppmi_svd.npz", "vectors/sppmi_svd.txt", "vectors/sppmi.npz"}  # sparse rows have no place there
    text, arrays = (sp.read_vectors(command.folder / "out" / "vectors" / f"sppmi_svd.{kind}") for kind in ("txt", "npz"))
    assert set(text.words) == set(arrays.words)
    for word in text.words:
        np.testing.assert_allclose(text.matrix[text.position(word)], arrays.matrix[arrays.position(word)], rtol=1e-6)

    triples.write_text("center,context,count\nNew York,a,2\nb,a,1\nb,c,3\n")
    outcome = command(*given, "dim=1", "method=[sppmi_svd]", "hydra.run.dir=refused")
    assert outcome.code == 2
    assert "word=New York: has white space" in outcome.stderr
    assert not (command.folder / "refused" / "metrics.csv").exists()
