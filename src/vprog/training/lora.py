"""LoRA (Hu et al., 2021) on a student: which layers, and an adapter's folder."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.tools.backends.hf.adapters import CONFIG_FILE, with_input_embeddings
from vprog.tools.backends.hf.runtime import quiet, reason


def linear_layers(model: Any) -> list[str]:
    """Names of every linear layer of attention, MLPs and heads.

    Left out are layers that share their weights with word embeddings or with one another, and
    those inside of ``torch.nn.MultiheadAttention``, which reads their weights without calling them.
    The box heads of Grounding DINO share their weights: PEFT would adapt each name by itself, or
    one alone, and merge into all, so that the merged student were not the one that learned.
    """
    from torch import nn

    words = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    hidden = [n for n, m in model.named_modules() if isinstance(m, nn.MultiheadAttention)]
    linear = [
        (name, id(module.weight))
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, nn.Linear)
    ]
    uses = Counter(weight for _, weight in linear)
    return [
        name
        for name, weight in linear
        if uses[weight] == 1
        and weight not in words
        and not any(name.startswith(f"{outer}.") for outer in hidden)
    ]


def add_lora(
    model: Any,
    name: str,
    rank: int,
    alpha: float,
    seed: int,
    layers: Sequence[str] | None = None,
) -> Any:
    """Puts LoRA into a model's linear layers, where its users see it at once.

    Args:
        model: Is changed; its own weights no longer learn.
        name: As a toolbox calls it, for the adapter's card.
        rank: Of the additions.
        alpha: Their scale times the rank.
        seed: Of their initial values; the second factor is 0, so nothing changes yet.
        layers: Names of linear layers; None is ``linear_layers``.

    Returns:
        The ``peft.PeftModel`` around it.

    Raises:
        InputError: PEFT cannot wrap the model.
    """
    import peft
    import torch

    torch.manual_seed(seed)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=0.0,
        target_modules=list(layers) if layers is not None else linear_layers(model),
        base_model_name_or_path=name,
    )
    with quiet():
        try:
            with_input_embeddings(model)
            wrapped = peft.get_peft_model(model, config)
        except Exception as error:
            raise InputError(
                f"LoRA does not fit {type(model).__name__}: {reason(error)}; use method = full"
            ) from error
    config.base_model_name_or_path = name
    return wrapped.eval()


def save_lora(wrapped: Any, folder: Path) -> None:
    """Writes an adapter's folder whose bytes depend on its weights alone."""
    with quiet():
        wrapped.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    path = folder / CONFIG_FILE
    config = json.loads(path.read_text(encoding="utf-8"))
    for key, value in config.items():
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            config[key] = sorted(value)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
