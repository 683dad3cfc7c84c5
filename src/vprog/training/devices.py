"""Devices and processes of a training, through Accelerate."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from vprog.errors import InputError


def take_own_gpu() -> None:
    """Of many processes on one machine each loads its model onto a GPU of its own."""
    import torch

    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def make_accelerator(precision: str, device: str) -> Any:
    """Accelerate's, with what was asked for engaged.

    Args:
        precision: ``auto``, ``no`` or ``bf16``.
        device: That the model is on.

    Raises:
        InputError: Accelerate was asked for sharded training, or engaged it: see ``sharding``.
    """
    import torch
    from accelerate import (
        Accelerator,
        DistributedDataParallelKwargs,
        InitProcessGroupKwargs,
    )
    from accelerate.utils import DistributedType

    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_MEGATRON_LM"):
        if os.environ.get(name, "false").lower() in ("true", "1"):
            raise InputError(
                f"{name} is set; students train in one process, by DDP, or sharded (FSDP) with the "
                "setting sharded = true. Unset it"
            )
    if precision == "auto":
        has = device == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bf16" if has else "no"
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision=precision,
        kwargs_handlers=[
            # Heads that a loss does not reach get no gradient.
            DistributedDataParallelKwargs(find_unused_parameters=True),
            # One process validates while the others wait for it; NCCL gives up after 10 minutes.
            InitProcessGroupKwargs(timeout=timedelta(days=1)),
        ],
    )
    kinds = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)
    if accelerator.distributed_type not in kinds:
        raise InputError(
            f"Accelerate engaged {accelerator.distributed_type.value}; students train in one "
            "process or by DDP. Change it with `accelerate config`"
        )
    many = accelerator.num_processes > 1
    assert many == (accelerator.distributed_type != DistributedType.NO)
    return accelerator


def moved(value: Any, device: Any) -> Any:
    """A nested value with its tensors on a device."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [moved(item, device) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [moved(item, device) for item in value]
    return value
