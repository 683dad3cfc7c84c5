"""From what a model replied to the program in it."""

from __future__ import annotations

import re

from vprog.program.program import Language

_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:\n\s*```|\Z)", re.DOTALL)
_OPEN = re.compile(r"^[ \t]*<think>.*", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"\s*[A-Za-z_]\w*\s*=\s*[A-Z][A-Z0-9_]*\s*\(")
_RESULT = re.compile(r"\s*\w+\s*=\s*RESULT\s*\(.*\)\s*\Z")
_START = re.compile(r"(?:def |import |from |class |@|#)")


def program_text(reply: str, language: Language) -> str:
    """The program in a reply: without thoughts, code fence, and words before and after it.

    A reply that holds no program is handed on as it is: its check says what is wrong with it. Of a
    thought without an end nothing is.
    """
    text = without_thoughts(reply).replace("\r\n", "\n")
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


def without_thoughts(reply: str) -> str:
    """What a reply says behind its last thought; of a thought without an end nothing is."""
    return _OPEN.sub("", _behind_thoughts(reply))


def is_complete(reply: str, language: Language) -> bool:
    """Whether nothing that could follow in a reply would change its program.

    Args:
        reply: What was written so far, up to the end of a line.
        language: Of the program.
    """
    reply = _behind_thoughts(reply)
    if _OPEN.search(reply):
        return False
    fences = reply.count("```")
    if fences:
        return fences > 1 and _is_program(reply, language)
    if language == "python":
        return False
    lines = reply.split("\n")
    return len(lines) > 1 and any(_RESULT.match(line) for line in lines[:-1])


def begun(prompt: str) -> str:
    """What a prompt begins of its reply: an open thought, which some templates do, or nothing."""
    return "<think>" if prompt.rstrip().endswith("<think>") else ""


def _behind_thoughts(reply: str) -> str:
    """What follows the last thought; where one begins may be in the prompt."""
    return reply.rpartition("</think>")[2]


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
