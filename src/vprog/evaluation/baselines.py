"""What stands beside every score: the majority answer and the bare ``vqa`` tool."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.metric import Ratio, mean
from vprog.errors import InputError
from vprog.evaluation.figures import describe
from vprog.runs.folder import is_run, read_settings, read_traces
from vprog.runs.record import Record
from vprog.tools.toolboxes import NAMES, TAUGHT
from vprog.trace import Trace


def majority(benchmark: Benchmark, answers: Answers, accuracy: Ratio) -> dict[str, Any]:
    """The most frequent label, given as the answer to every example.

    Args:
        benchmark: How answers are judged.
        answers: Of the run.
        accuracy: Of the run; examples that do not count there do not count here.

    Returns:
        ``{answer, value}``.
    """
    counted = [
        a.example for a, bottom in zip(answers.items, accuracy.bottoms, strict=True) if bottom
    ]
    labels = Counter(benchmark.normalise(e.answers[0]) for e in counted)
    answer, _ = labels.most_common(1)[0]
    worth = sum(
        benchmark.verify(Trace(e.id, 0, "steps", "", answer=answer), e).credit for e in counted
    )
    return {"answer": answer, "value": round(worth / len(counted), 6)}


def bare_vqa(
    path: Path,
    settings: Mapping[str, Any],
    benchmark: Benchmark,
    records: Mapping[str, Record],
    given: Sequence[Path],
) -> dict[str, Any] | None:
    """The run of the writer ``vqa`` that belongs beside a run.

    It has the same benchmark, split and ``vqa`` backend and holds examples of the run, with the
    same questions and labels. It is looked for among the runs given, then among the folders beside
    the run.

    Args:
        path: The run.
        settings: Its settings.
        benchmark: Its benchmark.
        records: Its records that count in the accuracy, by example id.
        given: Runs that the user named.

    Returns:
        ``{run, value, ci95, n, interval}`` over the run's own examples; ``{value: null, missing}``
        where there is none; None where the run itself is one.
    """
    if settings["writer"] == "vqa":
        return None
    if benchmark.regions:
        return {"value": None, "missing": "answers are regions, and vqa answers in words"}
    backend = _vqa(settings)
    if backend is None:
        return {"value": None, "missing": "the toolbox binds no vqa tool"}
    for other in _candidates(path, settings, backend, given):
        credits = _credits(other, records)
        if credits:
            own = {id: r.group or next(iter(r.pictures), id) for id, r in records.items()}
            figure = describe(mean(credits.values()), [own[id] for id in credits])
            return {"run": str(other), **figure}
    folder = path.resolve()
    none = f"no run of the bare vqa tool in {folder.parent}"
    toolbox = settings["toolbox"]
    if toolbox not in (*NAMES, *TAUGHT) and not Path(toolbox).is_file():
        return {"value": None, "missing": f"{none}; make one from Python, where the toolbox is"}
    said = ["vprog", "run", settings["benchmark"], "--data", settings["data"]]
    said += ["--split", settings["split"], "--writer", "vqa", "--toolbox", toolbox]
    if settings.get("limit"):
        said += ["--limit", settings["limit"], "--seed", settings["seed"]]
    command = shlex.join(map(str, [*said, "--out", f"{folder}-vqa"]))
    return {"value": None, "missing": f"{none}; make one: {command}"}


def _candidates(
    path: Path, settings: Mapping[str, Any], backend: str, given: Sequence[Path]
) -> Iterable[Path]:
    own = path.resolve()
    try:
        beside = sorted(own.parent.iterdir())
    except OSError:
        beside = []
    for other in (*given, *beside):
        try:
            if other.resolve() == own or not is_run(other):
                continue
            found = read_settings(other)
        except (OSError, InputError):  # somebody else's folder is no reason not to score this one
            continue
        same = all(found.get(key) == settings[key] for key in ("benchmark", "split"))
        if same and found.get("writer") == "vqa" and _vqa(found) == backend:
            yield other


def _credits(other: Path, records: Mapping[str, Record]) -> dict[str, float]:
    """What the answers of a run are worth, over these examples.

    None where it is damaged or of other data, whose ids may be the same.
    """
    credits = {}
    try:
        for record in read_traces(other):
            own = records.get(record.trace.example_id)
            if not record.chosen or own is None:
                continue
            if not record.is_of(own):
                return {}
            credits[record.trace.example_id] = record.verdict.credit
    except InputError:
        return {}
    return credits


def _vqa(settings: Mapping[str, Any]) -> str | None:
    backend: str | None = settings.get("fingerprints", {}).get("vqa")
    return backend
