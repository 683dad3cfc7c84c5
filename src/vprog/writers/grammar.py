"""Keeps a model inside the ``steps`` language: after each token only what may follow is allowed.

The grammar is made from the modules of the run, so that neither an unknown module nor an unknown
argument can be written. What a grammar cannot know (kinds of variables, use before assignment) is
left to the check. llguidance computes the masks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vprog.errors import InputError
from vprog.program.program import Language
from vprog.tools.module import Module
from vprog.tools.tool import Kind, Tool
from vprog.writers.reference import usable_modules

_INSTALL = 'pip install "vprog[grammar]"'
_VALUES: Mapping[Kind, str] = {
    "image": "NAME",
    "images": "NAME",
    "text": "(TEXT | NAME)",
    "texts": "(texts | NAME)",
    "number": "(NUMBER | NAME)",
    "numbers": "(numbers | NAME)",
    "bool": "(BOOL | NAME)",
    "any": "(TEXT | NUMBER | BOOL | texts | numbers | NAME)",
}
_REST = r"""
texts: "[" TEXT ("," " "? TEXT)* "]"
numbers: "[" NUMBER ("," " "? NUMBER)* "]"
NAME: /[A-Z][A-Z0-9_]{0,31}/
NUMBER: /-?[0-9]{1,9}(\.[0-9]{1,9})?/
BOOL: "True" | "False"
TEXT: /'[^'"\\\n]{0,200}'/ | /"[^"\\\n]{0,200}"/
"""
_REFUSED = float("-inf")


def steps_grammar(modules: Sequence[Module]) -> str:
    """The language over some modules as a Lark grammar: steps, then RESULT."""
    calls = [m for m in modules if m.name != "RESULT"]
    lines = [
        'start: (step "\\n")* NAME "=" "RESULT(var=" NAME ")" "\\n"?',
        'step: NAME "=" call',
        "call: " + " | ".join(f"m{n}" for n in range(len(calls))),
    ]
    lines += [f"m{n}: {_call(module)}" for n, module in enumerate(calls)]
    return "\n".join(lines) + _REST


def _call(module: Module) -> str:
    if module.name == "EVAL":  # its text must be written out
        return '"EVAL(expr=" TEXT ")"'
    parts = [f'"{module.name}("']
    for n, param in enumerate(module.params):
        part = f'"{"," if n else ""}{param.name}=" {_VALUES[param.kind]}'
        parts.append(part if param.required else f"({part})?")
    return " ".join([*parts, '")"'])


class Grammar:
    """The language over the tools of a run, for one tokenizer."""

    def __init__(self, tools: Mapping[str, Tool], language: Language, tokenizer: Any) -> None:
        """Reads the tokenizer, which takes about a second.

        Args:
            tools: That programs can call.
            language: Must be ``steps``.
            tokenizer: Of the model.

        Raises:
            InputError: Another language, a missing package, or a tokenizer that cannot be read.
        """
        if language != "steps":
            raise InputError("--grammar knows the steps language alone; leave it out for python")
        try:
            from llguidance import LLMatcher
            from llguidance.hf import from_tokenizer
        except ImportError:
            raise InputError(f"--grammar needs the package llguidance: {_INSTALL}") from None
        try:
            self._tokenizer = from_tokenizer(tokenizer, n_vocab=len(tokenizer))
        except Exception as error:
            raise InputError(f"--grammar cannot use this model's tokenizer: {error}") from error
        self._matcher = LLMatcher
        self._text = LLMatcher.grammar_from_lark(steps_grammar(usable_modules(tools)))

    def mask(self, rows: int, start: int) -> Callable[[Any, Any], None]:
        """What forbids tokens for the rows of a batch; see ``Choose``.

        Args:
            rows: In the batch.
            start: Tokens of the prompt.
        """
        matchers = [self._matcher(self._tokenizer, self._text) for _ in range(rows)]

        def forbid(input_ids: Any, scores: Any) -> None:
            import numpy as np
            import torch

            written = input_ids.shape[1] > start
            for row, matcher in enumerate(matchers):
                if written and not matcher.is_stopped():
                    matcher.consume_token(int(input_ids[row, -1]))
                if matcher.is_error():
                    raise AssertionError(matcher.get_error())
                if matcher.is_stopped():  # the row has ended; what is chosen is overwritten
                    continue
                bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
                allowed = torch.from_numpy(np.unpackbits(bits, bitorder="little")).bool()
                size = min(len(allowed), scores.shape[1])
                scores[row, :size].masked_fill_(~allowed[:size].to(scores.device), _REFUSED)
                scores[row, size:] = _REFUSED

        return forbid
