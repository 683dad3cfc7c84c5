"""Programs out of replies."""

from __future__ import annotations

import pytest

from vprog.program.program import Language
from vprog.writers.reply import is_complete, program_text

STEPS = "B=LOC(image=IMAGE,object='x')\nF=RESULT(var=B)"
DRAFT = "C=LOC(image=IMAGE,object='y')\nF=RESULT(var=C)"
PYTHON = "def execute_command(image):\n    x = 1\n\n    return x"


@pytest.mark.parametrize(
    "reply",
    [
        STEPS,
        f"\n{STEPS}\n\n",
        f"```\n{STEPS}\n```",
        f"```python\n{STEPS}\n```\nThis finds x.",
        f"Sure! Here it is:\n\n{STEPS}\n\nIt finds x.\nC=COUNT(box=B)",
        f"<think>B=LOC()? RESULT?</think>\n{STEPS}",
        f"Maybe:\n```\n{DRAFT}\n```\nNo.\n</think>\n\n{STEPS}",  # the template began the thought
        f"<think>\nHm.\n</think>\n<think>\n{DRAFT}\n</think>\n{STEPS}",
        f"First:\n```\npip install vprog\n```\nthen\n```\n{STEPS}\n```",
        f"```\n{STEPS}",
        STEPS.replace("\n", "\r\n"),
        f"Program:\n{STEPS}",
    ],
)
def test_steps(reply: str) -> None:
    assert program_text(reply, "steps") == STEPS


@pytest.mark.parametrize(
    "reply",
    [
        PYTHON,
        f"```python\n{PYTHON}\n```\nIt returns 1.",
        f"Here is the function:\n\n{PYTHON}\n\nIt returns 1.",
        f"<think>def execute_command</think>\n{PYTHON}\n",
    ],
)
def test_python(reply: str) -> None:
    assert program_text(reply, "python") == PYTHON


def test_python_keeps_what_belongs_to_it() -> None:
    text = "import math\n\n\ndef half(x):\n    return x / 2\n\n\n# main\n" + PYTHON
    assert program_text(text, "python") == text
    wrapped = "def execute_command(\n    image,\n):\n    return 1"
    assert program_text(wrapped, "python") == wrapped


@pytest.mark.parametrize(("language", "text"), [("steps", "I cannot."), ("python", "No!")])
def test_what_is_no_program_is_handed_on(language: Language, text: str) -> None:
    assert program_text(f" {text}\n", language) == text


def test_steps_without_an_end_are_kept_whole() -> None:
    assert program_text("So:\nA=LOC(image=IMAGE,\n  object='x')", "steps") == (
        "A=LOC(image=IMAGE,\n  object='x')"
    )


def test_a_reply_is_complete_when_nothing_can_change_its_program() -> None:
    assert not is_complete(STEPS, "steps")  # the line may go on
    assert is_complete(STEPS + "\n", "steps")
    assert not is_complete("A=LOC(image=IMAGE,object='RESULT(x)')\n", "steps")
    assert not is_complete(f"```\n{STEPS}\n", "steps")
    assert is_complete(f"```\n{STEPS}\n```", "steps")
    assert not is_complete("```\npip\n```\n", "steps")
    assert not is_complete(PYTHON + "\n", "python")
    assert is_complete(f"```python\n{PYTHON}\n```", "python")


def test_a_thought_without_an_end_holds_no_program() -> None:
    for thought in (f"<think>\n{DRAFT}\n", f"<think>\n```\n{DRAFT}\n```\n", "<think>"):
        assert program_text(thought, "steps") == ""
        assert not is_complete(thought, "steps")
    assert not is_complete(f"<think>\n{DRAFT}\n</think>\n", "steps")
    assert is_complete(f"<think>\n```\n{DRAFT}\n```\n</think>\n{STEPS}\n", "steps")
    assert not is_complete(f"<think>```{PYTHON}```</think>\n```python\n{PYTHON}", "python")
