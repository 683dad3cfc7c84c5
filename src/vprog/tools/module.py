"""Modules of the ``steps`` language: what VisProg's names mean in terms of tools.

A module turns its arguments into calls of one tool and the results into its value; an inline module
makes no call. Modules never see pixels: pictures edited by COLORPOP and its like are recipes that a
tool's batch, the report or ``vprog ask`` turns into pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from vprog.example import Picture
from vprog.tools.tool import Kind, Param, Tool, bind_params, render_params
from vprog.trace import Result, Value

Args = Mapping[str, Value]
"""Arguments of one step by parameter name, complete and of the right kinds."""

Pictures = MutableMapping[str, Picture]
"""The pictures of a running program by id; edited ones are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One name of the ``steps`` language.

    Attributes:
        name: Upper-case name in programs.
        params: In order; programs usually name them.
        returns: Kind of the value.
        doc: For writers and the reference.
        tool: The tool that its calls go to, or None for an inline module.
        sentence: What a rationale says of its value, where that is another than its tool's; fields
            as in ``Tool.sentence``.
        calls: Arguments of the calls to make (none is allowed); None for inline modules.
        finish: The module's value and what to note in the trace, from arguments and results; None
            hands on the value of the only call.
    """

    name: str
    params: tuple[Param, ...]
    returns: Kind
    doc: str
    tool: str | None = None
    sentence: str = ""
    calls: Callable[[Args], list[dict[str, Value]]] | None = None
    finish: Callable[[Args, Sequence[Result], Pictures], Result] | None = None

    @property
    def signature(self) -> str:
        """``NAME(param: kind, ...) -> kind``."""
        return f"{self.name}({render_params(self.params)}) -> {self.returns}"

    def bind(self, args: Args, line: int | None = None) -> dict[str, Value]:
        """Checks arguments at run time and fills in defaults; see ``Tool.bind``."""
        return bind_params(self.name, self.params, args, line)


def module_from_tool(tool: Tool) -> Module:
    """A tool under its upper-case name, for tools that VisProg has no name for."""
    if not tool.inline:
        return Module(
            name=tool.name.upper(),
            params=tool.params,
            returns=tool.returns,
            doc=tool.doc,
            tool=tool.name,
            calls=lambda args: [dict(args)],
        )
    return Module(
        name=tool.name.upper(),
        params=tool.params,
        returns=tool.returns,
        doc=tool.doc,
        finish=lambda args, _results, _pictures: Result(tool.compute(args)),
    )
