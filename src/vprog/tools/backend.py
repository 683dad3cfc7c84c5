"""What answers for tools: the backend protocol and the toolbox that binds backends to tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from vprog.errors import InputError, ToolError, known_names
from vprog.example import Picture
from vprog.tools.tool import Tool
from vprog.trace import Call, Result

GOLD = "gold scenes"
"""In a fingerprint: answers depend on the pictures' gold scenes, beside their pixels."""


@runtime_checkable
class Backend(Protocol):
    """Answers lists of calls of one or more tools.

    Attributes:
        fingerprint: Names everything that can change an answer: model id, weight hash, thresholds,
            version of the code, ``GOLD``. Equal calls are shared and remembered under it.
        batch_size: The most calls that ``answer`` gets at once.
    """

    @property
    def fingerprint(self) -> str:
        """See the class."""

    @property
    def batch_size(self) -> int:
        """See the class."""

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        """Answers distinct calls of one tool.

        Args:
            calls: At most ``batch_size`` calls, all of the same tool, arguments complete.
            pictures: Every picture that a region among the arguments refers to, by ``Picture.id``.

        Returns:
            One entry a call, in order. A ``ToolError`` in place of a result fails that call alone.
            Raising instead makes the engine retry on halves until the bad call stands alone.
        """


@runtime_checkable
class Loading(Protocol):
    """A backend with something to load, which happens before its first call."""

    def prepare(self) -> None:
        """Loads it, once.

        Raises:
            InputError: It cannot be loaded: a fault of the whole run, not of a call.
        """


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The tools of a run, each inline or bound to a backend.

    Attributes:
        name: As the user called it: ``oracle``, ``pixels``, a file.
        tools: Every tool that programs may name, bound or not.
        backends: By tool name.
    """

    name: str
    tools: Mapping[str, Tool]
    backends: Mapping[str, Backend] = field(default_factory=dict)

    def with_tools(self, tools: Iterable[Tool]) -> Toolbox:
        """A toolbox that also knows ``tools`` (a benchmark's or a user's).

        Raises:
            InputError: A different tool of that name is known already.
        """
        merged = dict(self.tools)
        for tool in tools:
            if merged.get(tool.name, tool) != tool:
                raise InputError(f"tool {tool.name!r} is defined twice; rename one")
            merged[tool.name] = tool
        return Toolbox(name=self.name, tools=merged, backends=self.backends)

    def backend(self, tool: str) -> Backend:
        """The backend bound to a tool.

        Raises:
            ToolError: No backend is bound.
        """
        try:
            return self.backends[tool]
        except KeyError:
            bound = ", ".join(sorted(self.backends)) or "nothing"
            needs = self.tools[tool].needs if tool in self.tools else ""
            raise ToolError(
                f"no backend bound for {tool!r} in toolbox {self.name!r} (bound: {bound}). "
                + (needs or "Choose a toolbox that binds it")
            ) from None

    def tool(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            InputError: Unknown, with the nearest name.
        """
        if name not in self.tools:
            raise InputError(f"unknown tool {name!r}. {known_names(name, self.tools)}")
        return self.tools[name]
