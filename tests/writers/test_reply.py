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
        f"Draft:\n```\n{DRAFT}\n```\nWait, corrected:\n```\n{STEPS}\n```",
        "1. B=LOC(image=IMAGE,object='x')\n2. F=RESULT(var=B)",
        "Step 1: B=LOC(image=IMAGE,object='x')\nStep 2: F=RESULT(var=B).\nThat is all.",
        "- `B=LOC(image=IMAGE,object='x')`\n- `F=RESULT(var=B)`",
        "First we look:\nB=LOC(image=IMAGE,object='x')\nThen we answer:\nF=RESULT(var=B)",
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
        f"```python\n{PYTHON}\n\nprint(execute_command(image))\n```",
        f"```python\n{PYTHON}\n\nresult = execute_command(image)\nprint(result)\n```",
        f"{PYTHON}\n\nif __name__ == '__main__':\n    execute_command(None)",
        f"```python\ndef execute_command(image):\n    return 0\n```\nNo:\n```python\n{PYTHON}\n```",
        f"```python\n{PYTHON}\n```\nNot this one:\n```python\ndef execute_command(:\n```",
    ],
)
def test_python(reply: str) -> None:
    assert program_text(reply, "python") == PYTHON


def test_python_keeps_what_belongs_to_it() -> None:
    text = "import math\n\n\ndef half(x):\n    return x / 2\n\n\n# main\n" + PYTHON
    assert program_text(text, "python") == text
    for before, behind in (
        ('COLORS = ["red", "blue"]\n\n', ""),
        ("try:\n    import math\nexcept ImportError:\n    math = None\n\n", ""),
        ("Patch = ImagePatch\n\n", ""),
        ('"""Counts.\n\nno indentation here\n"""\n\n', ""),
    ):
        text = f"{before}{PYTHON.replace('x = 1', 'x = COLORS, math, Patch')}{behind}"
        assert program_text(text, "python") == text
        assert program_text(f"Here:\n```python\n{text}\n```\nDone.", "python") == text
    text = PYTHON.replace("x = 1", "x = helper(LIMIT)")
    text += "\n\nLIMIT = 3\n\ndef helper(n):\n    return n"
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
