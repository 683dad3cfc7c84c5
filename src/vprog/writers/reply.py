"""From what a model replied to the program in it."""

from __future__ import annotations

import re

from vprog.program.program import Language

_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:\n\s*```|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_STEP = re.compile(r"\s*[A-Za-z_]\w*\s*=\s*[A-Z][A-Z0-9_]*\s*\(")
_RESULT = re.compile(r"\s*\w+\s*=\s*RESULT\s*\(.*\)\s*\Z")
_START = re.compile(r"(?:def |import |from |class |@|#)")


def program_text(reply: str, language: Language) -> str:
    """The program in a reply: without thoughts, code fence, and words before and after it.

    A reply that holds no program is handed on as it is: its check says what is wrong with it.
    """
    text = _THOUGHT.sub("", reply).replace("\r\n", "\n")
    fenced = _FENCE.findall(text)
    if fenced:
        text = max(fenced, key=lambda block: _is_program(block, language))
    text = text.strip("\n").rstrip()
    lines = text.split("\n")
    begins = _STEP if language == "steps" else _START
    first = next((n for n, line in enumerate(lines) if begins.match(line)), None)
    if first is None:
        return text.strip()
    lines = lines[first:]
    if language == "steps":
        last = next((n for n, line in enumerate(lines) if _RESULT.match(line)), len(lines))
        lines = lines[: last + 1]
    else:
        lines = lines[: _end(lines)]
    return "\n".join(lines).rstrip()


def is_complete(reply: str, language: Language) -> bool:
    """Whether nothing that could follow in a reply would change its program.

    Args:
        reply: What was written so far, up to the end of a line.
        language: Of the program.
    """
    fences = reply.count("```")
    if fences:
        return fences > 1 and _is_program(reply, language)
    if language == "python":
        return False
    lines = reply.split("\n")
    return len(lines) > 1 and any(_RESULT.match(line) for line in lines[:-1])


def _is_program(text: str, language: Language) -> bool:
    return ("def execute_command" if language == "python" else "RESULT") in text


def _end(lines: list[str]) -> int:
    """Where the words after a Python program begin: at a line of prose at the left edge."""
    seen = False
    for number, line in enumerate(lines):
        seen = seen or line.startswith("def execute_command")
        if seen and line[:1].strip() and not _START.match(line) and line[0] not in ")]}":
            return number
    return len(lines)
