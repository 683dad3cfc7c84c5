"""Memory of a long run: resident megabytes of the process while many questions pass; prints JSON.

``python bench/memory.py [--n 200000] [--language steps]`` runs gold programs over a tool that
answers at once, so that what is measured is vprog itself: reading the program, stepping, memo on
disk, traces on disk. ``last_over_second`` compares the means of the last and the second quarter.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import vprog.benchmarks
import vprog.evaluation.run
from vprog.benchmarks.benchmark import Benchmark
from vprog.evaluation.run import Progress, RunSettings, commit, run_benchmark
from vprog.example import Example, Picture, Region
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result

PROGRAMS = {
    "steps": "B=LOC(image=IMAGE,object='thing {0}')\nA=VQA(image=IMAGE,question='say {0}')\n"
    "R=RESULT(var=A)",
    "python": "def execute_command(image):\n    things = image.find('thing {0}')\n"
    "    return things[0].simple_query('say {0}')",
}


class Instant:
    """Answers at once, to every question something else."""

    fingerprint = "instant"
    batch_size = 256

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
        """See ``Backend``."""
        del pictures
        results = []
        for call in calls:
            image = call.args["image"]
            assert isinstance(image, Region)
            if call.tool == "detect":
                results.append(Result([Region(image.picture, 1, 1, 6, 7, "thing", 0.9)]))
            else:
                results.append(Result(f"{call.args['question']} it is", {"score": 0.5}))
        return results


def load(data: Path, split: str) -> Iterator[Example]:
    """As many examples as ``split`` says, four a picture."""
    del data
    for n in range(int(split)):
        picture = Picture(f"p{n // 4}", size=(8, 8), digest=f"{n // 4:032x}")
        programs = {language: text.format(n) for language, text in PROGRAMS.items()}
        yield Example(
            id=f"q{n:07d}",
            pictures=(picture,),
            question=f"What about thing {n}?",
            answers=("so",),
            programs=programs,
        )


def resident_mb() -> float:
    """Of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--language", choices=sorted(PROGRAMS), default="steps")
    args = parser.parse_args()
    module = ModuleType("vprog.benchmarks.long")
    module.BENCHMARK = Benchmark(name="long", doc="", splits=(str(args.n),), load=load)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    vprog.benchmarks.MODULES["long"] = "long"
    toolbox = Toolbox(
        name="instant", tools=TOOLS, backends=dict.fromkeys(("detect", "vqa"), Instant())
    )
    vprog.evaluation.run.load_toolbox = lambda name: toolbox
    seen: list[tuple[int, float]] = []

    def show(progress: Progress) -> None:
        if progress.done % 1000 == 0:
            seen.append((progress.done, resident_mb()))

    with tempfile.TemporaryDirectory() as folder:
        settings = RunSettings(
            benchmark="long",
            data=Path(folder),
            split=str(args.n),
            writer="gold",
            toolbox="instant",
            language=args.language,
        )
        began = time.perf_counter()
        summary = run_benchmark(settings, Path(folder) / "run", show)
        wall_s = time.perf_counter() - began
    assert summary.answered == args.n, summary
    quarters = [
        statistics.mean(mb for done, mb in seen if k < 4 * done / args.n <= k + 1) for k in range(4)
    ]
    figures = {
        "command": "python " + " ".join(sys.argv),
        "commit": commit(),
        "n": args.n,
        "language": args.language,
        "quarters_mb": [round(mb, 1) for mb in quarters],
        "last_over_second": round(quarters[3] / quarters[1], 3),
        "peak_mb": round(max(mb for _, mb in seen), 1),
        "wall_s": round(wall_s, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
