"""Word similarity: files as people write them, the correlation, coverage, and gensim's figures."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from words import cosine, random_vectors, with_ngrams

import sgns_pmi as sp
from sgns_pmi.compare.words.question_files import SUFFIXES, question_files
from sgns_pmi.compare.words.similarity import WordPair, read_similarity


def values(frame: pd.DataFrame) -> dict[str, float]:
    return frame.set_index("metric")["value"].to_dict()


def random_pairs(words: int, size: int = 80) -> list[WordPair]:
    rng = np.random.default_rng(0)
    drawn = [(*rng.choice(words, 2, replace=False), float(rng.integers(0, 10))) for _ in range(size)]
    return [WordPair(f"w{first}", f"w{second}", score) for first, second, score in drawn]


@pytest.mark.parametrize("restrict", [None, 40])
def test_correlation_of_ranks_over_the_pairs_that_are_known(restrict: int | None) -> None:
    vectors = random_vectors()
    pairs = random_pairs(words=70)
    known = dict(zip(vectors.words[:restrict], vectors.matrix, strict=False))
    covered = [pair for pair in pairs if pair.first in known and pair.second in known]
    cosines = [cosine(known[first], known[second]) for first, second, _ in covered]
    ranks = np.corrcoef(rankdata(cosines), rankdata([pair.score for pair in covered]))[0, 1]
    found = values(sp.similarity(vectors, pairs, restrict))
    assert found["spearman"] == pytest.approx(ranks, abs=1e-12)
    assert (found["pairs"], found["covered"], found["out_of_vocabulary"]) == (80, len(covered), 80 - len(covered))
    assert found["coverage"] == len(covered) / 80 < 1


def test_sparse_rows_answer_as_dense_ones() -> None:
    from scipy.sparse import csr_array

    dense = random_vectors()
    found = sp.similarity(sp.WordVectors(dense.words, csr_array(dense.matrix)), random_pairs(60))
    pd.testing.assert_frame_equal(found, sp.similarity(dense, random_pairs(60)))


def test_files_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_bytes(
        b"\xef\xbb\xbf# word1 word2 score\r\nTiger\tCAT\t7.35\tM\r\n\r\n  W1   w2  10.00 \r\nnew york\tcity\t3\r\n\t \r\n# end"
    )
    expected = [("Tiger", "CAT", 7.35), ("W1", "w2", 10.0), ("new york", "city", 3.0)]
    assert read_similarity(file) == [WordPair(*pair) for pair in expected]
    assert values(sp.similarity(random_vectors(), file))["covered"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a b 1\na b\n", "pair=a b: must be two words and a number, in line 2 of .*pairs.txt"),
        ("a\tb c\n", "in line 1"),
        ("word1 word2 score\na b 1\n", "in line 1 .* headings begin with #"),
        ("a b nan\n", "in line 1"),
        ("\n# nothing\n", "the file has no questions"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pairs.txt").write_text(content)
    with pytest.raises(sp.InputError, match=message):
        read_similarity(tmp_path / "pairs.txt")


@pytest.mark.parametrize("pairs", [[], [("w1", "w2", 3.0)], [("x", "y", 3.0)] * 3, [("w1", "w2", 3.0)] * 3])
def test_no_correlation_where_none_is_defined(pairs: list[tuple[str, str, float]]) -> None:
    pairs = [WordPair(*pair) for pair in pairs]
    found = values(sp.similarity(random_vectors(), pairs))
    assert "spearman" not in found
    assert found["pairs"] == len(pairs)


def test_folders_stand_for_their_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.tsv", "README.md", ".hidden.txt"):
        (tmp_path / name).write_text("x y 1\n")
    assert list(question_files("similarity", [tmp_path])) == ["a", "b"]
    for paths, message in [
        ([tmp_path, tmp_path / "a.tsv"], "has the name of another set"),
        ([tmp_path / "c.txt"], "no such file or folder"),
    ]:
        with pytest.raises(sp.InputError, match=message):
            question_files("similarity", paths)
    (tmp_path / "empty").mkdir()
    with pytest.raises(sp.InputError, match=r"the folder has no \.txt or \.tsv file"):
        question_files("similarity", [tmp_path / "empty"])


def test_the_published_sets_are_read_whole(published: Path) -> None:
    sizes = {name: len(read_similarity(file)) for name, file in question_files("s", [published / "similarity"]).items()}
    assert sizes == {
        "EN-MEN-TR-3k": 3000,
        "EN-MTurk-287": 287,
        "EN-RG-65": 65,
        "EN-RW-STANFORD": 2034,
        "EN-SIMLEX-999": 999,
        "EN-WS-353-ALL": 353,
        "EN-WS-353-REL": 252,
        "EN-WS-353-SIM": 203,
    }


@pytest.mark.parametrize("seed", range(6))
def test_gensim_agrees(tmp_path: Path, seed: int) -> None:
    """Tied scores, words in other spellings, words that nobody knows, and a word beside itself."""
    pytest.importorskip("gensim", reason="needs the extra gensim")
    rng = np.random.default_rng(seed)
    vectors = random_vectors(words=80, dim=10, seed=seed)
    pairs = rng.integers(0, 120, size=(300, 2))  # w80 to w119 have no vector
    words = np.array([[f"{'W' if rng.random() < 0.2 else 'w'}{number}" for number in pair] for pair in pairs])
    file = tmp_path / "pairs.tsv"
    file.write_text(
        "".join(f"{first}\t{second}\t{score}\n" for (first, second), score in zip(words, rng.integers(0, 11, 300), strict=True))
    )
    _, spearman, missing = sp.to_gensim(vectors).evaluate_word_pairs(str(file))
    found = values(sp.similarity(vectors, file))
    assert found["spearman"] == pytest.approx(spearman.statistic, abs=1e-3)  # float32 in gensim: near ties change ranks
    assert 30 < missing < 80
    assert 100 * (1 - found["coverage"]) == pytest.approx(missing)


def test_pairs_with_composed_words_are_covered() -> None:
    vectors = with_ngrams()
    assert vectors.subwords is not None
    pairs = [
        WordPair("king", "queen", 3.0),
        WordPair("kingg", "pears", 1.0),
        WordPair("KINGLY", "pear", 2.0),
        WordPair("zzz", "pear", 9.0),
    ]
    found = values(sp.similarity(vectors, pairs))
    assert {"pairs": 4, "covered": 2, "composed": 1, "out_of_vocabulary": 2}.items() <= found.items()
    pairs[2] = WordPair("kingly", "pear", 2.0)
    found = values(sp.similarity(vectors, pairs))
    assert {"covered": 3, "composed": 2}.items() <= found.items()
    kingg, pears, kingly = (vectors.subwords.compose(word) for word in ("kingg", "pears", "kingly"))
    king, queen, pear = vectors.matrix
    cosines = [cosine(king, queen), cosine(kingg, pears), cosine(kingly, pear)]
    assert found["spearman"] == pytest.approx(np.corrcoef(rankdata(cosines), [3, 1, 2])[0, 1])
    known = values(sp.similarity(vectors, pairs, restrict=3))
    assert {"covered": 1, "composed": 0}.items() <= known.items()


def test_hashtags_are_words_and_comments_are_not(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("# king queen 3\n#word1\tword2\tscore\n#metoo\ttwitter\t7.5\nNew York\tRome\t1\n")
    assert read_similarity(tmp_path / "pairs.tsv") == [("#metoo", "twitter", 7.5), ("New York", "Rome", 1.0)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'"Mean","Stdev","Term1","Term2"\n279,178.9,"Alpha","Beta"\n', "two words and a number, in line 1 .* separated by tabs"),
        (b"#Mean Stdev Term1 Term2\n279 178.9 0.5 Alpha Beta\n", "words after its numbers, in line 2"),
        (b"a b 1_000\n", "two words and a number"),
        (b"a b 7,5\n", "two words and a number"),
        (b"a b nan\n", "two words and a number"),
        (b"#a b\n", "the file has no questions"),
        ("a b 1\n".encode("utf-16"), "is UTF-16 text; convert it to UTF-8"),
        ("a b 1\n".encode("utf-16-be"), "is UTF-16 text; convert it to UTF-8"),
        (b"a b 1\na\0 b 1\n", "is no text: byte 7 is NUL"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "pairs.txt").write_bytes(content)
    with pytest.raises(sp.InputError, match=message):
        read_similarity(tmp_path / "pairs.txt")


def test_zero_vectors_are_unknown(tmp_path: Path) -> None:
    vectors = sp.WordVectors(("zero", "a", "b", "c"), np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]))
    (tmp_path / "pairs.txt").write_text("a b 3\na zero 2\na c 1\n")
    found = sp.similarity(vectors, tmp_path / "pairs.txt").set_index("metric")["value"]
    assert (found["covered"], found["out_of_vocabulary"], round(found["spearman"], 9)) == (2, 1, 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["a", "B", "#x", "# ", ": ", "\t", " ", "\n", "\r", "1", "-2.5", "nan", "\0", "é", "\u2028"])).map(
        "".join
    ),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_any_file_of_questions_is_read_or_refused(tmp_path: Path, text: str, encoding: str) -> None:
    file = tmp_path / "questions.txt"
    file.write_bytes(text.encode(encoding, "replace"))
    vectors = sp.WordVectors(("a", "b", "#x", "1"), np.array([[1.0, 0], [0, 1], [0, 0], [1, 1]]))
    for ask in (sp.similarity, sp.analogies):
        with suppress(sp.InputError):
            assert np.isfinite(ask(vectors, file)["value"]).all()


@pytest.mark.parametrize(
    "content",
    [
        "king,queen,9.5\ncat,dog,2\n",
        "9.5,king,queen\n2,cat,dog\n",
        "word1,word2,score\nking,queen,9.5\ncat,dog,2\n",
        "score,word1,word2\n9.5,king,queen\n2,cat,dog\n",
        '"Mean","Stdev","Term1","Term2","CUI1","CUI2"\n9.5,1,king,queen,C01,C02\n2,3,cat,dog,C03,C04\n',
        ",Word 1,Word 2,Human (mean)\n0,king,queen,9.5\n1,cat,dog,2\n",
        "word1,word2,POS,SimLex999,conc(w1),conc(w2)\nking,queen,N,9.5,4,4\ncat,dog,N,2,5,5\n",
        "word1;word2;score\nking;queen;9,5\ncat;dog;2\n",
    ],
)
def test_tables_are_read_by_headings_and_contents(tmp_path: Path, content: str) -> None:
    (tmp_path / "pairs.csv").write_text(content)
    assert read_similarity(tmp_path / "pairs.csv") == [("king", "queen", 9.5), ("cat", "dog", 2.0)]
    assert list(question_files("similarity", [tmp_path], (*SUFFIXES, ".csv"))) == ["pairs"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("word1,word2,one,two\na,b,1,9\n", "must have one column of numbers, headed score, and has: one, two"),
        ("word1,word2,score 1,score 2\na,b,1,9\n", "and has: score 1, score 2"),
        ("word1,word2,score\na,b,high\n", "and has: none"),
        ("word1,score\na,1\n", "must have two columns of words, headed word1 and word2, and has: word1"),
        ("word1,word2,score\na,,1\n", "a word is missing, in line 2"),
        ("word1,word2,score\n", "must have"),
        ("word1,word2,score\na,b,1,2\n", "has 4 fields in line 2 and 3 in line 1"),
    ],
)
def test_tables_in_which_nothing_is_guessed(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(sp.InputError, match=message):
        read_similarity(tmp_path / "pairs.csv")
