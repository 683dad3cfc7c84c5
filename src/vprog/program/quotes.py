"""Quoted arguments of ``steps`` as models write them: with the same quotes inside.

VisProg's own prompts have ``LIST(query='main characters in Disney's Frozen',max=7)``. A quote that
opens an argument therefore closes only where the argument can end: before ``,name=``, the final
bracket or the end of the line; in a list also before the next item.
"""

from __future__ import annotations

import ast
import re
import warnings

_HEAD = re.compile(r"\s*(?:[A-Za-z_]\w*\s*=\s*)?[A-Za-z_]\w*\s*\(|\s*")
_ARGUMENT = re.compile(r"\s*(?P<name>[A-Za-z_]\w*\s*=(?!=)\s*)?(?P<list>\[\s*)?")
_FINAL = re.compile(r"\s*(?:,\s*)?\)\s*(?:#.*)?$")
_ENDS = r"(?<!\\){}(?=\s*(?:,\s*[A-Za-z_]\w*\s*=(?!=)|(?:,\s*)?(?:\)\s*(?:#.*)?)?$))"
_ITEM_ENDS = r"(?<!\\){}(?=\s*(?:,\s*['\"]|(?:,\s*)?(?:\]\s*(?:[,)]|$)|$)))"
_CLOSING = {
    (quote, in_list): re.compile(ends.format(quote))
    for quote in "'\""
    for in_list, ends in ((False, _ENDS), (True, _ITEM_ENDS))
}
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"].*|#.*""")


def parsed(text: str) -> ast.Module | None:
    """The tree of a text, None where Python's parser cannot read it. Nothing is warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def requoted(line: str) -> str:
    """A line of a ``steps`` program with its quoted arguments in quotes that Python reads.

    Lines that can be read, and those where the arguments' ends cannot be told, stay as they are.
    """
    if parsed(line.strip()) is not None:
        return line
    head = _HEAD.match(line)
    assert head is not None
    parts, at, in_list = [head[0]], head.end(), False
    while at < len(line) and not _FINAL.match(line, at):
        begin = _ARGUMENT.match(line, at)
        assert begin is not None
        parts.append(begin[0])
        at, in_list = begin.end(), in_list or begin["list"] is not None
        if line[at : at + 1] in ("'", '"'):
            closing = _CLOSING[line[at], in_list].search(line, at + 1)
            if closing is None or (not in_list and not begin["name"] and _several(line, at)):
                return line
            parts.append(_quoted(line[at : closing.end()]))
            at = closing.end()
            if _FINAL.match(line, at):
                break
        after = line.find(",", at) + 1 or len(line)
        in_list = in_list and "]" not in line[at:after]
        parts.append(line[at:after])
        at = after
    return "".join([*parts, line[at:]])


def open_brackets(line: str) -> int:
    """How many brackets a line opens and leaves open; negative where it closes earlier ones."""
    bare = _STRING.sub("", requoted(line))
    return sum((char in "([{") - (char in ")]}") for char in bare)


def _several(line: str, at: int) -> bool:
    """Whether a quote opens what may be several arguments that have no names."""
    return re.search(rf"{line[at]}\s*,\s*{line[at]}", line[at + 1 :]) is not None


def _quoted(source: str) -> str:
    """Text between quotes in quotes that Python reads; as it is where it can be read."""
    if parsed(f"f({source})") is not None:
        return source
    quote = source[0]
    inner = re.sub(rf"\\.|{quote}", lambda m: m[0] if len(m[0]) > 1 else f"\\{quote}", source[1:-1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return repr(ast.literal_eval(quote + inner + quote))
    except (SyntaxError, ValueError, MemoryError):
        return source
