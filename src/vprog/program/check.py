"""Checks programs of either language against the tools of a run, and remembers the outcome."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from vprog.errors import ProgramError
from vprog.program.program import Program, input_names, pictures_as
from vprog.program.python import CheckedPython, check_python
from vprog.program.python_api import api_for
from vprog.program.steps import Statement, compile_steps
from vprog.tools.catalogue import modules_for
from vprog.tools.tool import Tool

Checked = tuple[Statement, ...] | CheckedPython
"""A program that may run: checked steps, or checked Python text."""


class Checker:
    """Checks programs over one set of tools; equal texts are checked once."""

    def __init__(self, tools: Mapping[str, Tool], entries: int = 5_000) -> None:
        """Reads the languages off the tools.

        Args:
            tools: That programs may call.
            entries: Outcomes kept.
        """
        self._modules = modules_for(tools)
        self._api = api_for(tools)
        self._known: OrderedDict[tuple[str, str, int], Checked | ProgramError] = OrderedDict()
        self._entries = entries

    def check(self, program: Program, pictures: int) -> Checked:
        """The checked program.

        Args:
            program: To check.
            pictures: How many pictures its example has.

        Raises:
            ProgramError: What is wrong, where, and what would be right.
        """
        key = (program.text, program.language, pictures)
        checked = self._known.get(key)
        if checked is None:
            try:
                checked = self._check(program, pictures)
            except ProgramError as error:
                checked = error
            self._known[key] = checked
            if len(self._known) > self._entries:
                self._known.popitem(last=False)
        if isinstance(checked, ProgramError):
            raise ProgramError(checked.kind, checked.message, checked.line, checked.column)
        return checked

    def _check(self, program: Program, pictures: int) -> Checked:
        if program.language == "steps":
            return compile_steps(program.text, self._modules, input_names(pictures, "steps"))
        checked = check_python(program.text, self._api)
        names = input_names(pictures, "python")
        found = len(checked.pictures)
        if found != len(names) and not (found == 1 and pictures_as(pictures, checked.pictures[0])):
            raise ProgramError(
                "type",
                f"execute_command takes {found} pictures, but the example needs "
                f"execute_command({', '.join(names)})",
            )
        return checked
