"""Gradient checkpointing: what a layer computed is not kept, but computed again for its gradient.

A pass then keeps what goes into each layer alone, for about a third more time, and the gradient is
the same (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016).

These are the layers that transformers' ``gradient_checkpointing_enable`` is about. That works in
training mode alone, and students are trained in evaluation mode, without dropout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vprog.errors import InputError


def recompute_layers(learner: Any, name: str) -> None:
    """Makes the layers of a model's stacks compute again where gradients are taken.

    Frozen layers need nothing beside: with LoRA, too, gradients reach what learns inside of them.

    Args:
        learner: The model, or PEFT's wrapper around it.
        name: Of the training, for the message.

    Raises:
        InputError: The model's class has no such layers.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    model = learner.get_base_model() if hasattr(learner, "get_base_model") else learner
    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    if not layers or not model.supports_gradient_checkpointing:
        raise InputError(
            f"checkpointing = true: {type(model).__name__} does not support gradient "
            f"checkpointing; leave it out for {name}"
        )
    for layer in layers:
        layer.forward = partial(_again, layer.forward)


def _again(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    import torch
    from torch.utils.checkpoint import checkpoint

    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)
