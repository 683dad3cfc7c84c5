"""Times a question: programs, written and run, against a finished student, in turns.

    python bench/latency.py world-gqa --data DIR --writer zoo --toolbox zoo --student FOLDER

One JSON object: what ``vprog distill`` measures at its end (``vprog.distill.latency``), for a
student that exists already. Torch's threads are those of ``OMP_NUM_THREADS``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from vprog.distill.latency import latency
from vprog.evaluation.run import RunSettings, commit


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--writer", default="zoo")
    parser.add_argument("--toolbox", default="zoo")
    parser.add_argument("--language", default="steps")
    parser.add_argument("--student", required=True)
    given = parser.parse_args()
    run = RunSettings(
        benchmark=given.benchmark,
        data=given.data,
        split=given.split,
        writer=given.writer,
        toolbox=given.toolbox,
        language=given.language,
    )
    said = latency(run, given.student)
    about = {"language": given.language, "toolbox": given.toolbox, "student": given.student}
    print(json.dumps({**about, **said, "threads": torch.get_num_threads(), "commit": commit()}))


if __name__ == "__main__":
    main()
