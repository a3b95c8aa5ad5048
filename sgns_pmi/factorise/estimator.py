"""scikit-learn's protocol of an estimator, spoken without loading scikit-learn, which takes as long as a small fit."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np

from sgns_pmi.errors import InputError
from sgns_pmi.lazily import sklearn


class Estimator:
    """What `sklearn.base.BaseEstimator` has: parameters that are those of the constructor, their text, tags, being fitted.

    What checks a configuration asks estimators for their parameters and lets them check these. With `BaseEstimator` each
    misspelt key would be answered a second later.
    """

    @classmethod
    def parameters(cls) -> dict[str, Any]:
        """The constructor's parameters, with their defaults."""
        own = list(inspect.signature(cls).parameters.values())
        return {parameter.name: parameter.default for parameter in own}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; `deep` is scikit-learn's and makes no difference, as no parameter is an estimator."""
        return {name: getattr(self, name) for name in self.parameters()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; returns self.

        Raises
        ------
        InputError
            For a name that is no parameter.
        """
        names = list(self.parameters())
        for name in params:
            if name not in names:
                raise InputError(name, params[name], f"is no parameter of {type(self).__name__}; there are {', '.join(names)}")
        vars(self).update(params)
        return self

    def fresh(self, **params: Any) -> Self:
        """An estimator that has not been fitted, with the same parameters but for those given: `sklearn.base.clone`."""
        return type(self)(**self.get_params()).set_params(**params)

    def __repr__(self) -> str:
        changed = (
            f"{name}={_brief(value)}" for name, value in self.get_params().items() if not _alike(value, self.parameters()[name])
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_tags__(self) -> Any:
        tags = sklearn.utils.Tags(
            estimator_type=None,
            target_tags=sklearn.utils.TargetTags(required=False),
            transformer_tags=sklearn.utils.TransformerTags(),
            input_tags=sklearn.utils.InputTags(sparse=True, positive_only=True),
        )
        return tags

    def check_fitted(self) -> None:
        """Raise `NotFittedError` before `fit`."""
        if not self.__sklearn_is_fitted__():
            raise sklearn.exceptions.NotFittedError(f"{type(self).__name__} is not fitted yet; call fit first")


def _alike(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and np.isscalar(value) and value == default)


def _brief(value: Any) -> str:
    return f"array of {value.shape}" if isinstance(value, np.ndarray) else repr(value)
