"""The optimiser of the writers' matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton and Schulz (Jordan et al. 2024), equal shapes together.

    torch's own works in bfloat16, which CPUs without instructions for it do very slowly.
    """

    def __init__(self, params: Sequence[torch.nn.Parameter], lr: float, decay: float) -> None:
        """Takes matrices only."""
        super().__init__(params, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step of all matrices that have a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[torch.nn.Parameter]] = {}
            for param in group["params"]:
                shapes.setdefault(param.shape, []).append(param)
            for params in shapes.values():
                updates = []
                for param in params:
                    kept = self.state[param].setdefault("momentum", torch.zeros_like(param))
                    kept.lerp_(param.grad, 0.05)
                    updates.append(param.grad.lerp(kept, 0.95))
                scale = 0.2 * max(params[0].shape) ** 0.5 * group["lr"]
                for param, update in zip(params, _orthogonal(torch.stack(updates)), strict=True):
                    param.mul_(1 - group["lr"] * group["decay"]).sub_(update, alpha=scale)


def _orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """About the nearest orthogonal matrix of each, [n, rows, columns]."""
    flipped = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if flipped else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if flipped else x
