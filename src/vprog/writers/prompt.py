"""Prompts: what a writer's model is asked.

``full`` shows the tools of the run (signature and docstring), worked examples that are like the
question, and the question: for any instruct model. ``bare`` is the question alone: for models that
were trained to write programs. A prompt is one user message, which every chat template takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import LANGUAGES, Language, input_names, to_language
from vprog.tools.backend import Toolbox
from vprog.writers.reference import reference, usable_tools
from vprog.writers.shots import Retriever, all_shots, fitting_shots
from vprog.writers.writer import Repair

VERSION = 1
"""Of the rules of this package; part of every fingerprint."""

Style = Literal["full", "bare"]
Messages = list[dict[str, str]]
"""Chat messages: ``{"role": "user", "content": "..."}``, ..."""

_TASK = {
    "steps": """\
Write a program that answers a question about {what} by calling vision modules.

The program has one step a line: NAME=MODULE(argument=value, ...). NAME holds the value of the step
and can be an argument of later steps. Other arguments are numbers, quoted text and lists of them;
calculations are made by EVAL alone. {inputs}.
The last step is FINAL_RESULT=RESULT(var=NAME).

Kinds of values: image is a picture or a part of one; images is a list of boxes found in a picture;
text, number and bool are what they say, texts and numbers are lists of them; any is any of these.

Modules:

{tools}
""",
    "python": """\
Write a Python function {head} that answers a question about {what} by
calling vision tools. It returns the answer. {inputs}.
It can use plain Python and what is documented here, and nothing else.

{tools}
""",
}


def bare_prompt(language: Language, example: Example) -> str:
    """The whole user message for a model that was trained to write programs.

    Args:
        language: Of the program.
        example: With the question.

    Returns:
        ``steps 1 what colour is the cup?``: language, number of pictures, and the question in
        lower case with single blanks.
    """
    question = " ".join(example.question.lower().split())
    return f"{language} {len(example.pictures)} {question}"


class Prompter:
    """Makes the prompts of a run."""

    def __init__(self, toolbox: Toolbox, style: Style, most_shots: int) -> None:
        """Reads off what programs may call.

        Args:
            toolbox: Of the run; tools without a backend are not shown.
            style: ``full`` or ``bare``.
            most_shots: Most worked examples in a prompt.
        """
        self.style = style
        self._tools = usable_tools(toolbox)
        self._shots = most_shots
        self._heads: dict[tuple[Language, int], str] = {}
        self._retrievers: dict[tuple[Language, int], Retriever] = {}

    @property
    def fingerprint(self) -> str:
        """Names everything but the question that a prompt depends on."""
        if self.style == "bare":
            return f"bare/{VERSION}"
        shown = [*_TASK.values(), *(reference(self._tools, to_language(n), 3) for n in LANGUAGES)]
        shown += [f"{shot.question} {dict(shot.programs)}" for shot in all_shots()]
        digest = hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16]
        return f"full/{VERSION} shots={self._shots} text={digest}"

    def messages(self, example: Example, language: Language) -> Messages:
        """The prompt for one example."""
        if self.style == "bare":
            return [{"role": "user", "content": bare_prompt(language, example)}]
        key = (language, len(example.pictures))
        if key not in self._heads:
            self._heads[key] = self._head(*key)
            self._retrievers[key] = Retriever(fitting_shots(self._tools, *key))
        parts = [self._heads[key]]
        shots = self._retrievers[key].find(example.question, self._shots)
        if shots:
            parts.append("Examples:\n")
        parts += [f"{_asked(s.question)}\n{s.programs[language]}\n" for s in shots]
        parts.append(
            "Now write the program for this question. Write nothing but the program.\n\n"
            + _asked(example.question, example.extra.get("choices"))
        )
        return [{"role": "user", "content": "\n".join(parts)}]

    def repair(self, broken: Repair, language: Language) -> Messages | None:
        """The prompt for another try; None for ``bare`` models, which have learned none."""
        if self.style == "bare":
            return None
        return [
            *self.messages(broken.example, language),
            {"role": "assistant", "content": broken.program.text},
            {
                "role": "user",
                "content": f"That program failed: {broken.message}\n"
                "Write the whole program again without that fault, and nothing else.",
            },
        ]

    def _head(self, language: Language, pictures: int) -> str:
        names = input_names(pictures, language)
        if language == "python" and pictures > 2:
            what, inputs = "a video", "video is a list of frames for VideoSegment(video)"
        elif pictures == 1:
            what, inputs = "a picture", f"The picture is {names[0]}"
        else:
            what = "a pair of pictures" if pictures == 2 else f"{pictures} pictures"
            inputs = f"The pictures are {', '.join(names[:-1])} and {names[-1]}, in that order"
        if language == "python" and pictures <= 2:
            inputs += ", each an ImagePatch" if pictures == 2 else ", an ImagePatch"
        return _TASK[language].format(
            what=what,
            inputs=inputs,
            head=f"execute_command({', '.join(names)})",
            tools=reference(self._tools, language, pictures),
        )


def _asked(question: str, choices: object = None) -> str:
    lines = [f"Question: {' '.join(question.split())}"]
    if isinstance(choices, Mapping):
        choices = list(choices.values())
    if isinstance(choices, Sequence) and not isinstance(choices, str) and choices:
        lines.append(f"The answer is one of: {', '.join(map(str, choices))}")
    lines.append("Program:")
    return "\n".join(lines)


def encodable(messages: Messages) -> Messages:
    """Messages that UTF-8 can write: halves of characters, as of a cut emoji, become "?"."""
    return [
        {key: text.encode("utf-8", "replace").decode() for key, text in message.items()}
        for message in messages
    ]


def check_fits(
    example: Example, tokens: int, most: int, context: int, *, about: bool = False
) -> None:
    """Refuses a prompt that would not fit the model, before it is sent.

    Args:
        example: That it was made for.
        tokens: Of the prompt.
        most: Longest program, in tokens.
        context: What the model takes, prompt and program together.
        about: Whether ``tokens`` is an estimate.

    Raises:
        InputError: It does not fit; with the numbers.
    """
    if tokens + most <= context:
        return
    raise InputError(
        f"the prompt for example {example.id!r} has {'about ' if about else ''}{tokens:,} tokens "
        f"and its program may take {most:,}, but the model takes {context:,} together. Lower "
        "--shots or --max-tokens, or take a model with a longer context"
    )
