"""VPD's loss: cross entropy of answers and rationales, each normalised by its length.

For examples j with label y and rationale r, prompts p (answer) and s (explain)::

    L = sum_j  l(f(image, question, p), y) + l(f(image, question, s), r)

and l is the mean over the tokens of the target, its end included (VPD, section 3.2). Here each of
the two is a record with a weight, and the loss of a step is the weighted mean over its records,
wherever and in how many passes they were computed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def target_nll(logits: Tensor, labels: Tensor, owners: Tensor, records: int) -> Tensor:
    """Minus the mean log-probability of the tokens of each target, in nats.

    Args:
        logits: [rows, length, vocabulary].
        labels: Ids where a token of a target is predicted, -100 elsewhere, [rows, length].
        owners: To which record a position belongs, [rows, length].
        records: How many there are.

    Returns:
        [records].
    """
    import torch
    from torch.nn import functional

    asked = labels != -100
    nll = functional.cross_entropy(logits[asked].float(), labels[asked], reduction="none")
    sums = torch.zeros(records, dtype=nll.dtype, device=nll.device)
    sums = sums.index_add(0, owners[asked], nll)
    counts = torch.bincount(owners[asked], minlength=records)
    return sums / counts.clamp(min=1)


class Objective(nn.Module):
    """Losses of records as a module, so that Accelerate can spread it over processes.

    Attributes:
        learner: What learns: the model, or PEFT's wrapper around it.
    """

    def __init__(self, learner: nn.Module, model: nn.Module) -> None:
        """Takes a student.

        Args:
            learner: Is called.
            model: Inside of it; says whether it can leave out logits that nothing is asked of.
        """
        super().__init__()
        self.learner = learner
        self._short = "logits_to_keep" in inspect.signature(type(model).forward).parameters

    def forward(
        self, inputs: Mapping[str, Any], labels: Tensor, owners: Tensor, records: int
    ) -> Tensor:
        """``target_nll`` of each record; logits are computed from the first target on.

        Args:
            inputs: Of the model, a batch.
            labels: See ``target_nll``.
            owners: See ``target_nll``.
            records: See ``target_nll``.
        """
        more = {}
        if self._short:
            first = int((labels != -100).any(0).int().argmax())
            labels, owners = labels[:, first:], owners[:, first:]
            more["logits_to_keep"] = labels.shape[1]
        logits = self.learner(**inputs, use_cache=False, **more).logits
        return target_nll(logits[:, -labels.shape[1] :], labels, owners, records)
