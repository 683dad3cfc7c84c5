"""The real command with one more benchmark, toolbox and writer, all called `counted`.

Every call that the toolbox computes is a line of a log, so that a test can count across processes
that were killed. Run as ``python counted.py LOG STOP MODE vprog-arguments``:

LOG    file that gets a line ``PROCESS BATCH FINISHED CALL`` for every computed call
STOP   batch at which something happens, 0 for never
       (with the mode ``die-writing``: example that the writer has reached)
MODE   ``die``: SIGKILL to itself before anything of that batch is computed
       ``die-writing``: SIGKILL to itself before anything is written for that example

The writer writes three candidates an example, one of them broken, and mends what comes back. What
it is asked is in ``LOG.asked``: a line ``write ID`` or ``repair ID`` each.
       ``tell:FD``: a byte to that file descriptor at that batch, and on it goes
       ``wait:FD``: the same, then it waits until somebody ends it
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import vprog.benchmarks
import vprog.evaluation.run
import vprog.runs.folder
from vprog.benchmarks.benchmark import Benchmark
from vprog.cli.app import main
from vprog.errors import ToolError
from vprog.example import Example, Picture, Region
from vprog.program.program import Language, Program
from vprog.runs.record import Record
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result
from vprog.writers import Repair, Sampling, Usage, Writer

STEPS = """\
BOX0=LOC(image=IMAGE,object='{thing}')
IMAGE0=CROP(image=IMAGE,box=BOX0)
ANSWER0=VQA(image=IMAGE0,question='what is it')
ANSWER1=VQA(image=IMAGE,question=ANSWER0)
BOX1=LOC(image=IMAGE0,object=ANSWER1)
N=COUNT(box=BOX1)
ANSWER2=EVAL(expr="12 / ({{N}} - {minus})")
FINAL=RESULT(var=ANSWER2)
"""
PYTHON = """\
def execute_command(image):
    found = image.find('{thing}')
    words = [found[0].simple_query('what is it')]
    words.append(image.simple_query(words[0]))
    n = len(found[-1].find(words[1]))
    return {{'words': words, 'share': 12 / (n - {minus}), 'best': found[0]}}['share']
"""


def load(data: Path, split: str) -> Iterator[Example]:
    """Examples over 150 pictures, some of equal content; a few fail in each way."""
    for number in range(int(split)):
        draw = random.Random(number)
        pixels = np.full((8, 8, 3), number % 120, np.uint8)
        picture = Picture(f"p{number % 150}", array_rgb=np.full_like(pixels, number % 150 % 120))
        blanks = {"thing": draw.choice(["cup", "hat", "sky", "BAD"]), "minus": draw.choice([0, 2])}
        yield Example(
            id=f"q{number:05d}",
            pictures=(picture,),
            question=f"Größe of 杯 {number}?",
            answers=("3",),
            types={"thing": blanks["thing"]},
            programs={"steps": STEPS.format(**blanks), "python": PYTHON.format(**blanks)},
        )


class Counted:
    """Answers from nothing but the call, and writes down that it did."""

    fingerprint = "counted 1"
    batch_size = 16

    def __init__(self, log: Path, stop: int, mode: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._stop = stop
        self._mode = mode
        self._batch = 0

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        self._batch += 1
        if self._batch == self._stop:
            if self._mode == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(int(self._mode.partition(":")[2]), b".")
            if self._mode.startswith("wait"):
                os.read(0, 1)
        lines, results = [], []
        for call in calls:
            image = call.args["image"]
            assert isinstance(image, Region)
            content = pictures[image.picture].digest
            asked = call.args.get("phrase", call.args.get("question"))
            lines.append(f"{os.getpid()} {self._batch} {asked != 'BAD':d} {call.tool} {content} ")
            lines[-1] += f"{image.box_xyxy} {asked}\n"
            results.append(self._result(call, str(asked), content, image))
        os.write(self._log, "".join(lines).encode())
        return results

    def _result(self, call: Call, asked: str, content: str, image: Region) -> Result | ToolError:
        if asked == "BAD":
            return ToolError("this phrase is never answered")
        draw = random.Random(f"{call.tool} {asked} {content} {image.box_xyxy}")
        if call.tool == "vqa":
            return Result(draw.choice(["red", "größer", "a 'quoted' \\ \u2028 word"]), {"p": 1 / 3})
        boxes = [
            Region(image.picture, x, 0.1, 7, 8, asked, draw.random())
            for x in range(draw.randint(1, 4))
        ]
        return Result(boxes, {"scores": [box.score for box in boxes]})


class Asked:
    """Writes what the benchmark says, twice, and something broken; writes down what it is asked."""

    name = "counted"
    fingerprint = "counted 1"

    def __init__(self, log: Path, stop: int) -> None:
        self.usage = Usage()
        self._log = os.open(f"{log}.asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._stop = stop

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        for number, example in enumerate(examples, 1):
            if number == self._stop:
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(self._log, f"write {example.id}\n".encode())
            text = example.programs[language]
            broken = Program("BROKEN(", language, -0.5)
            yield [broken, Program(text, language, -1.0), Program("# so\n" + text, language, -1.5)]

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        for repair in broken:
            os.write(self._log, f"repair {repair.example.id}\n".encode())
            yield Program(repair.example.programs[language].replace("12", "6"), language, -0.1)


def run(log: Path, stop: int, mode: str, args: Sequence[str]) -> None:
    """Adds benchmark, toolbox and writer, then is the command."""
    module = ModuleType("vprog.benchmarks.counted")
    module.BENCHMARK = Benchmark(name="counted", doc="", splits=("600",), load=load)
    sys.modules[module.__name__] = module
    vprog.benchmarks.MODULES["counted"] = "counted"
    writing = mode == "die-writing"
    backend = Counted(log, 0 if writing else stop, mode)
    known = vprog.evaluation.run.load_writer

    def load_writer(name: str, **more: Any) -> Writer:
        return Asked(log, stop if writing else 0) if name == "counted" else known(name, **more)

    vprog.evaluation.run.load_writer = load_writer
    toolbox = Toolbox(
        name="counted", tools=TOOLS, backends=dict.fromkeys(("detect", "vqa"), backend)
    )
    vprog.evaluation.run.load_toolbox = lambda name: toolbox
    vprog.runs.folder.FLUSH_ROWS = 40
    append = vprog.runs.folder.RunFolder.append

    def note(folder: vprog.runs.folder.RunFolder, *records: Record) -> None:
        append(folder, *records)
        with open(f"{log}.traces", "a") as file:
            file.write(records[0].trace.example_id + "\n")

    vprog.runs.folder.RunFolder.append = note
    main(args)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
