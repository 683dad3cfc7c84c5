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


def target_nll(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the mean log-probability of the tokens of each target, in nats.

    Args:
        logits: [records, length, vocabulary].
        labels: Ids where a token of the target is predicted, -100 elsewhere, [records, length].

    Returns:
        [records].
    """
    from torch.nn import functional

    nll = functional.cross_entropy(
        logits.transpose(1, 2).float(), labels, ignore_index=-100, reduction="none"
    )
    return nll.sum(-1) / (labels != -100).sum(-1).clamp(min=1)


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

    def forward(self, inputs: Mapping[str, Any], labels: Tensor) -> Tensor:
        """``target_nll`` of each record; logits are computed from the first target on.

        Args:
            inputs: Of the model, a batch.
            labels: [records, length].
        """
        more = {}
        if self._short:
            first = int((labels != -100).any(0).int().argmax())
            labels = labels[:, first:]
            more["logits_to_keep"] = labels.shape[1]
        logits = self.learner(**inputs, use_cache=False, **more).logits
        return target_nll(logits[:, -labels.shape[1] :], labels)
