"""A teacher: a name and the backends that answer steps in place of the student's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vprog.errors import InputError, ToolError
from vprog.example import Picture
from vprog.tools.backend import Backend, Loading, Toolbox
from vprog.trace import Call, Result


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Whoever supervises steps.

    A teacher's backends are backends like any other (see ``Backend``): they take lists of calls and
    give a ``Result`` for each, or a ``ToolError`` that says why they cannot. Beside its value a
    result may say ``info["confidence"]``, in [0, 1], and ``info["distribution"]``.

    Attributes:
        name: As the user called it.
        backends: By tool; tools that are not here it does not teach.
    """

    name: str
    backends: Mapping[str, Backend]

    @property
    def tools(self) -> tuple[str, ...]:
        """What it teaches."""
        return tuple(self.backends)

    @property
    def fingerprint(self) -> str:
        """Names everything that can change one of its answers."""
        said = "; ".join(f"{tool}: {b.fingerprint}" for tool, b in sorted(self.backends.items()))
        return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    def replacing(self, student: Toolbox) -> Toolbox:
        """The student's toolbox with the teacher's tools in place of its own.

        What the teacher cannot answer fails: this is what distilling is compared with (SDVP,
        "replaced").
        """
        backends = {**student.backends, **self.backends}
        name = f"{self.name} in {student.name}"
        return Toolbox(name=name, tools=student.tools, backends=backends)

    def in_place_of(self, student: Toolbox, tools: Sequence[str] | None = None) -> Toolbox:
        """The student's toolbox with the teacher answering; what it cannot, the student answers.

        Args:
            student: Whose other tools stay.
            tools: The teacher answers for these alone; None is all that it teaches.

        Raises:
            InputError: It does not teach one of ``tools``.
        """
        unknown = [tool for tool in tools or () if tool not in self.backends]
        if unknown:
            raise InputError(
                f"teacher {self.name!r} does not answer {unknown[0]}; it answers "
                f"{', '.join(self.backends)}"
            )
        backends = dict(student.backends)
        for tool in tools if tools is not None else self.tools:
            before = backends.get(tool)
            own = self.backends[tool]
            backends[tool] = own if before is None else _Rather(own, before)
        return Toolbox(name=f"{self.name} for {student.name}", tools=student.tools,
                       backends=backends)  # fmt: skip


class _Rather:
    """The answers of one backend, and another's where the first gives none."""

    def __init__(self, first: Backend, second: Backend) -> None:
        self._first, self._second = first, second
        self.fingerprint = f"({first.fingerprint}) else ({second.fingerprint})"
        self.batch_size = min(first.batch_size, second.batch_size)

    def prepare(self) -> None:
        """Loads both."""
        for backend in (self._first, self._second):
            if isinstance(backend, Loading):
                backend.prepare()

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``."""
        answers = list(self._first.answer(calls, pictures))
        refused = [n for n, answer in enumerate(answers) if isinstance(answer, ToolError)]
        if refused:
            others = self._second.answer([calls[n] for n in refused], pictures)
            for n, other in zip(refused, others, strict=True):
                answers[n] = other
        return answers
