"""From what a model replied to the program in it."""

from __future__ import annotations

import ast
import re
import symtable
import textwrap
import warnings
from collections.abc import Iterator, Sequence

from vprog.program.program import MAX_CHARACTERS, Language
from vprog.program.quotes import open_brackets, parsed

_FENCE = re.compile(r"```[^`]*\Z")
_OPEN = re.compile(r"^[ \t]*<think>.*", re.DOTALL | re.MULTILINE)
_STEP = re.compile(
    r"(?P<marks>\s*(?:(?:[-+>*•`]|\(?(?:step\s*)?\d{1,3}\s*[.):]|step\s*\d{1,3})\s*){0,8})"
    r"(?P<step>[A-Za-z_]\w*\s*=\s*[A-Za-z_]\w*\s*\(.*)",
    re.IGNORECASE | re.DOTALL,
)
_RESULT = re.compile(r"\s*\w+\s*=\s*RESULT\s*\(", re.IGNORECASE)
_ANY_RESULT = re.compile(r"=\s*RESULT\s*\(", re.IGNORECASE)
_BEHIND = re.compile(r"\)[\s.`*]+\Z")
_PART = re.compile(r"\s*(?:#|\Z|[A-Za-z_]\w*\s*=(?!=)|[A-Z][A-Z0-9_]+\(.*\)\s*(?:#.*)?\Z)")
_BLOCK = re.compile(r"\s*(?:for|while|if|with|def)\b.*:\s*(?:#.*)?\Z")
_CODE = re.compile(
    r"def |class |@|#|import\s+\w|from\s+[\w.]+\s+import\b|(?:try|else|finally)\s*:|except\b.*:"
    r"|[A-Za-z_][\w.]*\s*(?::[^=]*)?=(?!=)"
)
_SIFTED = 500_000
"""Characters that are parsed at most, all attempts together, to tell prose from code."""

_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_SETTINGS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


def program_text(reply: str, language: Language) -> str:
    """The program in a reply: without thoughts, code fence, and words before and after it.

    Of several fences the last one that holds a program counts: models correct themselves. Of a
    ``python`` program usage examples are left out, of steps numbers, bullets and words between
    them. A reply that holds no program is handed on as it is: its check says what is wrong with it.
    Of a thought without an end nothing is.
    """
    text = without_thoughts(reply).replace("\r\n", "\n").replace("\r", "\n")
    fenced = [block for block, _ in _fences(text) if _rank(block, language)]
    if fenced:
        text = max(reversed(fenced), key=lambda block: _rank(block, language))
    text = text.strip("\n").rstrip()
    return _steps(text, bool(fenced)) if language == "steps" else _python(text)


def without_thoughts(reply: str) -> str:
    """What a reply says behind its last thought; of a thought without an end nothing is."""
    return _OPEN.sub("", _behind_thoughts(reply))


def is_complete(reply: str, language: Language) -> bool:
    """Whether a model may stop here: the program in its reply has ended.

    That is after the first closed fence that holds a program and, without a fence, behind RESULT.
    A fence that followed could only correct it; who stops here saves the time that most models
    would spend on explanations, and what was written so far is all that ``program_text`` reads.

    Args:
        reply: What was written so far, up to the end of a line.
        language: Of the program.
    """
    reply = _behind_thoughts(reply)
    if _OPEN.search(reply):
        return False
    if "```" in reply:
        return any(closed and _rank(block, language) > 1 for block, closed in _fences(reply))
    if language == "python":
        return False
    return _sorted_steps(reply.split("\n")[:-1], fenced=False)[1]


def begun(prompt: str) -> str:
    """What a prompt begins of its reply: an open thought, which some templates do, or nothing."""
    return "<think>" if prompt.rstrip().endswith("<think>") else ""


def _behind_thoughts(reply: str) -> str:
    """What follows the last thought; where one begins may be in the prompt."""
    return reply.rpartition("</think>")[2]


def _fences(text: str) -> Iterator[tuple[str, bool]]:
    """What stands in code fences, each with whether it was closed."""
    block: list[str] | None = None
    for line in text.split("\n"):
        if block is None:
            block = [] if _FENCE.search(line) else None
        elif line.lstrip().startswith("```"):
            yield "\n".join(block), True
            block = None
        else:
            block.append(line)
    if block:
        yield "\n".join(block), False


def _rank(block: str, language: Language) -> int:
    """How much of a program a fence holds: 0 is nothing, above 1 a whole one."""
    if language == "steps":
        return 2 if _ANY_RESULT.search(block) else any(map(_STEP.match, block.split("\n")))
    if "def execute_command" not in block:
        return 0
    return 2 + (_tree(textwrap.dedent(block)) is not None)


def _steps(text: str, fenced: bool) -> str:
    lines, _ = _sorted_steps(text.split("\n"), fenced)
    return "\n".join(lines).rstrip() if lines else text.strip()


def _sorted_steps(lines: Sequence[str], fenced: bool) -> tuple[list[str], bool]:
    """The lines of a program up to its RESULT, and whether there is one.

    What stands around a step is left out: number, bullet, backticks, full stop. Outside of fences
    lines are left out that cannot be part of a program.
    """
    kept: list[str] = []
    depth, ends = 0, False
    for line in lines:
        step = _STEP.match(line)
        if step is not None:
            line = _undecorated(line, step)
            depth, ends = 0, _RESULT.match(line) is not None
        elif not kept or (depth <= 0 and not fenced and not _is_part(line)):
            continue
        kept.append(line)
        depth += open_brackets(line)
        if ends and depth <= 0:
            return kept, True
    return kept, False


