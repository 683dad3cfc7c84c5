"""The shipped writer for NLVR: right programs for statements, on the real pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from vprog.benchmarks.nlvr import BENCHMARK, load
from vprog.engine import Engine, Task
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling, WriterSettings, load_writer
from vprog.zoo import inventory

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nlvr"
TRAINED = any(row["name"] == "nlvr" and row["trained"] for row in inventory())

pytestmark = [
    pytest.mark.skipif(not TRAINED, reason="zoo:nlvr is not trained yet"),
    pytest.mark.skipif(
        not SHARED.is_dir(), reason=f"NLVR's files are not in {SHARED}: get them from lil-lab/nlvr"
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")


def test_statements_without_a_hand_written_program_are_answered() -> None:
    toolbox = load_toolbox("pixels").with_tools(BENCHMARK.tools)
    writer = load_writer(
        "zoo:nlvr", toolbox=toolbox, benchmark="nlvr", settings=WriterSettings()
    )  # fmt: skip
    sample = [e for e in load(SHARED, "dev") if not e.programs][::50]
    written = list(writer.write(sample, "python", Sampling(k=1)))
    tasks = [Task(e, programs[0]) for e, programs in zip(sample, written, strict=True)]
    by_id = {e.id: e for e in sample}
    right = 0
    with Engine(toolbox) as engine:
        for trace in engine.run(tasks):
            answer = {True: "yes", False: "no"}.get(trace.answer)  # type: ignore[call-overload]
            right += answer in by_id[trace.example_id].answers
    assert len(sample) > 80
    assert right / len(sample) > 0.8
