"""Losses of answers and options, one value a row.

The exact losses of SDVP are not public. Ours follow Hinton et al., Distilling the Knowledge in a
Neural Network (2015), section 2: KL from the teacher's distribution to the student's at a
temperature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TINY = 1e-8


def answer_kl(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher || student) at a temperature, times its square so that gradients keep their size.

    Where the teacher only names an answer this is the cross entropy with it, at temperature 1.

    Args:
        logits: Of the student, [rows, answers].
        teacher: Probabilities, [rows, answers]; each row sums to 1.
        temperature: Flattens both distributions; above 0.

    Returns:
        [rows].
    """
    import torch

    named = teacher.amax(-1) > 1 - 1e-6
    t = torch.where(named, 1.0, temperature)[:, None]
    # What the teacher gives nothing gets nothing at any temperature.
    soft = teacher.pow(1 / t)
    soft = soft / soft.sum(-1, keepdim=True).clamp(min=TINY)
    found = (logits / t).log_softmax(-1)
    return (torch.xlogy(soft, soft) - soft * found).sum(-1) * t[:, 0] ** 2


def logits_kl(logits: Tensor, before: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(before || student) of two sets of logits at a temperature, times its square.

    Args:
        logits: Of the student, [..., classes].
        before: Of the student as it was, [..., classes].
        temperature: See ``answer_kl``.

    Returns:
        [...].
    """
    old = (before / temperature).log_softmax(-1)
    new = (logits / temperature).log_softmax(-1)
    return (old.exp() * (old - new)).sum(-1) * temperature**2


def bernoulli_kl(logits: Tensor, belief: Tensor) -> Tensor:
    """KL between independent beliefs, elementwise: binary cross entropy without its constant.

    Args:
        logits: Of the student, any shape.
        belief: Of the teacher in [0, 1], the same shape.
    """
    import torch
    from torch.nn import functional

    cross = functional.binary_cross_entropy_with_logits(logits, belief, reduction="none")
    return cross + torch.xlogy(belief, belief) + torch.xlogy(1 - belief, 1 - belief)


def log_belief_kl(log_belief: Tensor, belief: Tensor) -> Tensor:
    """``bernoulli_kl`` of a student that gives the logarithm of its belief, below 0."""
    import torch

    off = torch.log1p(-log_belief.exp().clamp(max=1 - 1e-6))
    cross = -(belief * log_belief + (1 - belief) * off)
    return cross + torch.xlogy(belief, belief) + torch.xlogy(1 - belief, 1 - belief)


def options_kl(logits: Tensor, belief: Tensor, temperature: float = 1.0) -> Tensor:
    """KL over options: the teacher's beliefs as shares, the student's logits through a softmax.

    Args:
        logits: Of one row, [options].
        belief: Of the teacher, [options], not all 0.
        temperature: See ``answer_kl``.

    Returns:
        A scalar.
    """
    return answer_kl(logits[None], (belief / belief.sum())[None], temperature)[0]


def words_nll(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the log-probability of written answers; their sum is exact, not an average a token.

    Args:
        logits: [rows, length, vocabulary].
        labels: Ids, [rows, length]; -100 where nothing is asked (the prompt, padding).

    Returns:
        [rows].
    """
    from torch.nn import functional

    nll = functional.cross_entropy(
        logits.transpose(1, 2).float(), labels, ignore_index=-100, reduction="none"
    )
    return nll.sum(-1)


def words_kl(logits: Tensor, before: Tensor, labels: Tensor) -> Tensor:
    """KL between what two models would write next, summed over the words of an answer.

    Args:
        logits: Of the student, [rows, length, vocabulary].
        before: Of the student as it was.
        labels: -100 where nothing counts, [rows, length].

    Returns:
        [rows].
    """
    return (logits_kl(logits.float(), before.float()) * (labels != -100)).sum(-1)
