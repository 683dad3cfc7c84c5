"""Bad days: runs that meet a fault, beside the same run undisturbed; prints JSON.

``python bench/faults.py [--n 240] [--seeds 0 1 2] [--only kill_driver ...] [--language steps]``

Every fault happens in a process of its own: the real command with a benchmark of small pictures and
a tool that answers from their pixels. After it the same command runs again, if the fault ended it.
A fault passes if no trace is lost or doubled, every trace that the fault does not name is that of
the undisturbed run, every trace that it names failed with its kind, and the command said one clear
thing (exit code 2, no traceback) where it gave up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PROGRAMS = {
    "steps": "B=LOC(image=IMAGE,object='thing')\nC=CROP(image=IMAGE,box=B)\n"
    "A=VQA(image=C,question='say {0}')\nD=VQA(image=IMAGE,question=A)\nR=RESULT(var=D)",
    "python": "def execute_command(image):\n    things = image.find('thing')\n"
    "    answer = things[0].simple_query('say {0}')\n    return image.simple_query(answer)",
}
FAULTS = {
    "kill_driver": "kill -9 of the command, three times",
    "corrupt_tail": "the same, and the last part of the traces is cut in half",
    "kill_sandbox": "kill -9 of the sandbox's processes while python programs run",
    "two_commands": "a second command on the folder of a running one",
    "full_disk": "no file may grow beyond 24 kB",
    "broken_pictures": "1 % of the pictures are cut off",
    "hang": "1 % of the questions are never answered",
    "nan": "1 % of the questions get boxes that are no numbers",
    "memory": "a tool that has memory for four calls alone",
    "clock": "the clock jumps by days",
}
ENDS = ("kill_driver", "corrupt_tail")


def chosen(seed: int, n: int) -> set[int]:
    """Numbers of the questions that a fault names: 1 %, at least one."""
    return set(random.Random(seed).sample(range(n), max(1, n // 100)))


def load(data: Path, split: str) -> Iterator[Any]:
    """As many examples as ``split`` says, two a picture."""
    from vprog.example import Example, Picture

    for n in range(int(split)):
        yield Example(
            id=f"q{n:05d}",
            pictures=(Picture(f"p{n // 2}", path=data / f"p{n // 2}.png"),),
            question=f"What about {n}?",
            answers=("so",),
            programs={language: text.format(n) for language, text in PROGRAMS.items()},
        )


class Faulty:
    """Answers from pixels, unless its fault strikes."""

    fingerprint = "faults 1"
    batch_size = 16

    def __init__(self, fault: str, seed: int, n: int, start: int) -> None:
        """Takes the fault and what decides where it strikes."""
        self._fault = fault
        self._bad = {f"say {k}" for k in chosen(seed, n)}
        # Late enough that traces are on the disk; what an earlier start has computed is remembered.
        batches = 5 * n / 2 / self.batch_size
        share = random.Random(seed).uniform(0.75, 0.9)
        self._strike = int(batches * share) if start == 0 else 1
        self._batch = 0

    def answer(self, calls: Sequence[Any], pictures: Mapping[str, Any]) -> list[Any]:
        """See ``Backend``."""
        self._batch += 1
        if self._batch == self._strike:
            self._at_once()
        if self._fault == "memory" and len(calls) > 4:
            raise MemoryError
        return [self._one(call, pictures) for call in calls]

    def _at_once(self) -> None:
        if self._fault in ENDS:
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._fault == "two_commands":
            print("running", flush=True)
            sys.stdin.read()
        elif self._fault == "kill_sandbox":
            for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                if "monty" in Path(f"/proc/{child}/cmdline").read_text():
                    os.kill(int(child), signal.SIGKILL)

    def _one(self, call: Any, pictures: Mapping[str, Any]) -> Any:
        from vprog.example import Region
        from vprog.trace import Result

        image = call.args["image"]
        shade = int(np.asarray(pictures[image.picture].crop(image)).sum())
        if call.tool == "detect":
            return Result([Region(image.picture, 1, 1, 5 + shade % 3, 7, "thing", 0.9)])
        question = call.args["question"]
        if question in self._bad and self._fault == "hang":
            threading.Event().wait()
        if question in self._bad and self._fault == "nan":
            return Result(float("nan"))
        return Result(f"{question} {shade}", {"score": shade % 7 / 7})


def child(fault: str, seed: int, n: int, start: int, args: Sequence[str]) -> None:
    """Is the command, with the fault."""
    import vprog.benchmarks
    import vprog.evaluation.run
    import vprog.runs.folder
    from vprog.benchmarks.benchmark import Benchmark
    from vprog.cli.app import main as command
    from vprog.tools.backend import Toolbox
    from vprog.tools.catalogue import TOOLS

    module = ModuleType("vprog.benchmarks.faults")
    module.BENCHMARK = Benchmark(name="faults", doc="", splits=(str(n),), load=load)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    vprog.benchmarks.MODULES["faults"] = "faults"
    backend = Faulty(fault, seed, n, start)
    bound = dict.fromkeys(("detect", "vqa"), backend)
    toolbox = Toolbox(name="faults", tools=TOOLS, backends=bound)
    vprog.evaluation.run.load_toolbox = lambda name: toolbox
    vprog.runs.folder.FLUSH_ROWS = 16
    if fault == "full_disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, resource.RLIM_INFINITY))
    if fault == "clock":
        now, jumps = time.time, random.Random(seed)
        time.time = lambda: now() + jumps.uniform(-1e6, 1e6)
    command(list(args))


class Runs:
    """Runs of one size and language in a folder of their own."""

    def __init__(self, folder: Path, n: int, language: str) -> None:
        """Draws the pictures."""
        from PIL import Image

        self.folder, self.n, self.language = folder, n, language
        self.data = folder / "data"
        self.data.mkdir()
        draw = np.random.default_rng(0)
        for k in range(-(-n // 2)):
            pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(self.data / f"p{k}.png")

    def command(self, fault: str, seed: int, start: int, out: Path, data: Path) -> list[str]:
        """One start of the run in ``out``."""
        language = "python" if fault == "kill_sandbox" else self.language
        own = [sys.executable, __file__, "--child", fault, str(seed), str(self.n), str(start)]
        run = ["run", "faults", "--data", str(data), "--split", str(self.n), "--toolbox", "x"]
        run += ["--language", language, "--out", str(out), "--json"]
        return [*own, *run, *(["--tool-timeout", "2"] if fault == "hang" else [])]

    def start(
        self, fault: str, seed: int, start: int, out: Path, data: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Starts and waits."""
        command = self.command(fault, seed, start, out, data or self.data)
        return subprocess.run(command, capture_output=True, text=True, timeout=1800)

    def meet(self, fault: str, seed: int, out: Path) -> tuple[str, Path]:
        """Lets a run meet a fault and brings it to its end; what it said, and its data."""
        data, said = self.data, ""
        if fault in ENDS:
            for start in range(3):
                done = self.start(fault, seed, start, out)
                assert done.returncode == -signal.SIGKILL, done.stderr
                parts = sorted((out / "traces").glob("part-*.parquet"))
                assert parts, "it struck before anything was written"
                if fault == "corrupt_tail" and start == 1:
                    said = "; ".join(s for s in done.stderr.splitlines() if "damaged" in s)
                    assert said, "it took no notice of the damage"
                if fault == "corrupt_tail" and start == 0:
                    os.truncate(parts[-1], parts[-1].stat().st_size // 2)
        elif fault == "two_commands":
            command = self.command(fault, seed, 0, out, data)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            with subprocess.Popen(command, text=True, **pipes) as first:  # type: ignore[call-overload]
                assert first.stdout.readline() == "running\n"
                second = self.start("none", seed, 0, out)
                said = self.clear(second)
                first.communicate()
        elif fault == "broken_pictures":
            data = self.folder / f"broken-{seed}"
            shutil.copytree(self.data, data)
            for n in chosen(seed, self.n):
                file = data / f"p{n // 2}.png"
                if file.stat().st_size > 90:
                    os.truncate(file, 90)
        if fault == "full_disk":
            said = self.clear(self.start(fault, seed, 0, out))
        last = "none" if fault in ENDS or fault == "full_disk" else fault
        if fault != "two_commands":
            done = self.start(last, seed, 0, out, data)
            assert done.returncode == 0, done.stderr
            assert "Traceback" not in done.stderr, done.stderr
        return said, data

    @staticmethod
    def clear(done: subprocess.CompletedProcess[str]) -> str:
        """The one thing that a command said when it gave up."""
        assert done.returncode == 2, done
        lines = [line for line in done.stderr.splitlines() if line.startswith("vprog: error")]
        assert len(lines) == 1 or "Traceback" not in done.stderr, done.stderr
        return (lines or done.stderr.splitlines()[-1:])[0]


def traces(out: Path) -> tuple[dict[str, Any], int]:
    """What a run kept by id, without times and sources; and how many rows are doubled."""
    from vprog.runs.folder import read_traces

    found, ids = {}, Counter()
    for record in read_traces(out):
        trace = record.trace
        ids[trace.example_id] += 1
        steps = [(s.module, s.args, s.value, s.info, s.error) for s in trace.steps]
        failure = trace.failure and (trace.failure.kind, trace.failure.step)
        found[trace.example_id] = (trace.program, steps, trace.answer, failure)
    return found, sum(ids.values()) - len(ids)


def named(fault: str, seed: int, n: int) -> dict[str, str]:
    """Ids of examples that a fault fails, with the kind of their failure."""
    if fault in ("hang", "nan"):
        return {f"q{k:05d}": "tool" for k in chosen(seed, n)}
    if fault == "broken_pictures":
        pictures = {k // 2 for k in chosen(seed, n)}
        return {f"q{k:05d}": "picture" for k in range(n) if k // 2 in pictures}
    return {}


def measure(runs: Runs, whole: Mapping[str, Any], fault: str, seed: int) -> dict[str, Any]:
    """Lets a run meet a fault and compares."""
    out = runs.folder / f"{fault}-{seed}"
    began = time.monotonic()
    said, _ = runs.meet(fault, seed, out)
    found, doubled = traces(out)
    fails = named(fault, seed, runs.n)
    wrong = [id for id in whole if id in found and id not in fails and found[id] != whole[id]]
    wrong += [i for i, kind in fails.items() if i in found and (found[i][3] or "?")[0] != kind]
    figures = {
        "fault": fault,
        "seed": seed,
        "n": runs.n,
        "lost": len(whole.keys() - found.keys()),
        "doubled": doubled,
        "wrong": len(wrong),
        "failed_as_named": len(fails),
        "said": said,
        "wall_s": round(time.monotonic() - began, 1),
    }
    return {**figures, "passed": not (figures["lost"] or doubled or wrong)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=240)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--only", nargs="*", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--language", choices=sorted(PROGRAMS), default="steps")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vprog-faults-") as folder:
        runs = Runs(Path(folder), args.n, args.language)
        whole: dict[str, dict[str, Any]] = {}
        passed = True
        for fault in args.only:
            language = "python" if fault == "kill_sandbox" else args.language
            if language not in whole:
                out = runs.folder / f"whole-{language}"
                kind = "kill_sandbox" if language != args.language else "none"
                command = runs.command(kind, 0, 0, out, runs.data)
                command[command.index("--child") + 1] = "none"
                subprocess.run(command, check=True, capture_output=True)
                whole[language] = traces(out)[0]
                assert len(whole[language]) == args.n
            for seed in args.seeds:
                figures = measure(runs, whole[language], fault, seed)
                print(json.dumps(figures), flush=True)
                passed = passed and figures["passed"]
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6:])
    else:
        main()
