"""Programs a second: batches against one program at a time, same tools; a JSON line each.

``python bench/in_batches.py --data ../shared/data [--n 600] [--seed 41]`` runs gold programs of
SHAPES and NLVR over the tools that were taught for them, and of freshly drawn questions of
world-gqa over the zoo, in both languages (``vprog.bench.tools``).
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import get_args

from vprog.bench.tools import measure_programs, measure_tools
from vprog.benchmarks import load_benchmark
from vprog.console import note
from vprog.evaluation.run import commit
from vprog.program.program import Language

OFFICIAL = {"shapes": ("val", "zoo:shapes"), "nlvr": ("dev", "zoo:nlvr")}
"""Benchmark -> its split, and the toolbox."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of shapes/ and nlvr/")
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--seed", type=int, default=41)
    given = parser.parse_args()
    about = {"seed": given.seed, "commit": commit()}
    for language in get_args(Language):
        for name, (split, toolbox) in OFFICIAL.items():
            note(f"{name}, {language}")
            benchmark = load_benchmark(name)
            found = benchmark.load(given.data / name, split)
            examples = [example for example in found if language in example.programs]
            random.Random(given.seed).shuffle(examples)
            measured = measure_programs(
                examples[: given.n], benchmark.tools, toolbox=toolbox, language=language
            )
            print(json.dumps({"task": name, "split": split, **measured, **about}), flush=True)
        note(f"world-gqa, {language}")
        measured = measure_tools(programs=given.n, language=language, seed=given.seed)
        print(json.dumps({"task": "world-gqa", "split": "drawn", **measured, **about}), flush=True)


if __name__ == "__main__":
    main()
