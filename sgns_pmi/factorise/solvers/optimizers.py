"""How a training step moves what is learned, given its gradient.

They are those of `torch.optim` at its defaults, but for rounding; the first one made there would import PyTorch's compiler,
which takes longer than a small training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgns_pmi.compiled import compiled

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
ADAGRAD_EPSILON = 1e-10


class Optimizer:
    """Moves parameters along their gradients, with a memory of earlier ones.

    Parameters
    ----------
    parameters : sequence of Tensor
        Moved in place.
    """

    memories: ClassVar[int] = 0
    """How many tensors, shaped as a parameter, it remembers of each; they begin at 0."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = parameters
        self._memory = [[torch.zeros_like(own) for _ in range(self.memories)] for own in parameters]
        self.steps = 0

    def step(self, gradients: Sequence[Tensor], lr: float) -> None:
        """Move every parameter along its gradient."""
        self.steps += 1
        for parameter, gradient, memory in zip(self._parameters, gradients, self._memory, strict=True):
            self.move(parameter, gradient, lr, *memory)

    def move(self, parameter: Tensor, gradient: Tensor, lr: float, *memory: Tensor) -> None:
        """Move one parameter, in place, and what is remembered of it."""
        raise NotImplementedError

    def saved(self) -> dict[str, Tensor]:
        """What it remembers, for a checkpoint."""
        memory = {f"memory{at}.{place}": own for at, owns in enumerate(self._memory) for place, own in enumerate(owns)}
        return {"steps": torch.tensor(self.steps), **memory}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Go on from there."""
        self.steps = int(saved["steps"])
        for at, owns in enumerate(self._memory):
            for place, own in enumerate(owns):
                own.copy_(saved[f"memory{at}.{place}"])


class SGD(Optimizer):
    """θ ← θ − lr g."""

    def move(self, parameter: Tensor, gradient: Tensor, lr: float, *memory: Tensor) -> None:
        parameter.sub_(gradient, alpha=lr)


class Adam(Optimizer):
    """θ ← θ − lr m̂ / (√ŝ + ε), with running means m of g and s of g² (Kingma & Ba, ICLR 2015, algorithm 1)."""

    memories = 2

    def move(self, parameter: Tensor, gradient: Tensor, lr: float, *memory: Tensor) -> None:
        m, s = memory
        # Both began at 0, and are too small by these factors.
        of_m, of_s = 1 - BETA_1**self.steps, 1 - BETA_2**self.steps
        if parameter.device.type == "cpu":  # one loop in place of six calls of PyTorch, each longer than its work
            _adam(parameter.numpy(), gradient.numpy(), m.numpy(), s.numpy(), lr / of_m, 1 / of_s)
            return
        m.lerp_(gradient, 1 - BETA_1)
        s.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        parameter.addcdiv_(m, s.div(of_s).sqrt_().add_(EPSILON), value=-lr / of_m)


@compiled(nogil=True, error_model="numpy")
def _adam(
    parameter: NDArray[Any], gradient: NDArray[Any], m: NDArray[Any], s: NDArray[Any], rate: float, unbiased: float
) -> None:
    """`Adam.move` of matrices; s is too small by 1 / `unbiased`, and `rate` holds what m is too small by."""
    real = parameter.dtype.type
    keep_m, new_m, keep_s, new_s = real(BETA_1), real(1 - BETA_1), real(BETA_2), real(1 - BETA_2)
    length, scale, epsilon = real(rate), real(unbiased), real(EPSILON)
    for row in range(parameter.shape[0]):
        for at in range(parameter.shape[1]):
            slope = gradient[row, at]
            m[row, at] = keep_m * m[row, at] + new_m * slope
            s[row, at] = keep_s * s[row, at] + new_s * slope * slope
            parameter[row, at] -= length * m[row, at] / (np.sqrt(scale * s[row, at]) + epsilon)


class Adagrad(Optimizer):
    """θ ← θ − lr g / (√Σg² + ε) (Duchi, Hazan & Singer, JMLR 2011)."""

    memories = 1

    def move(self, parameter: Tensor, gradient: Tensor, lr: float, *memory: Tensor) -> None:
        (squares,) = memory
        squares.addcmul_(gradient, gradient)
        parameter.addcdiv_(gradient, squares.sqrt().add_(ADAGRAD_EPSILON), value=-lr)


OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adagrad": Adagrad, "sgd": SGD}

__all__ = ["OPTIMIZERS", "Adam", "Optimizer"]
