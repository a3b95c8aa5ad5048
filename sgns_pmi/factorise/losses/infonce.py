"""InfoNCE at infinite batch: the cross-entropy of whose context a context is, and of whose centre a centre is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sgns_pmi.counts import CooccurrenceCounts


@dataclass(frozen=True)
class ScorePoint:
    """The loss at scores X, and what its derivatives are made of, each (words, contexts).

    Parameters
    ----------
    loss : float
    slope : Tensor
        ∂L/∂X.
    by_center : Tensor
        p_i P̂(j|i).
    by_context, joint : Tensor, optional
        Of the symmetric loss: q_j P̂(i|j), and p_i q_j exp(x_ij − level).
    level : float
        log Σ p_i q_j exp(x_ij), of the symmetric loss; else 0.
    """

    loss: float
    slope: Tensor
    by_center: Tensor
    by_context: Tensor | None = None
    joint: Tensor | None = None
    level: float = 0.0


class InfoNCELoss:
    """Conditional cross-entropy with the words' own frequencies as noise, in nats a pair, as a function of X = V Uᵀ.

        L₁(X) = −Σ_ij P_ij log P̂(j|i),     P̂(j|i) = q_j exp(x_ij) / Σ_k q_k exp(x_ik),     P = n/N, p and q its margins.

    It is what −log of softmax over a batch of B independent pairs, each centre against the contexts of the batch, comes to as B →
    ∞, less the constant log B − H(q): the batch's mean of exp(x) is then Σ_k q_k exp(x_ik). At its least P̂(j|i) is n_ij / r_i,
    where x_ij is PMI_ij and any a_i. The curvature along Y is Σ_i [Σ_j R_ij y_ij² − (Σ_j R_ij y_ij)² / p_i], R_ij = p_i P̂(j|i):
    L₁ is convex in X, and its cells are not separable.

    The symmetric loss is the mean of L₁ and of the same with centres and contexts exchanged, at its least where x_ij is PMI_ij
    and a constant. Below full rank that constant would run away: t (1 + a_i/t)(1 + b_j/t) has rank one and comes to t + a_i +
    b_j, so that in the limit a single column pays for the effects of rows and of columns both. So ½ (log Σ p_i q_j exp x_ij)² is
    added, which is 0 for a PMI and holds X at the level of one.

    Parameters
    ----------
    counts : CooccurrenceCounts
    symmetric : bool
    device : str

    References
    ----------
    van den Oord, Li & Vinyals, "Representation Learning with Contrastive Predictive Coding", arXiv:1807.03748 (2018).
    Wang & Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity", ICML 2020, theorem 1.
    """

    def __init__(self, counts: CooccurrenceCounts, symmetric: bool, device: str = "cpu") -> None:
        n, self.symmetric = counts.matrix, symmetric
        self.p, self.q, self.share = (
            torch.tensor(values / counts.total, dtype=torch.float64, device=device)
            for values in (counts.row_sums, counts.col_sums, n.data)
        )
        self._at = torch.tensor(counts.centers.astype("int64") * counts.shape[1] + n.indices, device=device)

    def at(self, X: Tensor) -> ScorePoint:
        """Loss and derivatives at scores (words, contexts), float64."""
        loss, by_center = self._side(X, self.p[:, None], self.q, dim=1)
        if not self.symmetric:
            return ScorePoint(loss, self._less_share(by_center.clone()), by_center)
        other, by_context = self._side(X, self.q, self.p[:, None], dim=0)
        joint = X + torch.log(self.p)[:, None] + torch.log(self.q)
        level = torch.logsumexp(joint.view(-1), 0)
        joint = joint.sub_(level).exp_()
        slope = self._less_share((by_center + by_context).div_(2)).add_(joint, alpha=float(level))
        return ScorePoint((loss + other + float(level) ** 2) / 2, slope, by_center, by_context, joint, float(level))

    def _side(self, X: Tensor, own: Tensor, noise: Tensor, dim: int) -> tuple[float, Tensor]:
        """The cross-entropy of one side, and the weight that it gives to each cell."""
        guess = torch.log_softmax(X + torch.log(noise), dim)
        loss = -float(self.share @ guess.view(-1)[self._at])
        return loss, guess.exp_().mul_(own)

    def _less_share(self, weight: Tensor) -> Tensor:
        weight.view(-1)[self._at] -= self.share
        return weight

    def weight(self, point: ScorePoint) -> Tensor:
        """S (words, contexts), with Σ S y² no less than the curvature along any Y."""
        if point.by_context is None or point.joint is None:
            return point.by_center
        return ((point.by_center + point.by_context) / 2).add_(point.joint, alpha=1 + abs(point.level))

    def curved(self, point: ScorePoint, Y: Tensor) -> Tensor:
        """∂²L/∂X² applied to Y, (words, contexts)."""
        product = _less_means(point.by_center, Y, self.p, dim=1)
        if point.by_context is None or point.joint is None:
            return product
        product = product.add_(_less_means(point.by_context, Y, self.q, dim=0)).div_(2)
        of_level = point.joint * Y
        mean = float(of_level.sum())
        return product.add_(of_level, alpha=point.level).add_(point.joint, alpha=mean * (1 - point.level))

    def unseen(self, X: Tensor) -> Tensor:
        """X, and 0 in the seen cells."""
        X = X.clone()
        X.view(-1)[self._at] = 0.0
        return X

    def to_pmi(self, X: Tensor) -> Tensor:
        """What to add to each row of X to make it a PMI, (words,): exp(PMI) has mean 1 under q in each row, or under p qᵀ."""
        rows = torch.logsumexp(X + torch.log(self.q), 1)
        return -torch.logsumexp(rows + torch.log(self.p), 0).expand(len(rows)) if self.symmetric else -rows


def _less_means(weight: Tensor, Y: Tensor, own: Tensor, dim: int) -> Tensor:
    """weight ∘ (Y − its mean under the weight, which sums to `own` along `dim`)."""
    product = weight * Y
    mean = torch.nan_to_num(product.sum(dim) / own, nan=0.0).unsqueeze(dim)  # a word that never occurs has no mean
    return product.addcmul_(weight, mean, value=-1.0)
