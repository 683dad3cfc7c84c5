"""Programs out of replies."""

from __future__ import annotations

import textwrap

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
        f"{STEPS}\n```\nThis finds x.",  # the prompt began the fence
        "**Step 1:** `b=loc(x)`\n```\n1) B=LOC(image=IMAGE,object='x')\n(2) F=RESULT(var=B)\n```",
        STEPS.replace("\n", "\r\n"),
        STEPS.replace("\n", "\r"),
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
        f"{PYTHON}\n\nimage = load('a.jpg')\nfor i in image:\n    print(execute_command(i))",
        f"image = load('a.jpg')\nSure\nNote: image\n{PYTHON}\n\nassert execute_command(image)",
        f"Let's see (if it works:\n\n{PYTHON}\n\n- It's short.\n- Don't worry: x is 1.\n\n1. Done",
        f"1. The program:\n   ```python\n{textwrap.indent(PYTHON, '   ')}\n   ```",
        f"{PYTHON}\n```\nIt returns 1.",
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


def test_prose_goes_and_code_around_it_stays() -> None:
    before = "LIMITS = [\n    1,\n]\nPatch: type = ImagePatch"
    command = 'def execute_command(image):\n    """It\nis Patch(1).\n"""\n    return helper(Patch)'
    behind = "OTHER = 3\n\ndef helper(x, y=OTHER):\n    return LIMITS"
    reply = f"It's this:\n\n{before}\nThen we define it:\n{command}\n\n{behind}\n\nThat's all."
    assert program_text(reply, "python") == f"{before}\n{command}\n\n{behind}"


def test_a_python_program_with_an_error_is_handed_on_with_it() -> None:
    for wrong in ("x = (1", "if x\n        return", "return 1 +", 'x = """'):
        text = f"COLORS = ['red']\n\ndef execute_command(image):\n    {wrong}"
        assert program_text(f"Here:\n{text}\n\nIt works.", "python") == text
    text = f"{PYTHON}\n\ndef helper(x)\n    return x"
    assert program_text(f"{text}\n\nIt works.", "python") == text


def test_what_is_between_steps_is_left_out_but_for_what_changes_them() -> None:
    first, last = "B=LOC(image=IMAGE,object='a dog's tail (')", "F=RESULT(var=B)  # it's B."
    for between, kept in (
        ("That finds it:", ""),
        ("1. LOC finds", ""),
        ("# why", "# why\n"),
        ("for B in IMAGE:", "for B in IMAGE:\n"),
        ("X = {B} + 1", "X = {B} + 1\n"),
        ("RESULT(var=B)", "RESULT(var=B)\n"),
        ("2. C=EVAL(\n  expr='1',\n)\nSo:", "C=EVAL(\n  expr='1',\n)\n"),
    ):
        reply = f"So:\n- {first}\n{between}\n{last}\nThis is it."
        assert program_text(reply, "steps") == f"{first}\n{kept}{last}"
        fenced = f"```\n{first}\n{between}\n{last}\nThis is it.\n```"
        if "2." not in between:
            assert program_text(fenced, "steps") == f"{first}\n{between}\n{last}"


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
    assert not is_complete("```\npip\n```\nF=RESULT(var=B)\n", "steps")
    assert is_complete("1. B=Loc(image=IMAGE,object='x')\n2. F=Result(var=B).\n", "steps")
    assert not is_complete("F=RESULT(\n", "steps")
    assert is_complete("F=RESULT(\n  var=IMAGE\n)\n", "steps")
    assert not is_complete(PYTHON + "\n", "python")
    assert is_complete(f"```python\n{PYTHON}\n```", "python")


@pytest.mark.parametrize("language", ["steps", "python"])
def test_where_a_reply_is_complete_its_first_program_is_read(language: Language) -> None:
    program = STEPS if language == "steps" else PYTHON
    lines = f"So:\n```\n{program}\n```\nNo:\n```\n{DRAFT}\n```".split("\n")
    if language == "steps":
        lines = f"So:\n1. {STEPS}\nIt's B.\nF=RESULT(var=IMAGE)".split("\n")
    told = ["\n".join(lines[:n]) + "\n" for n in range(1, len(lines) + 1)]
    complete = next(text for text in told if is_complete(text, language))
    assert program_text(complete, language) == program
    assert not any(is_complete(text, language) for text in told[: told.index(complete)])


LONG = [
    ("steps", "step1" * 10_000), ("steps", "- " * 25_000), ("steps", "```" + "\n \n" * 20_000),
    ("steps", "A=B('" + " " * 50_000 + "'x"), ("steps", "A=B(x='a'" + " " * 50_000 + "y"),
    ("steps", "A=B(x='" + "dog's " * 10_000), ("steps", "A=B(" * 12_000), ("steps", ")." * 25_000),
    ("python", "(" * 50_000), ("python", "def execute_command(i):\n return " + "-" * 40_000 + "1"),
    ("python", "don't do this\n" * 3_000 + PYTHON), ("python", "x:" + " " * 40_000 + "\n" + PYTHON),
    ("python", "x = y\n" * 5_000 + PYTHON), ("python", "\0" + PYTHON),
    ("python", "#\ud800\n" + PYTHON),
    ("python", PYTHON.replace("1", "'\\d' is 1") + "\nprint(1)"), ("python", "word " * 100_000),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), LONG, ids=range(len(LONG)))
def test_any_text_is_read_soon_and_without_a_warning(language: Language, text: str) -> None:
    assert program_text(text, language)
    assert is_complete(text + "\n", language) in (True, False)


def test_a_thought_without_an_end_holds_no_program() -> None:
    for thought in (f"<think>\n{DRAFT}\n", f"<think>\n```\n{DRAFT}\n```\n", "<think>"):
        assert program_text(thought, "steps") == ""
        assert not is_complete(thought, "steps")
    assert not is_complete(f"<think>\n{DRAFT}\n</think>\n", "steps")
    assert is_complete(f"<think>\n```\n{DRAFT}\n```\n</think>\n{STEPS}\n", "steps")
    assert not is_complete(f"<think>```{PYTHON}```</think>\n```python\n{PYTHON}", "python")
