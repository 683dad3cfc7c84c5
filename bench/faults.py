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
import contextlib
import itertools
import json
import os
import random
import re
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from vprog.engine.memory import resident_gb

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
    "full_disk": "no file may grow beyond 400 kB",
    "broken_pictures": "1 % of the pictures are cut off",
    "hang": "1 % of the questions are never answered",
    "nan": "1 % of the questions get boxes that are no numbers",
    "memory": "a tool that has memory for four calls alone",
    "leak": "a tool that keeps memory with every batch, under --memory-limit 1",
    "kill_endpoint": "kill -9 of the one chat endpoint, which is started again later",
    "kill_one_of_two": "kill -9 of one of two chat endpoints, which is started again at once",
    "clock": "the clock jumps by days",
}
ENDS = ("kill_driver", "corrupt_tail")
ASKS = ("kill_endpoint", "kill_one_of_two")
"""Faults of runs whose programs a chat endpoint writes, two candidates a question."""
LIMIT_GB = 1.0


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
        self._strike = int(batches * share) if start == 0 or fault == "leak" else 1
        self._batch = 0
        self._leaked: list[bytes] = []
        self._leak = 0

    def answer(self, calls: Sequence[Any], pictures: Mapping[str, Any]) -> list[Any]:
        """See ``Backend``."""
        self._batch += 1
        if self._fault == "leak":  # so much that the limit is passed at the strike
            self._leak = self._leak or int((LIMIT_GB - resident_gb()) * 1e9 / self._strike)
            self._leaked.append(b"x" * self._leak)
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
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    if fault == "clock":
        now, jumps = time.time, random.Random(seed)
        time.time = lambda: now() + jumps.uniform(-1e6, 1e6)
    command(list(args))


class Served:
    """A chat endpoint in a process of its own; its programs depend on the question alone."""

    def __init__(self, language: str, dies: int = 0, port: int = 0) -> None:
        """Starts it; with ``dies`` it is killed while it has that request."""
        own = [sys.executable, __file__, "--endpoint", language, str(dies), str(port)]
        self.process = subprocess.Popen(own, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Served:
        """The endpoint itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends it."""
        self.close()

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.communicate()


def serve(language: str, dies: int, port: int) -> None:
    """Is the endpoint."""
    requests = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"data": [{"id": "m"}]})

        def do_POST(self) -> None:
            if next(requests) == dies:
                os.kill(os.getpid(), signal.SIGKILL)
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            number = re.findall(r"(?i)about (\d+)", body["messages"][-1]["content"])[-1]
            texts = [PROGRAMS[language].format(f"{number}{'!' * k}") for k in range(body["n"])]
            self.answer({"choices": [{"message": {"content": text}} for text in texts]})

        def answer(self, said: Any) -> None:
            data = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


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

    def command(
        self, fault: str, seed: int, start: int, out: Path, data: Path, urls: Sequence[str] = ()
    ) -> list[str]:
        """One start of the run in ``out``; with ``urls`` their model writes the programs."""
        language = "python" if fault == "kill_sandbox" else self.language
        own = [sys.executable, __file__, "--child", fault, str(seed), str(self.n), str(start)]
        run = ["run", "faults", "--data", str(data), "--split", str(self.n), "--toolbox", "x"]
        run += ["--language", language, "--out", str(out), "--json"]
        run += ["--tool-timeout", "2"] if fault == "hang" else []
        run += ["--memory-limit", f"{LIMIT_GB:g}"] if fault == "leak" else []
        if urls:
            run += ["--writer", "chat", "--model", "m", "--prompt", "bare", "--k", "2"]
            run += [part for url in urls for part in ("--base-url", url)]
        return [*own, *run]

    def start(
        self,
        fault: str,
        seed: int,
        start: int,
        out: Path,
        data: Path | None = None,
        urls: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Starts and waits."""
        command = self.command(fault, seed, start, out, data or self.data, urls)
        return subprocess.run(command, capture_output=True, text=True, timeout=1800)

    def meet(self, fault: str, seed: int, out: Path) -> tuple[str, Path]:
        """Lets a run meet a fault and brings it to its end; what it said, and its data."""
        data, said = self.data, ""
        if fault in ASKS:
            return self.meet_dying_endpoint(fault, seed, out), data
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
        if fault in ("full_disk", "leak"):
            said = self.clear(self.start(fault, seed, 0, out))
            assert list((out / "traces").glob("part-*.parquet")), "it struck too early"
        last = "none" if fault in ENDS or fault == "full_disk" else fault
        if fault != "two_commands":
            done = self.start(last, seed, 0, out, data)
            assert done.returncode == 0, done.stderr
            assert "Traceback" not in done.stderr, done.stderr
        return said, data

    def meet_dying_endpoint(self, fault: str, seed: int, out: Path) -> str:
        """Kills an endpoint while it is asked; what the command said."""
        dies = int(self.n * random.Random(seed).uniform(0.3, 0.45))
        if fault == "kill_endpoint":
            with Served(self.language, dies) as first:
                said = self.clear(self.start("none", seed, 0, out, urls=[first.url]))
                assert first.process.wait() == -signal.SIGKILL
            assert list((out / "traces").glob("part-*.parquet")), "it struck too early"
            with Served(self.language, port=first.port) as again:
                done = self.start("none", seed, 0, out, urls=[again.url])
        else:
            with Served(self.language, dies) as first, Served(self.language) as other:
                revived: list[Served] = []

                def revive() -> None:
                    first.process.wait()
                    revived.append(Served(self.language, port=first.port))

                waiting = threading.Thread(target=revive)
                waiting.start()
                done = self.start("none", seed, 0, out, urls=[first.url, other.url])
                waiting.join()
                revived[0].close()
                assert first.process.returncode == -signal.SIGKILL
            said = "; ".join(line for line in done.stderr.splitlines() if "rests" in line)
            assert said, "it took no notice of the kill"
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        rows = [json.loads(line) for line in (out / "exchanges.jsonl").read_text().splitlines()]
        asked = Counter(id for row in rows for id in row["ids"])
        assert len(asked) == self.n, "a question was not asked"
        assert set(asked.values()) == {1}, "a question was answered twice"
        return said

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
        name = trace.example_id + (f"/{trace.candidate}" if trace.candidate else "")
        ids[name] += 1
        steps = [(s.module, s.args, s.value, s.info, s.error) for s in trace.steps]
        failure = trace.failure and (trace.failure.kind, trace.failure.step)
        found[name] = (trace.program, steps, trace.answer, failure)
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


def undisturbed(runs: Runs, kind: str) -> dict[str, Any]:
    """The traces of a run that meets no fault: ``gold``, in ``python``, or written by ``chat``."""
    out = runs.folder / f"whole-{kind}"
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(Served(runs.language)).url] if kind == "chat" else []
        fault = "kill_sandbox" if kind == "python" else "none"
        command = runs.command(fault, 0, 0, out, runs.data, urls)
        command[command.index("--child") + 1] = "none"
        subprocess.run(command, check=True, capture_output=True)
    return traces(out)[0]


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
            kind = "python" if fault == "kill_sandbox" else "chat" if fault in ASKS else "gold"
            if kind not in whole:
                whole[kind] = undisturbed(runs, kind)
                assert len(whole[kind]) == args.n * (2 if kind == "chat" else 1)
            for seed in args.seeds:
                figures = measure(runs, whole[kind], fault, seed)
                print(json.dumps(figures), flush=True)
                passed = passed and figures["passed"]
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--endpoint"]:
        serve(sys.argv[2], *map(int, sys.argv[3:5]))
    elif sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6:])
    else:
        main()
