"""Whether two results are the same beyond the noise of floating point."""

from __future__ import annotations

from typing import Any


def agree(first: Any, second: Any, noise: float = 2e-3) -> bool:
    """Equal, numbers up to ``noise`` (relative above 1)."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            agree(first[k], second[k], noise) for k in first
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(
            agree(a, b, noise) for a, b in zip(first, second, strict=True)
        )
    if isinstance(first, float):
        return abs(first - second) <= noise * max(1, abs(first))
    return bool(first == second)
