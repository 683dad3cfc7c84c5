"""Measures tools that were taught SHAPES and NLVR and writes ``docs/results/teach.json``.

``python bench/teach.py --data ../shared/data`` runs gold programs (NLVR: hand-written ones) in both
languages over five toolboxes: the bare ``vqa`` tool, the zoo untaught, the teacher itself in place
of the tools that it teaches, the taught tools, and tools that make no mistake (SHAPES: picture
processing; NLVR: gold scenes). F1 of detect is read on the same pictures. Teachers are files that
``recipes/teach`` left in ``runs``. Runs are left in ``runs/teach-results`` and taken up again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from results import LANGUAGES, vprog
from vprog.benchmarks import load_benchmark
from vprog.engine import Engine, Task
from vprog.evaluation.run import commit
from vprog.evaluation.statistics import wilson
from vprog.evaluation.zoo.metrics import f1, f1_interval, found
from vprog.example import Picture
from vprog.program.program import Program
from vprog.teach.teachers.labels import LabelledPicture, label_pictures
from vprog.teach.teachers.load import load_teacher
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Call, Result
from vprog.verify import verify

TARGETS: Mapping[str, Mapping[str, Any]] = {
    "shapes": {
        "split": "val",
        "upper": "pixels",
        "labels": "pixels",
        "phrases": (
            *("red", "green", "blue", "circle", "square", "triangle"),
            *("red circle", "green square", "blue triangle"),
        ),
    },
    "nlvr": {
        "split": "dev",
        "upper": "oracle",
        "labels": "scenes",
        "phrases": (
            *("object", "item", "block", "circle", "square", "triangle"),
            *(f"{c} {n}" for c in ("yellow", "black", "blue") for n in ("object", "block")),
            *(f"{c} {n}" for c in ("yellow", "black", "blue") for n in ("circle", "triangle")),
        ),
    },
}
KEY = ("task", "role", "row", "language", "variant")
KEY_OF_STEPS = ("task", "tool", "row", "variant")


def write_records(
    file: Path, records: Iterable[Mapping[str, Any]], section: str = "records"
) -> None:
    """Puts records into a results file in place of those of the same task, row, language and so on.

    Args:
        file: ``{"records": [...], "steps": [...]}``; made if it is not there.
        records: Accuracies of programs (``records``), or step metrics of a tool (``steps``).
        section: Which of the two.
    """
    key = KEY if section == "records" else KEY_OF_STEPS
    all_of = json.loads(file.read_text("utf-8")) if file.exists() else {}
    kept = {tuple(str(one.get(k)) for k in key): one for one in all_of.get(section, ())}
    kept |= {tuple(str(one.get(k)) for k in key): dict(one) for one in records}
    all_of[section] = [kept[name] for name in sorted(kept)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(all_of, indent=1) + "\n", "utf-8")


def accuracies(
    task: str, data: Path, folder: Path, teacher: Path, wanted: Collection[str]
) -> list[dict[str, Any]]:
    """One record a row and language, of the rows that are wanted."""
    target = TARGETS[task]
    rows = [("taught", f"zoo:{task}", "gold"), ("untaught", "zoo", "gold")]
    rows += [("upper", target["upper"], "gold"), ("vqa", "zoo", "vqa")]
    records = []
    for row, toolbox, writer in rows:
        if row not in wanted:
            continue
        for language in LANGUAGES if writer == "gold" else LANGUAGES[:1]:
            out = folder / f"{task}-{row}-{language}"
            args = ["run", task, "--data", str(data), "--split", target["split"]]
            args += ["--writer", writer, "--toolbox", toolbox, "--language", language]
            known = folder / f"{task}-{row}-{LANGUAGES[0]}" / "memo.sqlite"
            if known.exists() and not out.exists():  # both languages ask the same tools
                out.mkdir(parents=True)
                shutil.copyfile(known, out / "memo.sqlite")
            vprog(*args, "--out", str(out))
            figures = vprog("score", str(out))
            accuracy = figures["metrics"]["accuracy"]
            one = {
                "task": task,
                "role": "target",
                "split": target["split"],
                "language": language,
                "row": row,
                "toolbox": toolbox,
                "accuracy": accuracy["value"],
                "ci95": accuracy["ci95"],
                "n": figures["n"],
                "seeds": [0],
                "ids_sha256": figures["ids_sha256"],
                "command": "vprog " + " ".join(args),
                "commit": figures["commit"],
            }
            records.append(one)
            show(one)
            if row == "untaught":
                most = figures["majority"]["value"]
                low, high = wilson(most * figures["n"], figures["n"])
                records.append(
                    one | {"row": "majority", "accuracy": most, "ci95": [low, high], "toolbox": ""}
                )
    if "replaced" in wanted:
        records += replaced(task, data, teacher)
    return records


def replaced(task: str, data: Path, file: Path) -> list[dict[str, Any]]:
    """The rows of the teacher in place of the tools that it teaches."""
    target = TARGETS[task]
    benchmark = load_benchmark(task)
    teacher = load_teacher(f"small:{file}")
    toolbox = teacher.in_place_of(load_toolbox("zoo")).with_tools(benchmark.tools)
    records = []
    for language in LANGUAGES:
        examples = {e.id: e for e in benchmark.load(data, target["split"])}
        tasks = [
            Task(e, Program(e.programs[language], language))
            for e in examples.values()
            if language in e.programs
        ]
        with Engine(toolbox) as engine:
            traces = engine.run(tasks)
            right = sum(verify(trace, examples[trace.example_id]).credit for trace in traces)
        one = {
            "task": task,
            "role": "target",
            "split": target["split"],
            "language": language,
            "row": "replaced",
            "toolbox": "the teacher, then zoo",
            "accuracy": round(right / len(tasks), 6),
            "ci95": [round(end, 6) for end in wilson(right, len(tasks))],
            "n": len(tasks),
            "seeds": [seed_of(file)],
            "command": command(),
            "commit": commit(),
        }
        records.append(one)
        show(one)
    return records


def step_metrics(task: str, data: Path, most: int, teacher: Path) -> list[dict[str, Any]]:
    """F1 of detect at IoU 0.5, for the untaught and the taught student and the teacher."""
    target = TARGETS[task]
    labelled = label_pictures(task, data, [target["split"]], target["labels"])
    step = max(1, len(labelled) // most)
    pictures = labelled[::step]
    records = []
    for row, name in (("untaught", "zoo"), ("taught", f"zoo:{task}"), ("replaced", "")):
        backends = (
            load_toolbox(name).backends if name else load_teacher(f"small:{teacher}").backends
        )
        tallies = [
            f1_counts(backends["detect"], some, target["phrases"])
            for some in (pictures[n : n + 64] for n in range(0, len(pictures), 64))
        ]
        by_picture = [one for some in tallies for one in some]
        one = {
            "task": task,
            "tool": "detect",
            "metric": "F1 at IoU 0.5",
            "split": target["split"],
            "row": row,
            "value": round(f1(tally for one in by_picture for tally in one), 6),
            "ci95": [round(end, 6) for end in f1_interval(by_picture, 0)],
            "n": len(pictures),
            "every": step,
            "phrases": list(target["phrases"]),
            "seeds": [seed_of(teacher) if row == "replaced" else 0],
            "command": command(),
            "commit": commit(),
        }
        records.append(one)
        show(one)
    return records


def seed_of(teacher: Path) -> int:
    """Of the training of a small network, which its file is named after."""
    return int(teacher.stem.rpartition("-")[2])


def f1_counts(
    backend: Any, pictures: list[LabelledPicture], phrases: Iterable[str]
) -> list[list[tuple[int, int, int]]]:
    """The tallies of every phrase in every picture."""
    asked = [(picture, phrase) for picture, _ in pictures for phrase in phrases]
    calls = [Call("detect", {"image": p.region, "phrase": phrase}) for p, phrase in asked]
    shown: dict[str, Picture] = {picture.id: picture for picture, _ in pictures}
    answers = iter(backend.answer(calls, shown))
    by_picture = []
    for _, boxes in pictures:
        own = []
        for phrase in phrases:
            answer = next(answers)
            said = {w for w in phrase.split() if w not in ("object", "item")}
            gold = [b.box_xyxy for b in boxes if b.words >= said]
            value = answer.value if isinstance(answer, Result) else []
            own.append(found([b.box_xyxy for b in value], gold))
        by_picture.append(own)
    return by_picture


def command() -> str:
    """This one."""
    return "python bench/teach.py " + " ".join(sys.argv[1:])


def show(record: Mapping[str, Any]) -> None:
    """One line."""
    names = ("task", "row", "language", "n", "accuracy", "value", "ci95")
    print(json.dumps({k: record[k] for k in names if k in record}), flush=True)


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(TARGETS))
    rows = ("taught", "untaught", "upper", "vqa", "replaced")
    parser.add_argument("--rows", nargs="*", choices=rows, default=rows)
    parser.add_argument("--seed", type=int, default=0, help="of the teacher's training")
    parser.add_argument("--most", type=int, default=500, help="pictures for F1, evenly spread")
    parser.add_argument("--out", type=Path, default=Path("docs/results/teach.json"))
    parser.add_argument("--folder", type=Path, default=Path("runs/teach-results"))
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    for task in given.only:
        teacher = Path(f"runs/teach-{task}/small-{given.seed}.safetensors")
        data = given.data / task
        write_records(given.out, accuracies(task, data, given.folder, teacher, given.rows))
        if given.most:
            steps = step_metrics(task, data, given.most, teacher)
            write_records(given.out, steps, "steps")


if __name__ == "__main__":
    main()
