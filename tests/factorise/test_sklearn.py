"""scikit-learn's habits: its own checks, pipelines, searches, vectors of new rows, scores and warnings."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from letters import letters_problem
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import sgns_pmi as sp
from sgns_pmi.counts import as_counts
from sgns_pmi.factorise import METHODS, Factorisation, Parameters

COUNTS = sp.softmax_problem(words=16, rank=2, pairs=40_000, seed=4).counts
X = COUNTS.matrix.toarray()
OTHER = X[::-1] + np.eye(16)

OWN_WORDS = "refused, in the project's own words: one line that names the field, the value and what is allowed"
NO_NEW_ROWS = "the vectors are those of the rows that were fitted; other rows have none"
CANNOT_HOLD = {
    "check_n_features_in_after_fitting": OWN_WORDS,
    "check_positive_only_tag_during_fit": OWN_WORDS,
    "check_complex_data": OWN_WORDS,
    "check_dtype_object": OWN_WORDS,
    "check_estimators_empty_data_messages": OWN_WORDS,
    "check_estimators_nan_inf": OWN_WORDS,
    "check_fit2d_predict1d": OWN_WORDS,
}
CANNOT_HOLD_WITHOUT_NEW_ROWS = CANNOT_HOLD | {
    "check_methods_sample_order_invariance": NO_NEW_ROWS,
    "check_methods_subset_invariance": NO_NEW_ROWS,
    "check_fit_idempotent": NO_NEW_ROWS,
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [sp.SGNS(dim=1, k=1, solver=sp.Expected(starts=1)), sp.SPPMISVD(dim=1, k=1)],
    expected_failed_checks=lambda estimator: CANNOT_HOLD if isinstance(estimator, sp.SGNS) else CANNOT_HOLD_WITHOUT_NEW_ROWS,
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def fitted(**parameters: Any) -> sp.SGNS:
    return sp.SGNS(**{"dim": 2, "k": 2, "solver": sp.Expected(starts=1)} | parameters).fit(COUNTS)


def test_pipelines_and_searches() -> None:
    pipeline = make_pipeline(sp.SGNS(dim=2, k=2), StandardScaler()).fit(X)
    np.testing.assert_allclose(pipeline.transform(X).std(axis=0), 1)
    search = GridSearchCV(sp.SGNS(solver=sp.Expected(starts=1)), {"dim": [1, 2]}, cv=3).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.V_.shape == (16, search.best_params_["dim"])


def test_vectors_come_as_a_frame_of_named_words_on_request() -> None:
    frame = pd.DataFrame(X, index=[f"word {number}" for number in range(len(X))])
    sgns = sp.SGNS(dim=2, k=2, solver=sp.Expected(starts=1))
    V = clone(sgns.set_output(transform="pandas")).fit_transform(frame)
    assert list(V.index) == list(frame.index)
    assert list(V.columns) == ["sgns0", "sgns1"]
    assert isinstance(sgns.set_output().fit_transform(frame), pd.DataFrame)
    np.testing.assert_array_equal(sgns.set_output(transform="default").fit_transform(frame), V)
    pipeline = make_pipeline(sp.SGNS(dim=2, k=2), StandardScaler()).set_output(transform="pandas")
    assert list(pipeline.fit_transform(frame).index) == list(frame.index)
    with pytest.raises(sp.InputError, match="transform"):
        sgns.set_output(transform="polers")


@pytest.mark.parametrize("parameters", [{}, {"bias": True}, {"drop_positive": True}, {"exponent": 0.75, "k": 5}])
def test_rows_that_were_fitted_are_found_again(parameters: dict[str, Any]) -> None:
    """ℓ is at a minimum: given U, each row's vector is the one that was fitted, in whatever order the rows come."""
    sgns = fitted(**parameters)
    assert sgns.transform(X) is sgns.V_
    np.testing.assert_allclose(sgns.transform(X[::-1]), sgns.V_[::-1], atol=1e-5)
    assert sgns.score(X) == -sgns.objective_
    assert sgns.score(X[::-1]) == pytest.approx(-sgns.objective_, rel=1e-10)


