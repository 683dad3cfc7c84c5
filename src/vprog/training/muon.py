"""Muon in single precision: momentum whose matrices are made orthogonal before they are applied.

Jordan et al., Muon: An optimizer for hidden layers in neural networks (2024). torch.optim.Muon
iterates in bfloat16, which processors without such units emulate at a twentieth of the speed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration."""
ITERATIONS = 5


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest matrices with singular values near one.

    Args:
        matrices: [M, rows, columns].
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x: torch.Tensor = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def hidden_matrices(module: Any) -> set[int]:
    """Ids of the weights of linear layers inside of repeated blocks; embeddings and heads are none.

    Args:
        module: A ``torch.nn.Module``; blocks are what has a number in its name.
    """
    return {
        id(layer.weight)
        for name, layer in module.named_modules()
        if isinstance(layer, torch.nn.Linear) and any(part.isdigit() for part in name.split("."))
    }


class Muon(torch.optim.Optimizer):
    """For the matrices of hidden layers; everything else needs another optimiser."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.02,
        momentum: float = 0.95,
        scale: float = 1.2,
    ) -> None:
        """Takes matrices.

        Args:
            params: Matrices or groups of them.
            lr: Learning rate.
            weight_decay: Times the learning rate.
            momentum: Share of the past in the mean of gradients.
            scale: Size of a step in learning rates, before the root of the longer side. 0.2 makes
                steps as large as AdamW's (Liu et al., Muon is Scalable for LLM Training, 2025,
                section 2.2); the zoo's detector learned faster with more: docs/decisions.md.
        """
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._scale = scale

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step on the gradients; matrices of a shape are made orthogonal together."""
        assert closure is None
        for group in self.param_groups:
            shapes = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes[matrix.shape].append(matrix)
            for (rows, columns), matrices in shapes.items():
                looked_ahead = []
                for matrix in matrices:
                    state = self.state[matrix]
                    mean = state.setdefault("momentum", torch.zeros_like(matrix))
                    mean.lerp_(matrix.grad, 1 - group["momentum"])
                    looked_ahead.append(matrix.grad.lerp(mean, group["momentum"]))
                updates = orthogonal(torch.stack(looked_ahead))
                size = group["lr"] * self._scale * max(rows, columns) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.sub_(update, alpha=size)
