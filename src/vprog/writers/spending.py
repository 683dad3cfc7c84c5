"""What endpoints and devices cost, and a budget that is not passed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.errors import InputError, known_names


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars a million tokens.

    Attributes:
        prompt: For tokens that the model reads.
        completion: For tokens that it writes.
    """

    prompt: float
    completion: float

    def of(self, tokens: Mapping[str, int]) -> float:
        """Dollars for ``prompt_tokens`` and ``completion_tokens``."""
        read, written = tokens["prompt_tokens"], tokens["completion_tokens"]
        return (read * self.prompt + written * self.completion) / 1e6


def read_price(path: Path | None, model: str) -> Price | None:
    """The price of a model, from a TOML file.

    ::

        ["gpt-4o-mini"]
        prompt = 0.15
        completion = 0.60

    Raises:
        InputError: The file cannot be read, lacks the model, or holds no numbers.
    """
    if path is None:
        return None
    prices = _read(path)
    if model not in prices:
        raise InputError(f"{path} has no price for {model!r}. {known_names(model, prices)}")
    row = prices[model]
    found = [row.get(key) for key in ("prompt", "completion")] if isinstance(row, dict) else []
    numbers = [float(n) for n in found if isinstance(n, int | float) and n >= 0]
    if len(numbers) != 2:
        raise InputError(
            f"{path}: {model}: want prompt and completion, dollars a million tokens, got {row!r}"
        )
    return Price(*numbers)


def read_hour(path: Path | None, device: str) -> float | None:
    """Dollars an hour of a device, from the same file; None where it has no such price.

    ::

        ["NVIDIA H100 80GB HBM3"]
        hour = 2.50

    Args:
        path: The file; None has no prices.
        device: ``cpu``, or a GPU as torch calls it: what a plan names.

    Raises:
        InputError: The file cannot be read, or its price is no number.
    """
    row = {} if path is None else _read(path).get(device, {})
    hour = row.get("hour") if isinstance(row, dict) else row
    if hour is None:
        return None
    if not isinstance(hour, int | float) or not 0 <= hour < float("inf"):
        raise InputError(f"{path}: {device}: want hour, dollars an hour, got {hour!r}")
    return float(hour)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read prices {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"prices {path} are no TOML: {error}") from None


class Budget:
    """Keeps a bound on dollars: a request is sent only if its worst case still fits.

    Attributes:
        spent: Dollars so far.
        under_way: Requests that are held for.
        held: Dollars of their worst cases.
    """

    def __init__(self, most: float | None, price: Price | None, spent: float) -> None:
        """Starts with what a record says was spent before.

        Raises:
            InputError: A bound without a price.
        """
        if most is not None and price is None:
            raise InputError(
                "--budget needs the model's price: give --prices FILE with a table for the model "
                "(prompt and completion, dollars a million tokens)"
            )
        self._most = most
        self.spent = spent
        self.under_way = 0
        self.held = 0.0

    def fits(self, worst: float) -> bool:
        """Whether a request may be sent now."""
        return self._most is None or self.spent + self.held + worst <= self._most

    def hold(self, worst: float) -> None:
        """Keeps the worst case of a request back while it is under way."""
        self.under_way += 1
        self.held += worst

    def release(self, worst: float) -> None:
        """Gives back what was held for a request that ended."""
        self.under_way -= 1
        self.held = self.held - worst if self.under_way else 0.0  # without rounding's dust

    def refusal(self, worst: float) -> InputError:
        """The error for a request that will not fit."""
        return InputError(
            f"the budget of {self._most:g} dollars is used up: {self.spent:.4f} spent, and the "
            f"next request may cost {worst:.4f}. What finished is kept; raise --budget to go on"
        )