def test_a_new_row_is_a_logistic_regression_on_the_contexts() -> None:
    sgns = fitted()
    seen, drawn = OTHER, sgns.k * OTHER.sum(1)[:, None] * sgns.noise_
    labels = np.repeat([1, 0], 16)
    for row, found in zip(range(3), sgns.transform(OTHER), strict=False):
        peer = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
        peer.fit(np.vstack([sgns.U_, sgns.U_]), labels, sample_weight=np.concatenate([seen[row], drawn[row]]))
        np.testing.assert_allclose(found, peer.coef_[0], rtol=1e-4, atol=1e-6)
    loss = sp.sgns_objective(sgns.transform(OTHER), sgns.U_, OTHER, sgns.k, sgns.noise_)
    assert sgns.score(OTHER) == pytest.approx(-loss, rel=1e-12)


def test_contexts_that_were_never_fitted_say_nothing() -> None:
    without = X.copy()
    without[:, 3] = 0
    sgns = sp.SGNS(dim=2, k=2, solver=sp.Expected(starts=1)).fit(without)
    np.testing.assert_allclose(sgns.transform(X), sgns.transform(without), atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_transforms_and_scores_what_it_fitted(name: str) -> None:
    problem = letters_problem()
    declared = METHODS[name]
    estimator: Factorisation = declared.build(Parameters(k=2, dim=3), solvers={"sampled": {"epochs": 2}})
    data = sp.softmax_problem(words=14, rank=1, seed=3).pmi if declared.needs == "truth" else problem.give(declared.needs)
    with pytest.raises(NotFittedError):
        estimator.transform(data)
    with pytest.raises(NotFittedError):
        estimator.score(data)
    assert not hasattr(estimator, "n_features_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(data, None)
    assert estimator.n_features_in_ == 14
    assert np.isfinite(estimator.score(data))
    if name == "empirical":
        with pytest.raises(sp.InputError, match="no vectors"):
            estimator.transform(data)
        return
    V = estimator.transform(data)
    difference = V - estimator.V_
    assert abs(difference).max() < 1e-12
    names = estimator.get_feature_names_out()
    assert list(names[:2]) == [f"{type(estimator).__name__.lower()}{column}" for column in (0, 1)]
    assert len(names) == V.shape[1]


def test_the_score_of_other_methods_is_the_error_of_seen_cells() -> None:
    svd = sp.SPPMISVD(dim=2, k=1).fit(COUNTS)
    error = (svd.estimate_pmi() - sp.pmi_matrix(COUNTS))[COUNTS.seen]
    assert svd.score(X) == pytest.approx(-np.sqrt(np.mean(error**2)), rel=1e-12)
    for rows, remedy in ((OTHER, "only of the rows"), (X[:, :5], "16 contexts")):
        with pytest.raises(sp.InputError, match=remedy):
            svd.transform(rows)
    with pytest.raises(sp.InputError, match="16 words"):
        svd.score(X[:5])


def test_a_fit_that_has_not_converged_warns_where_it_was_asked_for() -> None:
    with pytest.warns(ConvergenceWarning, match=r"SGNS \(expected\) has not converged") as caught:
        sp.SGNS(dim=2, k=2, solver=sp.Expected(starts=1, max_steps=1, tolerance=1e-15)).fit(OTHER)
    assert caught[0].filename == __file__


def test_frames_are_counts_with_words() -> None:
    words = [f"w{index}" for index in range(16)]
    frame = pd.DataFrame(X, index=words, columns=words)
    np.testing.assert_array_equal(fitted().V_, sp.SGNS(dim=2, k=2, solver=sp.Expected(starts=1)).fit(frame).V_)
    assert as_counts(frame).vocab == tuple(words)


def test_estimators_are_shown_by_what_was_changed() -> None:
    assert repr(sp.SGNS()) == "SGNS()"
    assert repr(sp.SGNS(dim=2, solver="sampled")) == "SGNS(dim=2, solver='sampled')"
    assert repr(sp.SGNS(noise=np.ones(1000))) == "SGNS(noise=array of (1000,))"


def test_parameters_that_are_none() -> None:
    with pytest.raises(ValueError, match="dims=3: is no parameter of SGNS"):
        sp.SGNS().set_params(dims=3)
