"""What an answer to a step is worth as supervision: its confidence, and whether two agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vprog.evaluation.zoo.metrics import found
from vprog.trace import Result, Value
from vprog.verify import answer_text

LEAST_OVERLAP = 0.5
"""Intersection over union from which two boxes are the same find."""
BELIEVED = 0.5
"""Belief from which a single option counts as true (``verify_property``)."""


def confidence_of(tool: str, result: Result) -> float:
    """How sure an answer is, in [0, 1].

    What the backend says of itself (``info["confidence"]``). Else for ``detect`` the least score of
    its boxes, 1 without any; for ``vqa`` the share of the answer or the score of what was written,
    1 where nothing is said; for ``match`` the belief in or against a single option, the best
    option's share of the beliefs among several.
    """
    info = result.info
    if isinstance(info.get("confidence"), int | float):
        return float(info["confidence"])
    if tool == "detect" and isinstance(result.value, list):
        return min((float(box.score) for box in result.value), default=1.0)
    if tool == "vqa":
        shares = info.get("distribution")
        if isinstance(shares, Mapping) and str(result.value) in shares:
            return float(shares[str(result.value)])
        return float(info.get("score", 1.0))
    assert isinstance(result.value, list)
    beliefs: list[float] = result.value
    if len(beliefs) == 1:
        return max(beliefs[0], 1 - beliefs[0])
    total = sum(beliefs)
    return max(beliefs) / total if total > 0 else 0.0


def agree(tool: str, one: Value, other: Value) -> bool:
    """Whether two answers to the same call say the same.

    ``detect``: every box of each has its own partner with an intersection over union of 0.5.
    ``vqa``: equal in normal form. ``match``: on the same side of 0.5 for a single option, the same
    best option among several.
    """
    if tool == "detect":
        if not (isinstance(one, list) and isinstance(other, list)):
            return False
        boxes, others = [b.box_xyxy for b in one], [b.box_xyxy for b in other]
        return len(boxes) == len(others) == found(boxes, others, LEAST_OVERLAP)[0]
    if tool == "vqa":
        return one is not None and answer_text(one) == answer_text(other)
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) != len(other):
        return False
    if len(one) == 1:
        return bool((one[0] >= BELIEVED) == (other[0] >= BELIEVED))
    return _best(one) == _best(other)


def _best(beliefs: Sequence[float]) -> int:
    return max(range(len(beliefs)), key=beliefs.__getitem__, default=-1)
