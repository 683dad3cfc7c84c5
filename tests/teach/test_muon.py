"""Muon: which matrices it takes, and what its steps are."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")

from vprog.training.muon import Muon, hidden_matrices  # noqa: E402


def test_a_step_has_the_singular_vectors_of_the_gradient_and_values_near_one() -> None:
    torch.manual_seed(0)
    matrix = torch.nn.Parameter(torch.zeros(24, 16))
    matrix.grad = torch.randn(24, 16)
    Muon([matrix], lr=1.0, weight_decay=0.0, scale=1.0).step()
    update = -matrix.detach() / 24**0.5
    left, _, right = torch.linalg.svd(matrix.grad, full_matrices=False)
    turned = left.T @ update @ right.T
    assert turned.diagonal().sub(1).abs().max() < 0.35
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-4


def test_rate_and_decay() -> None:
    torch.manual_seed(0)
    steps = []
    for rate, decay in ((1.0, 0.0), (0.5, 0.0), (0.5, 0.1)):
        matrix = torch.nn.Parameter(torch.ones(8, 8))
        matrix.grad = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
        Muon([matrix], lr=rate, weight_decay=decay).step()
        steps.append(matrix.detach() - 1)
    assert torch.allclose(steps[1], steps[0] / 2, atol=1e-6)
    assert torch.allclose(steps[2], steps[1] - 0.05, atol=1e-6)


def test_matrices_of_blocks_are_taken_and_no_embedding_head_or_norm() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(5, 4)
            self.layers = torch.nn.ModuleList(
                torch.nn.ModuleDict({"mlp": torch.nn.Linear(4, 4), "norm": torch.nn.LayerNorm(4)})
                for _ in range(2)
            )
            self.head = torch.nn.Linear(4, 5)

    model = Model()
    assert hidden_matrices(model) == {id(layer["mlp"].weight) for layer in model.layers}  # type: ignore[index,union-attr]
