"""Benchmarks: one file each, official files in, Examples out, official metrics."""

from __future__ import annotations

import importlib

from vprog.benchmarks.benchmark import Benchmark
from vprog.errors import InputError, known_names

MODULES = {
    "shapes": "shapes",
    "shapeworld": "shapeworld",
    "nlvr": "nlvr",
    "gqa": "gqa",
    "nlvr2": "nlvr2",
    "pope": "pope",
    "tallyqa": "tallyqa",
    "refcoco": "refcoco",
    "refcoco+": "refcoco:PLUS",
    "refcocog": "refcoco:LONGER",
    "world-gqa": "world_gqa",
    "world-nlvr2": "world_nlvr2",
    "world-tally": "world_tally",
    "world-pope": "world_pope",
    "world-refer": "world_refer",
    "vqav2": "vqav2",
    "okvqa": "okvqa",
    "aokvqa": "aokvqa:DIRECT",
    "aokvqa-mc": "aokvqa:CHOICE",
    "mmbench": "mmbench",
    "hateful-memes": "hateful_memes",
    "openimages": "openimages",
    "own": "own",
}
"""Benchmark name -> module of this package that defines ``BENCHMARK``, or another name after a
colon; imported when asked for."""


def load_benchmark(name: str) -> Benchmark:
    """The benchmark of that name; ``own:image=file`` also says which columns hold what.

    Raises:
        InputError: Unknown, with the nearest name, or columns of a benchmark that has its own.
    """
    name, sign, columns = name.partition(":")
    if name not in MODULES:
        raise InputError(f"unknown benchmark {name!r}. {known_names(name, MODULES)}")
    if sign and name != "own":
        raise InputError(f"columns can be named for the benchmark own alone; {name} has its own")
    if name == "own":
        from vprog.benchmarks.own import own

        return own(columns)
    file, _, variable = MODULES[name].partition(":")
    module = importlib.import_module(f"{__name__}.{file}")
    benchmark = getattr(module, variable or "BENCHMARK")
    assert isinstance(benchmark, Benchmark)
    return benchmark
