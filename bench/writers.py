"""Throughput of the local writer: k candidates in batches against one question at a time.

`python bench/writers.py MODEL DATA [--questions N] [--k K]` with a drawn world in GQA's format
prints one JSON object; both ways draw the same candidates.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from vprog.benchmarks import load_benchmark
from vprog.evaluation.run import commit
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling, WriterSettings, load_writer


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("model")
    ask.add_argument("data", type=Path)
    ask.add_argument("--questions", type=int, default=32)
    ask.add_argument("--k", type=int, default=5)
    given = ask.parse_args()
    examples = list(load_benchmark("world-gqa").load(given.data, "val"))[: given.questions]
    sampling = Sampling(k=given.k, temperature=0.5)
    seconds: dict[int, float] = {}
    written = {}
    for size in (given.k, 64 * given.k):
        writer = load_writer(
            f"local:{given.model}",
            toolbox=load_toolbox("oracle"),
            benchmark="world-gqa",
            settings=WriterSettings(batch_size=size),
        )
        list(writer.write(examples[:1], "steps", sampling))  # loads the weights
        started = time.perf_counter()
        if size == given.k:
            found = [next(iter(writer.write([e], "steps", sampling))) for e in examples]
        else:
            found = list(writer.write(examples, "steps", sampling))
        seconds[size] = time.perf_counter() - started
        written[size] = [[p.text for p in programs] for programs in found]
    alone, together = seconds.values()
    one, many = written.values()
    result = {
        "model": given.model,
        "questions": len(examples),
        "k": given.k,
        "one_at_a_time_per_s": round(len(examples) / alone, 2),
        "batched_per_s": round(len(examples) / together, 2),
        "ratio": round(alone / together, 2),
        "same_candidates": sum(a == b for a, b in zip(one, many, strict=True)),
        "commit": commit(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
