"""What training by mini-batches adds to the variance of an estimate: the draws of its last steps, which nothing averages.

Training visits triples (i, j, n_ij), not pairs: each draws K negatives, of weight n_ij, anew in every epoch. So the gradient of ℓ
has in an epoch the covariance, of negatives alone,

    Q = (K / N²) Σ_i (Σ_j n_ij²) Cov_{j~ν}(σ_ij J_ij),

Σ_j n_ij² where K negatives of each pair would give r_i. An optimum of all that E epochs have drawn would have A⁺ Q A⁺ / E more
variance than that of ℓ. Training ends elsewhere. Near the optimum a step of rate η moves θ by −η D (A (θ − θ°) + noise), D = 1
for SGD and the inverse root of the gradient's second moments for Adam; the noise of one of b steps of an epoch is b Q. With λ and
W the eigenvalues and vectors of D^½ A D^½, C = Wᵀ D^½ b Q D^½ W, and a rate η (1 − t/T) that falls to 0 in T steps, the last θ
has

    Cov = D^½ W (C_kl η² T I(η T (λ_k + λ_l)/2)) Wᵀ D^½,        I(a) = ∫₀¹ u² e^(−a u²) du,

and with a constant rate I(a) = (1 − e^(−2a)) / 2a. Adam moves along a mean of gradients that is L = β₁ / (1 − β₁) steps behind,
as if its rate were higher by the factor 1 + λ η L. Where the rate falls that adds (a L / T) ∫₀¹ (2 u³ − ⅔ a u⁵) e^(−a u²) du to
I, some ¾ √a L / T of it, and at a constant rate nothing. Which triples a batch has matters little, as an epoch has them all.

References: Mandt, Hoffman & Blei, "Stochastic gradient descent as approximate Bayesian inference", JMLR 18 (2017), for a
constant rate; Robbins & Monro (1951); Kingma & Ba, "Adam", ICLR 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Float = NDArray[np.float64]

FLAT = 1e-3
"""Of a, below which I is its limit."""
LAG = 9.0
"""Steps that Adam's mean of gradients is behind, β₁ / (1 − β₁) with β₁ = 0.9."""


@dataclass(frozen=True)
class Training:
    """How an estimate was trained, each triple of a batch with K negatives of its own.

    Parameters
    ----------
    epochs : float
        Passes over the triples.
    batches : int
        Steps of an epoch.
    optimizer : {"sgd", "adam", "adagrad"}
    rate : float
        The learning rate, at the beginning.
    decays : bool
        Whether it falls linearly to 0.
    """

    epochs: float
    batches: int
    optimizer: str
    rate: float
    decays: bool

    @property
    def steps(self) -> float:
        """Of all epochs."""
        return self.epochs * self.batches

    def covariance(self, curvature: Float, drawn: Float, shuffled: Float) -> Float:
        """Covariance of the last θ about the optimum.

        Parameters
        ----------
        curvature : ndarray, (parameters, parameters)
            A.
        drawn : ndarray, (parameters, parameters)
            Q.
        shuffled : ndarray, (parameters,)
            Variance of a step's gradient by which triples its batch has.
        """
        noise = self.batches * drawn
        root = np.sqrt(self._preconditioner(np.diag(noise) + shuffled))
        values, turn = np.linalg.eigh(root[:, None] * curvature * root)
        values = np.maximum(values, 0.0)
        a = self.rate * self.steps * (values[:, None] + values) / 2
        turned = turn.T @ (root[:, None] * noise * root) @ turn
        scaled = self.rate**2 * self.steps * (_falling(a, self._lag) if self.decays else _constant(a)) * turned
        return root[:, None] * (turn @ scaled @ turn.T) * root

    @property
    def _lag(self) -> float:
        """L / T."""
        return LAG / self.steps if self.optimizer == "adam" else 0.0

    def _preconditioner(self, squares: Float) -> Float:
        """D, from the second moments of a step's gradient; 0 for parameters that have none."""
        if self.optimizer == "sgd":
            return np.ones_like(squares)
        gathered = squares * self.steps if self.optimizer == "adagrad" else squares
        return np.divide(1.0, np.sqrt(gathered), out=np.zeros_like(squares), where=gathered > 0)


def _falling(a: Float, lag: float) -> Float:
    """∫₀¹ u² e^(−a u²) du, and what a lag, as a share of the steps, adds."""
    some = np.maximum(a, FLAT)
    rest = np.exp(-some)
    second = np.sqrt(np.pi) * erf(np.sqrt(some)) / (4 * some**1.5) - rest / (2 * some)
    third = (1 - (1 + some) * rest) / (2 * some**2)
    fifth = (2 - (some**2 + 2 * some + 2) * rest) / (2 * some**3)
    return np.where(a > FLAT, second + some * lag * (2 * third - 2 / 3 * some * fifth), 1 / 3)


def _constant(a: Float) -> Float:
    """(1 − e^(−2a)) / 2a."""
    some = np.maximum(a, FLAT)
    return np.where(a > FLAT, -np.expm1(-2 * some) / (2 * some), 1.0)


__all__ = ["Training"]
