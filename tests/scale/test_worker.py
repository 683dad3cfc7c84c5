"""Workers run the code of a run in one process: same traces, once each, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from vprog.engine.calls import Counts
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.writing import Written
from vprog.runs.folder import read_traces
from vprog.scale.worker import Worker, from_answer, to_block


def settings(data: Path, **more: Any) -> RunSettings:
    given = {
        "benchmark": "world-gqa", "data": data, "split": "val", "writer": "gold",
        "toolbox": "oracle", "language": "python",
    }  # fmt: skip
    return RunSettings(**{**given, **more})


class InTurn:
    """Workers without a cluster: two of them get blocks of seven examples in turn."""

    def __init__(self, stop: int = 0, again: bool = False) -> None:
        self.blocks = 0
        self._stop = stop
        self._again = again

    def run(
        self, settings: RunSettings, out: Path, written: Sequence[Written], fingerprints: Any
    ) -> Iterator[tuple[pa.Table, Counts]]:
        workers = [Worker(settings, Path.cwd(), out / "memo.sqlite", fingerprints)] * 2
        for n in range(0, len(written), 7):
            self.blocks += 1
            if self.blocks == self._stop:
                raise InputError("the cluster is gone")
            answer = workers[self.blocks % 2](to_block(written[n : n + 7]))
            yield from from_answer(answer)
            if self._again:  # a cluster may repeat a block whose worker died
                yield from from_answer(answer)


def traces(out: Path) -> dict[tuple[str, int], Any]:
    found = {}
    for record in read_traces(out):
        key = (record.trace.example_id, record.trace.candidate)
        assert key not in found, "a trace is there twice"
        for step in record.trace.steps:
            step.source, step.ms = "computed", 0.0
        found[key] = record
    return found


@pytest.fixture(scope="module")
def here(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Any]:
    out = tmp_path_factory.mktemp("here") / "run"
    run_benchmark(settings(drawn), out)
    return traces(out)


def test_workers_give_the_traces_of_one_process(
    drawn: Path, tmp_path: Path, here: dict[Any, Any]
) -> None:
    workers = InTurn(again=True)
    seen: list[int] = []
    summary = run_benchmark(
        settings(drawn), tmp_path, lambda p: seen.append(p.done), workers=workers
    )
    assert traces(tmp_path) == here
    assert workers.blocks == 9
    assert (summary.n, summary.ran, seen[-1]) == (60, 60, 60)
    assert (
        summary.counts.requested
        == sum(step.tool is not None for r in here.values() for step in r.trace.steps) * 2
    )  # both answers of every block count
    assert seen == sorted(seen)


def test_a_run_on_workers_goes_on_here_and_there(
    drawn: Path, tmp_path: Path, here: dict[Any, Any]
) -> None:
    with pytest.raises(InputError, match="the cluster is gone"):
        run_benchmark(settings(drawn), tmp_path, workers=InTurn(stop=4))
    assert len(traces(tmp_path)) == 21
    with pytest.raises(InputError, match="the cluster is gone"):
        run_benchmark(settings(drawn), tmp_path, workers=InTurn(stop=3))
    summary = run_benchmark(settings(drawn), tmp_path)
    assert (summary.n, summary.resumed) == (60, 35)
    assert traces(tmp_path) == here
    again = InTurn()
    assert run_benchmark(settings(drawn), tmp_path, workers=again).resumed == 60
    assert again.blocks == 0


def test_a_worker_with_other_models_is_refused(drawn: Path, tmp_path: Path) -> None:
    worker = Worker(settings(drawn), tmp_path, None, {"detect": "another"})
    answer = worker(to_block([]))
    with pytest.raises(InputError, match=r"a worker has another 'detect' \(.*\) than the command"):
        from_answer(answer)


def test_a_worker_that_lacks_the_data_says_so(tmp_path: Path) -> None:
    worker = Worker(settings(tmp_path / "nowhere"), tmp_path, None, {})
    fault = worker(to_block([])).to_pylist()[0]["fault"]
    assert fault


def test_a_writer_that_asks_a_model_is_refused(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="asks a model, which happens in one process alone"):
        run_benchmark(settings(drawn, writer="zoo"), tmp_path, workers=InTurn())
