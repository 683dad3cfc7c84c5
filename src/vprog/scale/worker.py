"""What runs inside an actor: a toolbox and an engine, the code of a run in one process.

Rows that travel to an actor hold an example's id and its programs; the actor finds the example in
the benchmark's files by itself, so that pictures travel by reference. What comes back is one row a
block: its traces as an Arrow stream, counts, and the fault that ended it, if one did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.benchmarks import load_benchmark
from vprog.engine import Engine
from vprog.engine.calls import Counts
from vprog.errors import InputError, VprogError
from vprog.evaluation.run import RunSettings, run_written
from vprog.evaluation.selection import select_examples
from vprog.evaluation.writing import Known, Written
from vprog.program.program import Program
from vprog.runs.record import schema, to_row
from vprog.tools.toolboxes import load_toolbox

if TYPE_CHECKING:
    import pyarrow as pa


def to_block(written: Sequence[Written]) -> pa.Table:
    """Examples by id with their programs, as they travel to an actor."""
    import pyarrow as pa

    programs = [
        json.dumps([[p.text, p.language, p.logprob] for p in one.programs]) for one in written
    ]
    return pa.table({"example_id": [w.example.id for w in written], "programs": programs})


def from_answer(answer: pa.Table) -> list[tuple[pa.Table, Counts]]:
    """Traces and counts of what came back.

    Raises:
        InputError: The fault that an actor met.
    """
    import pyarrow as pa

    found = []
    for row in answer.to_pylist():
        if row["fault"]:
            raise InputError(row["fault"])
        table = pa.ipc.open_stream(row["traces"]).read_all()
        found.append((table, Counts(**json.loads(row["counts"]))))
    return found


class Worker:
    """Runs blocks of examples; made once an actor."""

    def __init__(
        self,
        settings: RunSettings,
        folder: Path,
        memo: Path | None,
        fingerprints: Mapping[str, str],
    ) -> None:
        """Loads nothing yet: a fault must come back as a row.

        Args:
            settings: Of the run.
            folder: Working directory of the command, for relative paths.
            memo: File that keeps results of calls, where actors share a disk.
            fingerprints: Of the command's backends by tool; this worker's must be the same.
        """
        self._settings = settings
        self._folder = folder
        self._memo = memo
        self._fingerprints = dict(fingerprints)
        self._engine: Engine | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """One row for a block: traces, counts, fault."""
        import pyarrow as pa

        traces, counts, fault = b"", Counts(), ""
        try:
            table, counts = self._run(block)
            sink = pa.BufferOutputStream()
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
                stream.write_table(table)
            traces = sink.getvalue().to_pybytes()
        except VprogError as error:
            fault = str(error) or type(error).__name__
        row = {"counts": [json.dumps(asdict(counts))], "fault": [fault]}
        return pa.table({"traces": pa.array([traces], pa.large_binary()), **row})

    def _run(self, block: pa.Table) -> tuple[pa.Table, Counts]:
        import pyarrow as pa

        if self._engine is None:
            self._engine = self._prepare()
        engine = self._engine
        before = asdict(engine.counts)
        written = [
            Written(
                self._examples[row["example_id"]],
                [Program(*fields) for fields in json.loads(row["programs"])],
            )
            for row in block.to_pylist()
        ]
        rows: list[dict[str, Any]] = []
        for records in run_written(self._settings, engine, self._benchmark, Known(written)):
            rows += map(to_row, records)
        counts = {name: value - before[name] for name, value in asdict(engine.counts).items()}
        return pa.Table.from_pylist(rows, schema=schema()), Counts(**counts)

    def _prepare(self) -> Engine:
        """The engine, with the benchmark's examples by id.

        Raises:
            InputError: Data or models are missing here, or are not those of the command.
        """
        settings = self._settings
        if self._folder.is_dir():
            os.chdir(self._folder)
        self._benchmark = load_benchmark(settings.benchmark)
        toolbox = load_toolbox(settings.toolbox).with_tools(self._benchmark.tools)
        for tool, backend in toolbox.backends.items():
            wanted = self._fingerprints.get(tool)
            if backend.fingerprint != wanted:
                raise InputError(
                    f"a worker has another {tool!r} ({backend.fingerprint}) than the command "
                    f"({wanted}); give all machines the same models and settings"
                )
        examples = select_examples(
            settings.benchmark,
            settings.data,
            settings.split,
            settings.limit,
            settings.seed,
            settings.ids,
            settings.types,
        )
        self._examples = {example.id: example for example in examples}
        return Engine(toolbox, settings.engine, self._memo)
