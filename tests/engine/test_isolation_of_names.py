"""A failing program is executed once more for its line; that must not reach other programs."""

from __future__ import annotations

import numpy as np

from vprog.engine import Engine, Task
from vprog.example import Example, Picture
from vprog.program import Program
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS

FAILS = """\
def distance(a, b):
    return 42

def execute_command(image):
    return [][1]
"""

USES = """\
def execute_command(image):
    return distance(image, image)
"""


def test_a_failing_program_redefines_nothing_for_others() -> None:
    picture = Picture("p", array_rgb=np.zeros((8, 8, 3), np.uint8))
    example = Example(id="e", pictures=(picture,), question="")
    programs = [FAILS] * 8 + [f"{USES}# {n}\n" for n in range(40)]
    tasks = [Task(example, Program(text, "python"), n) for n, text in enumerate(programs)]
    toolbox = Toolbox(name="none", tools=TOOLS)
    with Engine(toolbox) as engine:
        # The second run meets the sessions in which programs of the first have failed.
        first = list(engine.run(tasks[:8]))
        second = list(engine.run(tasks))
    assert all(t.failure is not None and t.failure.line == 5 for t in first)
    assert all(t.answer == -1.0 for t in second if t.candidate >= 8)


def test_a_session_that_breaks_while_a_line_is_sought_is_not_used_again(monkeypatch) -> None:
    import os
    import signal

    from vprog.engine import sandbox

    sought = sandbox._Shared.located

    def children() -> set[str]:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return set(file.read().split())

    others = children()  # Python keeps a process of its own where another test has drawn pictures

    def killed(self, job, outcome):
        for pid in children() - others:
            os.kill(int(pid), signal.SIGKILL)
        return sought(self, job, outcome)

    picture = Picture("p", array_rgb=np.zeros((8, 8, 3), np.uint8))
    example = Example(id="e", pictures=(picture,), question="")
    failing = [Task(example, Program(FAILS, "python"), n) for n in range(8)]
    using = [Task(example, Program(USES, "python"), n) for n in range(40)]
    with Engine(Toolbox(name="none", tools=TOOLS)) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(sandbox._Shared, "located", killed)
            broken = list(engine.run(failing))
        assert all(t.failure is not None and t.failure.kind == "runtime" for t in broken)
        assert all(t.answer == -1.0 for t in engine.run(using))
