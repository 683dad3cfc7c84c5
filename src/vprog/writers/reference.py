"""What programs may call, as text for a prompt: read off the tools that a run binds."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources

from vprog.program.program import Language
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS, modules_for
from vprog.tools.module import Module
from vprog.tools.tool import Tool

_CALLS = "_vp_call"
_KNOWLEDGE = {"_vp_know": "llm_query", "_vp_select": "select_answer"}
_NO_HELP = ("print", "next")  # Python's own
_ALONE = ("ocr", "caption")


def usable_tools(toolbox: Toolbox) -> dict[str, Tool]:
    """The tools that programs can call in a run: inline, or bound to a backend."""
    return {n: t for n, t in toolbox.tools.items() if t.inline or n in toolbox.backends}


def reference(tools: Mapping[str, Tool], language: Language, pictures: int) -> str:
    """Signatures and docstrings of everything that a program may call.

    Args:
        tools: See ``usable_tools``.
        language: Of the programs.
        pictures: How many an example has; more than two are frames of a video.
    """
    if language == "steps":
        return "\n".join(
            f"{m.signature}\n{textwrap.indent(m.doc, '    ')}" for m in usable_modules(tools)
        )
    return "\n\n".join(_python(tools, video=pictures > 2))


def usable_modules(tools: Mapping[str, Tool]) -> list[Module]:
    """The modules over those tools; of several that do the same (CROP_BEHIND is CROP), one."""
    found: dict[str, Module] = {}
    for module in modules_for(tools).values():
        if module.tool is None or module.tool in tools:
            found.setdefault(f"{module.tool} {module.doc} {module.params}", module)
    return list(found.values())


def _python(tools: Mapping[str, Tool], video: bool) -> Iterator[str]:
    for node in _api():
        if isinstance(node, ast.ClassDef):
            if node.name == "VideoSegment" and not video:
                continue
            yield _class(node, tools)
        elif calls(node) <= tools.keys():
            yield _function(node)
    for name, tool in tools.items():
        if name not in TOOLS or name in _ALONE:
            yield f'{_head(tool)}\n    """{tool.doc}"""'


def _head(tool: Tool) -> str:
    params = ", ".join(
        f"{p.name}: {p.kind}" + ("" if p.required else f" = {p.default!r}") for p in tool.params
    )
    return f"def {tool.name}({params}) -> {tool.returns}:"


@lru_cache(maxsize=1)
def _api() -> tuple[ast.FunctionDef | ast.ClassDef, ...]:
    """Classes and functions of the prelude that programs see, under the names they see."""
    text = resources.files("vprog.program").joinpath("prelude.py").read_text("utf-8")
    make = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    classes: list[ast.FunctionDef | ast.ClassDef] = []
    functions: list[ast.FunctionDef] = []
    for node in make.body:
        if isinstance(node, ast.ClassDef):
            classes.append(node)
        elif isinstance(node, ast.FunctionDef):
            node.name = _KNOWLEDGE.get(node.name, node.name)
            if not node.name.startswith("_vp") and node.name not in _NO_HELP:
                functions.append(node)
    return (*classes, *functions)


def calls(node: ast.AST) -> set[str]:
    """Names of the tools that a function of the prelude calls."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            if part.func.id == _CALLS:
                tool = part.args[1]
                assert isinstance(tool, ast.Constant)
                found.add(str(tool.value))
            elif part.func.id in _KNOWLEDGE:
                found.add("knowledge")
    return found


@lru_cache(maxsize=1)
def tools_of_names() -> Mapping[str, frozenset[str]]:
    """Name of a method or function of the ``python`` language -> the tools that it calls."""
    found: dict[str, frozenset[str]] = {}
    for node in _api():
        for part in ast.walk(node):
            if isinstance(part, ast.FunctionDef):
                found[part.name] = frozenset(calls(part))
    return found


def _class(node: ast.ClassDef, tools: Mapping[str, Tool]) -> str:
    lines = [f"class {node.name}:", f'    """{ast.get_docstring(node)}"""']
    make = next(n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    attributes = [
        target.attr
        for part in ast.walk(make)
        if isinstance(part, ast.Assign)
        for target in part.targets
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_")
    ]
    lines.append(f"    # attributes: {', '.join(attributes)}")
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or not calls(method) <= tools.keys():
            continue
        if method.name == "__init__" or not method.name.startswith("_"):
            lines += ["", textwrap.indent(_function(method), "    ")]
    return "\n".join(lines)


def _function(node: ast.FunctionDef) -> str:
    return f'def {node.name}({ast.unparse(node.args)}):\n    """{ast.get_docstring(node)}"""'
