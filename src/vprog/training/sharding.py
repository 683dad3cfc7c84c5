"""Sharded training: every process keeps a part of weights, gradients and optimizer states (FSDP).

PyTorch's ``fully_shard`` on the processes that Accelerate opened. Accelerate's own plugin engages
DDP on processors without a word (docs/decisions.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from vprog.errors import InputError


def shard(objective: Any, accelerator: Any, *, layers: bool) -> None:
    """Spreads a module over all processes; its parameters become distributed tensors.

    Weights are gathered for a pass. Every process has loaded the whole model before.

    Args:
        objective: The module that computes losses; passes go through it.
        accelerator: Accelerate's, of more than one process.
        layers: Gather every layer of transformers' stacks by itself when its turn comes, and let go
            of it behind it. All processes must then call a layer equally often.

    Raises:
        InputError: The module cannot be sharded.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor
    from transformers.modeling_layers import GradientCheckpointingLayer

    objective.to(accelerator.device)
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    try:
        for layer in list(objective.modules()):
            if layers and isinstance(layer, GradientCheckpointingLayer):
                fully_shard(layer, mesh=mesh)
        fully_shard(objective, mesh=mesh)
        # Says which module is the outermost one before a validation enters one of its parts.
        objective._get_fsdp_state()._lazy_init()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"this student cannot be sharded: {error}") from error
    assert all(isinstance(p, DTensor) for p in objective.parameters())


@contextlib.contextmanager
def whole(objective: Any) -> Iterator[None]:
    """Within it every process holds all weights, and forward passes of one wait for no other.

    All processes enter and leave it; no gradient may be taken inside.
    """
    objective.set_reshard_after_forward(False)
    for part in _parts(objective):
        part.unshard()
    try:
        yield
    finally:
        let_go(objective)
        for part in _parts(objective):  # the outermost one needs its weights again at once
            part.set_reshard_after_forward(part is not objective, recurse=False)


def let_go(objective: Any) -> None:
    """Lets go of whole weights that a pass without a backward one has left.

    The next pass would take them as they are, though the parts have changed since.
    """
    for part in _parts(objective):
        part.reshard()


def join(objective: Any) -> None:
    """Ends the sharding: every process holds an ordinary module on the processor.

    It can be saved and no longer trained. All processes call it.
    """
    from torch import nn

    let_go(objective)
    made: dict[int, Any] = {}
    for module in objective.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in made:
                made[id(parameter)] = nn.Parameter(gathered(parameter), parameter.requires_grad)
            setattr(module, name, made[id(parameter)])
    for part in _parts(objective):
        part.__class__ = type(part).__bases__[1]  # fully_shard put FSDPModule before it


def gathered(value: Any) -> Any:
    """A nested value with its tensors on the processor, distributed ones whole.

    All processes call it with their parts.
    """
    from torch import Tensor
    from torch.distributed.tensor import DTensor

    if isinstance(value, DTensor):
        return value.full_tensor().detach().cpu()
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: gathered(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(gathered(one) for one in value)
    return value


def spread(value: Any, like: Any) -> Any:
    """This process's part of a whole tensor, if ``like`` is distributed and of its shape."""
    from torch import Tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not (isinstance(like, DTensor) and isinstance(value, Tensor) and value.shape == like.shape):
        return value
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def _parts(objective: Any) -> list[Any]:
    from torch.distributed.fsdp import FSDPModule

    return [module for module in objective.modules() if isinstance(module, FSDPModule)]
