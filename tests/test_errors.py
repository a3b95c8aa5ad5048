"""One-line errors: what they say, and what the checks let through."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from sgns_pmi.errors import (
    InputError,
    check_choice,
    check_dim,
    check_flag,
    check_integer,
    check_real,
    check_seed,
    missing_extra,
    printable,
)


def test_error_names_field_value_and_remedy():
    error = InputError("k", 0, "must be 1 or more")
    assert str(error) == "k=0: must be 1 or more"
    assert isinstance(error, ValueError)


def test_error_is_one_short_line():
    text = str(InputError("count", "a\nb  " + "x" * 500, "must be a number:\n parser said no\n"))
    assert "\n" not in text
    assert text.endswith("must be a number: parser said no")
    assert text.startswith("count=a b xxx")
    assert len(text) < 130


def test_a_key_that_nobody_knows_leaves_the_error_one_short_line():
    assert str(InputError("method.\n\x1b[2J", None, "no such key")) == "method.\\n\\x1b[2J=None: no such key"
    assert len(str(InputError("method." + 10_000 * "x", None, "no such key"))) < 400
    assert InputError("method.\n", None, "no such key").field == "method.\n"


def test_error_survives_another_process():
    error = pickle.loads(pickle.dumps(InputError("k", 0, "must be 1 or more")))
    assert (type(error), error.field, error.value, error.remedy) == (InputError, "k", 0, "must be 1 or more")
    assert str(error) == "k=0: must be 1 or more"


def test_error_under_a_group():
    assert str(InputError("words", 0, "too few").under("data")) == "data.words=0: too few"


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_whole_numbers(value):
    number = check_integer("k", value)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [0, -1, 2.5, np.nan, np.inf, True, "3", None, [3], 3 + 0j])
def test_not_whole_numbers(value):
    with pytest.raises(InputError, match=r"^k=.*whole number, 1 or more"):
        check_integer("k", value)


def test_large_integers_keep_every_digit():
    """A float holds whole numbers to 2⁵³ only."""
    assert check_integer("seed", 2**53 + 1) == 2**53 + 1
    assert check_integer("seed", 2**63 + 1) == 2**63 + 1


def test_integers_beyond_floats_are_refused_in_one_line():
    with pytest.raises(InputError, match="whole number"):
        check_integer("pairs", 10**400, minimum=10**401)


@pytest.mark.parametrize(("value", "minimum", "above"), [(0, 0.0, False), (0.1, 0.0, True), (np.float32(2), 1.0, False)])
def test_reals(value, minimum, above):
    number = check_real("scale", value, minimum, above=above)
    assert number == value
    assert type(number) is float


@pytest.mark.parametrize(
    ("value", "minimum", "above", "says"),
    [
        (0, 0.0, True, "above 0"),
        (-1e-9, 0.0, False, "not below 0"),
        (0.5, 1.0, False, "not below 1"),
        (np.nan, 0.0, False, "number"),
        (np.inf, 0.0, False, "number"),
        (True, 0.0, False, "number"),
        ("1", 0.0, False, "number"),
        (None, 0.0, False, "number"),
    ],
)
def test_not_reals(value, minimum, above, says):
    with pytest.raises(InputError, match=says):
        check_real("scale", value, minimum, above=above)


def test_choice_suggests_the_closest():
    assert check_choice("noise", "uniform", ("unigram", "uniform")) == "uniform"
    with pytest.raises(InputError) as caught:
        check_choice("noise", "unigrm", ("unigram", "uniform"))
    assert str(caught.value) == "noise=unigrm: must be one of unigram, uniform (did you mean unigram?)"
    with pytest.raises(InputError) as caught:
        check_choice("noise", "xyz", ("unigram", "uniform"))
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 3, ["unigram"], {}])
def test_choice_of_another_type(value):
    with pytest.raises(InputError, match="must be one of unigram"):
        check_choice("noise", value, ("unigram",))


def test_flag():
    assert check_flag("symmetric", True) is True
    for value in (1, "true", None):
        with pytest.raises(InputError, match="true or false"):
            check_flag("symmetric", value)


def test_dim_is_at_most_the_smaller_side():
    assert check_dim(3, (5, 3)) == 3
    with pytest.raises(InputError, match=r"at most 3.*5 x 3"):
        check_dim(4, (5, 3))
    with pytest.raises(InputError, match="whole number"):
        check_dim(0, (5, 3))


def test_seed_may_be_zero_and_not_negative():
    assert check_seed(0) == 0
    with pytest.raises(InputError, match=r"^seed=-1"):
        check_seed(-1)


def test_missing_package_names_its_extra():
    assert "pip install 'sgns-pmi[parquet]'" in str(missing_extra("pyarrow", "parquet", "to read .parquet files"))


def test_a_long_path_keeps_its_end_and_other_values_their_beginning() -> None:
    long = "folder/" * 30 + "counts.csv"
    assert "…" in str(InputError("data.path", long, "no such file"))
    assert "/counts.csv: no such file" in str(InputError("data.path", long, "no such file"))
    assert str(InputError("noise", long, "unknown")).startswith("noise=folder/folder/")
    assert len(str(InputError("data.path", long, ""))) == len(str(InputError("data.pa_h", long, "")))


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x07", "\x9b2J", "\u202eabc", "\u2066abc", "\u2028", "\ud800", "\r"])
def test_what_commands_a_terminal_is_escaped(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown.startswith("\\")


@pytest.mark.parametrize("text", ["नमस्ते", "cafe\u0301", "\u200fא", "می\u200cخواهم", "a\u00a0b", "=cmd"])
def test_words_of_all_scripts_are_shown_as_they_are(text):
    assert printable(text) == text


def test_values_of_files_neither_fill_nor_command_the_terminal():
    error = InputError("path", "t.txt", f"holds the word {'x' * 3_000_000} alone \x1b[2J")
    assert len(str(error)) < 500
    assert "\x1b" not in str(error)
    assert "alone" in str(error)
