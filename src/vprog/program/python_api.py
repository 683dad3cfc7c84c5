"""What a ``python`` program may call: the prelude's ImagePatch API, and the tools of the run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from vprog.tools.tool import Kind, Tool


@dataclass(frozen=True, slots=True)
class Signature:
    """What can be passed to a function or method of the API.

    Attributes:
        params: Names in order, ``self`` left out.
        required: How many of them must be given.
        kinds: Kinds of parameters by name, where known.
    """

    params: tuple[str, ...]
    required: int
    kinds: Mapping[str, Kind]

    def __str__(self) -> str:
        """``(a, b, c=...)``."""
        return "(" + ", ".join(
            p if n < self.required else f"{p}=..." for n, p in enumerate(self.params)
        ) + ")"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Api:
    """What a program may call beside Python's own.

    Attributes:
        functions: Free functions and classes by name.
        methods: Methods by name, of any class of the API.
        attributes: Names of plain attributes.
    """

    functions: Mapping[str, Signature]
    methods: Mapping[str, Signature]
    attributes: tuple[str, ...]


@lru_cache(maxsize=1)
def _core_api() -> Api:
    """Reads the ImagePatch API off the prelude that runs in the sandbox."""
    text = resources.files("vprog.program").joinpath("prelude.py").read_text("utf-8")
    make = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    texts: Mapping[str, Kind] = dict.fromkeys(
        ("object_name", "attribute", "question", "query", "prefix"), "text"
    )
    functions: dict[str, Signature] = {}
    methods: dict[str, Signature] = {}
    renamed = {"_vp_know": "llm_query", "_vp_select": "select_answer"}
    for node in make.body:
        if isinstance(node, ast.FunctionDef):
            name = renamed.get(node.name, node.name)
            if not name.startswith("_vp"):
                functions[name] = _signature(node, texts)
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    if method.name == "__init__":
                        functions[node.name] = _signature(method, texts)
                    elif not method.name.startswith("_"):
                        methods[method.name] = _signature(method, texts)
    attributes = (
        "left", "lower", "right", "upper", "width", "height", "shape", "horizontal_center",
        "vertical_center", "start", "end", "num_frames",
    )  # fmt: skip
    return Api(functions, methods, attributes)


def _signature(node: ast.FunctionDef, kinds: Mapping[str, Kind]) -> Signature:
    params = [a.arg for a in node.args.args if a.arg != "self"]
    return Signature(
        tuple(params),
        len(params) - len(node.args.defaults),
        {p: kinds[p] for p in params if p in kinds},
    )


def api_for(tools: Mapping[str, Tool]) -> Api:
    """The core API with the tools of a run as free functions."""
    from vprog.tools.catalogue import TOOLS

    core = _core_api()
    functions = dict(core.functions)
    for name, tool in tools.items():
        if name not in TOOLS or name in ("ocr", "caption"):
            functions[name] = Signature(
                tuple(p.name for p in tool.params),
                sum(p.required for p in tool.params),
                {p.name: p.kind for p in tool.params},
            )
    return Api(functions, core.methods, core.attributes)
