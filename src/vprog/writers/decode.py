"""Choosing tokens: greedy or seeded draws, log-probabilities on the way, an end in time.

``transformers`` draws every row of a batch from one stream of random numbers, so that a program
depends on its neighbours. Here each row has numbers of its own, made from seed, prompt and index of
the sample; and the log-probability of what was chosen is kept in place of all logits (which would
take gigabytes).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from vprog.writers.writer import Sampling


def uniforms(seed: int, prompt: str, sample: int, most: int) -> list[float]:
    """The random numbers in [0, 1) that choose the tokens of one program."""
    numbers = random.Random(f"{seed}\n{sample}\n{prompt}")
    return [numbers.random() for _ in range(most)]


class Choose:
    """A logits processor that leaves one token a row to take: greedy or by the row's own numbers.

    Attributes:
        logprobs: For every step a tensor [rows] with the log-probability of the token chosen, under
            the model as it is: before temperature, top-p and grammar.
    """

    def __init__(
        self,
        sampling: Sampling,
        numbers: Sequence[Sequence[float]],
        mask: Callable[[Any, Any], None] | None = None,
    ) -> None:
        """Prepares the draw.

        Args:
            sampling: Temperature and top-p.
            numbers: For each row, as many as tokens may be written.
            mask: Sets scores [rows, vocabulary] of forbidden tokens to -inf, given the tokens
                written so far.
        """
        self._sampling = sampling
        self._numbers = numbers
        self._mask = mask
        self.logprobs: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores that are -inf but for the token chosen."""
        import torch

        step = len(self.logprobs)
        believed = scores.float().log_softmax(-1)
        allowed = scores.float().clone()
        if self._mask is not None:
            self._mask(input_ids, allowed)
        if self._sampling.temperature == 0:
            chosen = allowed.argmax(-1, keepdim=True)
        else:
            drawn = [row[step] for row in self._numbers]
            chosen = draw(allowed, drawn, self._sampling.temperature, self._sampling.top_p)
        self.logprobs.append(believed.gather(-1, chosen).squeeze(-1))
        return torch.full_like(scores, float("-inf")).scatter(-1, chosen, 0.0)


def draw(scores: Any, numbers: Sequence[float], temperature: float, top_p: float) -> Any:
    """Tokens [rows, 1] drawn by inverting the distribution function at ``numbers``.

    Args:
        scores: Logits [rows, vocabulary], -inf where forbidden.
        numbers: One in [0, 1) a row.
        temperature: Divides the logits.
        top_p: The likeliest tokens with this share of the probability are drawn from.
    """
    import torch

    likely, order = (scores / temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
    if top_p < 1:
        before = likely.cumsum(-1) - likely
        likely = likely.masked_fill(before >= top_p, 0)
    reached = likely.cumsum(-1)
    at = torch.tensor(numbers, dtype=reached.dtype, device=reached.device).unsqueeze(-1)
    place = torch.searchsorted(reached, at * reached[:, -1:], right=True)
    # Rounding may reach past the last token that has a probability.
    last = (likely > 0).sum(-1, keepdim=True) - 1
    return order.gather(-1, torch.minimum(place, last))


class Stop:
    """A stopping criterion: ends a row when its program is complete.

    Attributes:
        lengths: For each row the tokens after which its program was complete, or None.
    """

    def __init__(
        self, start: int, decode: Callable[[Sequence[int]], str], complete: Callable[[str], bool]
    ) -> None:
        """Watches rows.

        Args:
            start: Tokens of the prompt.
            decode: Tokens to text.
            complete: Whether nothing after a text would change its program.
        """
        self._start = start
        self._decode = decode
        self._complete = complete
        self.lengths: list[int | None] = []
        self._newline: dict[int, bool] = {}

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Which rows are done, bool [rows]."""
        del scores, kwargs
        import torch

        last = input_ids[:, -1].tolist()
        if not self.lengths:
            self.lengths = [None] * len(last)
        for row, token in enumerate(last):
            if self.lengths[row] is None and self._ends_line(token):
                tokens = input_ids[row, self._start :].tolist()
                if self._complete(self._decode(tokens)):
                    self.lengths[row] = len(tokens)
        return torch.tensor([n is not None for n in self.lengths], device=input_ids.device)

    def _ends_line(self, token: int) -> bool:
        """Whether a token brings an end of a line or of a code fence."""
        if token not in self._newline:
            text = self._decode([token])
            self._newline[token] = "\n" in text or "`" in text
        return self._newline[token]