def _undecorated(line: str, step: re.Match[str]) -> str:
    """A step without the marks before it, which indentation is none of, and behind it."""
    return _BEHIND.sub(")", step["step"] if step["marks"].strip() else line)


def _is_part(line: str) -> bool:
    """Whether a line that is no step may be part of a program; if only to be refused by its check.

    Without the head of a loop, say, the steps in it would mean something else.
    """
    if _BLOCK.match(line):
        return parsed(line.strip() + "\n pass") is not None
    return _PART.match(line) is not None


def _python(text: str) -> str:
    if text[:1].isspace():
        text = textwrap.dedent(text).strip()
    tree = _tree(text)
    if tree is None:
        text = _sifted(text) or _by_line(text)
        tree = _tree(text)
    return _without_usage(text, tree) if tree is not None and _defines(tree) else text.strip()


def _tree(text: str) -> ast.Module | None:
    return parsed(text) if len(text) <= MAX_CHARACTERS else None


def _defines(tree: ast.Module) -> bool:
    return any(isinstance(n, ast.FunctionDef) and n.name == "execute_command" for n in tree.body)


def _sifted(text: str) -> str | None:
    """A text without the lines at the left edge that keep Python from reading it, or None.

    None where that is no prose: what is wrong with a program is told by its check.
    """
    if "def execute_command" not in text or len(text) > MAX_CHARACTERS:
        return None
    lines = text.split("\n")
    budget = _SIFTED
    while (budget := budget - len(text)) > 0:
        wrong = _wrong_line(text)
        if wrong is None:
            return text
        if not wrong:
            return None
        edges = [n for n, line in enumerate(lines) if line[:1].strip()]
        begin = max((n for n in edges if n < wrong), default=0)
        end = min((n for n in edges if n >= wrong), default=len(lines))
        if _CODE.match(lines[begin]):
            return None
        del lines[begin:end]
        text = "\n".join(lines)
    return None


def _wrong_line(text: str) -> int | None:
    """1-based line at which Python's parser stops; None where it reads all, 0 where none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError as error:
            return error.lineno or 0
        except (ValueError, RecursionError, MemoryError):
            return 0
    return None


def _by_line(text: str) -> str:
    """A text from the first line that looks like code to a line of prose behind the program."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if _CODE.match(line)), None)
    if first is None:
        return text
    lines = lines[first:]
    return "\n".join(lines[: _end(lines)]).rstrip()


def _end(lines: list[str]) -> int:
    """Where the words after a Python program begin: at a line of prose at the left edge."""
    seen = False
    for number, line in enumerate(lines):
        seen = seen or line.startswith("def execute_command")
        if seen and line[:1].strip() and not _CODE.match(line) and line[0] not in ")]}":
            return number
    return len(lines)


def _without_usage(text: str, tree: ast.Module) -> str:
    """A program without what only uses it: calls at the top, and names set for them."""
    kept = {n for node in _needed(text, tree) for n in _lines_of(node)}
    left_out = {n for node in tree.body for n in _lines_of(node)} - kept
    lines = [line for n, line in enumerate(text.split("\n"), 1) if n not in left_out]
    return "\n".join(lines).strip("\n").rstrip()


def _lines_of(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _needed(text: str, tree: ast.Module) -> list[ast.stmt]:
    """The statements at the top of a program but for usage, and for names that nobody reads."""
    definitions = [n for n in tree.body if isinstance(n, _DEFINITIONS)]
    names = _global_names(text, tree, {node.name for node in definitions})
    needed: list[ast.stmt] = [*definitions]
    for node in reversed(tree.body):
        if not isinstance(node, _DEFINITIONS) and not _is_usage(node) and not _is_idle(node, names):
            needed.append(node)
            names |= _read_names([node])
    return needed


def _is_usage(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=value):
            return not (isinstance(value, ast.Constant) and isinstance(value.value, str))
        case ast.If(test=test) if "__name__" in _read_names([test]):
            return True
    inside = [*ast.walk(node)]
    return not any(isinstance(n, ast.FunctionDef) for n in inside) and any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "execute_command"
        for n in inside
    )


def _is_idle(node: ast.stmt, needed: set[str]) -> bool:
    """Whether a statement sets names from others, as from a picture's file, that nobody reads."""
    if not isinstance(node, _SETTINGS) or not _read_names([node]):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    places = [n for target in targets for n in ast.walk(target) if isinstance(n, ast.expr)]
    names = {n.id for n in places if isinstance(n, ast.Name)}
    return not names & needed and not any(
        isinstance(n, ast.Attribute | ast.Subscript) for n in places
    )


def _head(node: ast.stmt) -> list[ast.AST]:
    """What a definition reads at the top: decorators, defaults, annotations, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, ast.FunctionDef):
        return [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
    return []


def _read_names(nodes: Sequence[ast.AST]) -> set[str]:
    return {
        name.id
        for node in nodes
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
    }


def _global_names(text: str, tree: ast.Module, definitions: set[str]) -> set[str]:
    """Names at the top of a program that its definitions read; in doubt all that it reads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            top = symtable.symtable(text, "<reply>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _read_names([tree])
    names = _read_names([part for node in tree.body for part in _head(node)])
    tables = [table for table in top.get_children() if table.get_name() in definitions]
    for table in tables:  # grows on the way
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        tables += table.get_children()
    return names
