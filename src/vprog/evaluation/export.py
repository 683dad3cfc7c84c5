"""A run as a table for other programs, and as the file that a benchmark's server takes."""

from __future__ import annotations

import csv
import importlib
import json
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError, known_names
from vprog.evaluation.figures import make_answers
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record, to_row

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa

Format = Literal["parquet", "csv", "datasets", "submission"]
FORMATS: tuple[str, ...] = get_args(Format)

_CHUNK = 1000
"""Rows that are in memory at once where a file is written row by row."""


def columns() -> pa.Schema:
    """The columns of an exported run: one row for each candidate of each question.

    ``id``, ``question``, ``answers`` (the accepted ones) and ``types`` (JSON) are the question's;
    ``candidate`` (0 is the writer's first), ``chosen`` (whether its answer is the run's), ``count``
    (written programs that it stands for), ``language``, ``program``, ``logprob``, ``original`` and
    ``complaint`` (before a repair) the program's; ``answer`` (in normal form), ``verdict``,
    ``credit``, ``error_kind``, ``error`` and ``steps`` (JSON, as in a run's traces) say what became
    of it.
    """
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("id", text),
            ("question", text),
            ("answers", pa.list_(text)),
            ("types", text),
            ("candidate", pa.int32()),
            ("chosen", pa.bool_()),
            ("count", pa.int32()),
            ("language", text),
            ("program", text),
            ("logprob", pa.float64()),
            ("original", text),
            ("complaint", text),
            ("answer", text),
            ("verdict", text),
            ("credit", pa.float64()),
            ("error_kind", text),
            ("error", text),
            ("steps", text),
        ]
    )


def _row(record: Record) -> dict[str, Any]:
    row = to_row(record)
    failure = row["failure"] or {"kind": None, "message": None}
    steps = [
        {**step, **{key: json.loads(step[key]) for key in ("args", "value", "info")}}
        for step in row["steps"]
    ]
    kept = ("question", "answers", "candidate", "chosen", "count", "language", "program")
    return {
        **{key: row[key] for key in (*kept, "logprob", "original", "complaint", "credit")},
        "id": row["example_id"],
        "types": json.dumps(dict(row["types"])),
        "answer": row["answer_text"],
        "verdict": row["judgement"],
        "error_kind": failure["kind"],
        "error": failure["message"],
        "steps": json.dumps(steps),
    }


def _tables(run: Path) -> Iterator[pa.Table]:
    """The rows of a run in tables of at most ``_CHUNK`` rows; at least one table."""
    import pyarrow as pa

    rows = map(_row, read_traces(run))
    chunk = list(islice(rows, _CHUNK))
    yield pa.Table.from_pylist(chunk, schema=columns())
    while chunk := list(islice(rows, _CHUNK)):
        yield pa.Table.from_pylist(chunk, schema=columns())


def to_pandas(run: Path) -> pandas.DataFrame:
    """A run as a data frame; see ``columns``.

    Raises:
        InputError: No run, damaged, or pandas is not installed.
    """
    import pyarrow as pa

    _need("pandas")
    return pa.concat_tables(_tables(run)).to_pandas()


def default_name(run: Path, to: str) -> str:
    """What an export is usually called.

    Raises:
        InputError: No run, or an unknown form.
    """
    if to == "submission":
        return load_benchmark(read_settings(run)["benchmark"]).submission_file
    if to not in FORMATS:
        raise InputError(f"unknown form {to!r}. {known_names(to, FORMATS)}")
    return "dataset" if to == "datasets" else f"export.{to}"


def export_run(run: Path, to: str, out: Path) -> Path:
    """Writes a run in another form; what is there already is replaced once all is written.

    Args:
        run: Folder of the run.
        to: ``parquet`` or ``csv`` (a file), ``datasets`` (a folder for ``load_from_disk``), or
            ``submission``: answers of a finished run as the benchmark's own server takes them.
        out: Where to.

    Returns:
        ``out``.

    Raises:
        InputError: No run, damaged or unfinished, an unknown form, one that the benchmark does not
            have, a missing package, or ``out`` cannot be written.
    """
    default_name(run, to)
    settings = read_settings(run)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            if to == "parquet":
                _write_parquet(run, beside)
            elif to == "csv":
                _write_csv(run, beside)
            elif to == "datasets":
                _write_datasets(run, beside)
            else:
                beside.write_text(_submission(run, settings), "utf-8")
            if out.is_dir() and to == "datasets":
                _remove_datasets(out)
            elif out.is_file() and _outline(out, to) != _outline(beside, to):
                raise InputError(
                    f"{out} is a file that holds something else than such an export; choose "
                    "another --out"
                )
            os.replace(beside, out)
        finally:
            if beside.is_dir():
                shutil.rmtree(beside)
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    return out


def _write_parquet(run: Path, out: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, columns(), compression="zstd") as writer:
        for table in _tables(run):
            writer.write_table(table)


def _write_csv(run: Path, out: Path) -> None:
    """Lists become JSON; what is not there is empty."""
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns().names, lineterminator="\n")
        writer.writeheader()
        for record in read_traces(run):
            row = _row(record)
            writer.writerow({**row, "answers": json.dumps(row["answers"], ensure_ascii=False)})


def _write_datasets(run: Path, out: Path) -> None:
    import pyarrow as pa

    datasets = _need("datasets")
    datasets.utils.logging.disable_progress_bar()
    table = datasets.table.InMemoryTable(pa.concat_tables(_tables(run)))
    datasets.Dataset(table).save_to_disk(str(out))


def _outline(file: Path, to: str) -> Any:
    """What exports of one form have in common: names of columns, or keys of the first row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if to == "parquet":
            return pq.read_schema(file).names
        text = file.read_text("utf-8")
        if to == "csv":
            return text.partition("\n")[0]
        line = text.partition("\n")[0]
        if line.startswith("{") and line.rstrip().endswith("}"):  # one row a line
            return sorted(json.loads(line))
        if not line.startswith(("[", "{")):
            return line.count(",")
        said = json.loads(text)
    except (OSError, ValueError, pa.ArrowException):
        return None
    rows = said if isinstance(said, list) else []
    return [sorted(row) if isinstance(row, dict) else None for row in rows[:1]]


def _remove_datasets(folder: Path) -> None:
    """Only what an earlier export has written is removed."""
    if any(folder.iterdir()) and not (folder / "dataset_info.json").is_file():
        raise InputError(f"{folder} is a folder that holds other things; choose another --out")
    shutil.rmtree(folder)


def _submission(run: Path, settings: dict[str, Any]) -> str:
    benchmark = load_benchmark(settings["benchmark"])
    if benchmark.submission is None:
        raise InputError(
            f"{benchmark.name} has no server and no file of its own for answers; export it --to "
            "parquet, csv or datasets"
        )
    chosen = [record for record in read_traces(run) if record.chosen]
    if len(chosen) < settings["n"]:
        raise InputError(
            f"{run} is not finished: {len(chosen)} of {settings['n']} answers; start its command "
            "again"
        )
    chosen.sort(key=lambda record: record.trace.example_id)
    return benchmark.submission(make_answers(settings, chosen).items)


def _need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise InputError(
            f'{package} is not installed; pip install "vprog[datasets]" brings it'
        ) from None
