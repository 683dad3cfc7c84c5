"""What recipes of taught tools share: teacher, questions, student, and what goes into the zoo."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vprog import zoo
from vprog.errors import ToolError
from vprog.evaluation.zoo.metrics import Found, f1, found
from vprog.example import Picture, Region
from vprog.teach.label import ask, label, supervise
from vprog.teach.state import Taught
from vprog.teach.steps import LearnableStep, Steps, collect_steps
from vprog.teach.supervision import Supervised
from vprog.teach.teachers.labels import LabelledPicture
from vprog.teach.teachers.load import load_teacher
from vprog.teach.teachers.small import SmallSettings, train_small
from vprog.teach.teachers.teacher import Teacher
from vprog.teach.vocabulary import add_words, unknown_words
from vprog.tools.backend import Backend
from vprog.trace import Call, Result

CHECKPOINTS = Path(zoo.__file__).parent / "checkpoints"


def options(doc: str | None, out: str) -> argparse.ArgumentParser:
    """What every recipe takes."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, required=True, help="folder of the official files")
    parser.add_argument("--out", type=Path, default=Path(out), help="of teacher, steps, students")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--publish", action="store_true", help="replace the checkpoint of the zoo")
    return parser


def small_teacher(
    pictures: Callable[[], Sequence[LabelledPicture]], file: Path, settings: SmallSettings
) -> Teacher:
    """The small network of a file, trained first if it is not there."""

    def show(step: int, loss: float) -> None:
        if step % 100 == 0:
            print(json.dumps({"row": "small", "step": step, "loss": round(loss, 4)}), flush=True)

    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        train_small(pictures(), file, settings, show)
    return load_teacher(f"small:{file}")


def steps_of(runs: Sequence[Path], tool: str, teacher: Teacher) -> tuple[list[Supervised], Steps]:
    """The steps of runs of gold programs, labelled by the teacher."""
    steps = collect_steps(runs, (tool,))
    return label(steps, teacher).supervised(), steps


def mirrored(picture: Picture) -> Picture:
    """Left and right change places."""
    pixels = np.asarray(picture.load())[:, ::-1]
    return Picture(f"{picture.id}|mirrored", array_rgb=np.ascontiguousarray(pixels))


def questions(
    teacher: Teacher,
    tool: str,
    asked: Sequence[tuple[Region, Any]],
    pictures: Mapping[str, Picture],
) -> list[Supervised]:
    """Questions that programs may ask of training pictures, answered by the teacher."""
    steps = [LearnableStep(tool=tool, region=region, argument=said) for region, said in asked]
    answers = ask(teacher, [step.call for step in steps], pictures)
    return [
        supervise(step, answer)
        for step, answer in zip(steps, answers, strict=True)
        if isinstance(answer, Result)
    ]


def detections(
    backend: Backend, asked: Sequence[tuple[Region, str]], pictures: Mapping[str, Picture]
) -> list[list[Region]]:
    """The boxes of phrases in regions, in batches; none where a phrase cannot be read."""
    found_boxes: list[list[Region]] = []
    for start in range(0, len(asked), 512):
        calls = [
            Call("detect", {"image": region, "phrase": phrase})
            for region, phrase in asked[start : start + 512]
        ]
        for answer in backend.answer(calls, pictures):
            boxes = [] if isinstance(answer, ToolError) else answer.value
            assert isinstance(boxes, list)
            found_boxes.append([box for box in boxes if isinstance(box, Region)])
    return found_boxes


def f1_of(
    backend: Backend, rows: Sequence[Supervised], pictures: Mapping[str, Picture]
) -> tuple[float, list[Found]]:
    """F1 at IoU 0.5 against the boxes of rows, and the tally of each."""
    predicted = detections(backend, [(r.region, str(r.argument)) for r in rows], pictures)
    tallies = [
        found([b.box_xyxy for b in boxes], [b.box_xyxy for b in row.boxes or ()])
        for boxes, row in zip(predicted, rows, strict=True)
    ]
    return f1(tallies), tallies


def runs_of(
    benchmark: str, data: Path, splits: Sequence[str], toolbox: str, out: Path
) -> list[Path]:
    """Runs of the gold programs in both languages on training splits; kept, and not run again."""
    from vprog.evaluation.run import RunSettings, run_benchmark

    folders = []
    for split in splits:
        for language in ("steps", "python"):
            folder = out / f"{split}-{language}"
            run_benchmark(
                RunSettings(
                    benchmark=benchmark, data=data, split=split, writer="gold", toolbox=toolbox,
                    language=language,  # type: ignore[arg-type]
                ),
                folder,
            )  # fmt: skip
            folders.append(folder)
    return folders


def student(tool: str, phrases: Sequence[str], out: Path, seed: int, **defaults: Any) -> Path:
    """``zoo:TOOL`` with the words that it lacks, and with settings that it answers with."""
    source = zoo.path(tool)
    folder = out / f"{tool}-start"
    add_words(source, unknown_words(source, phrases), folder, seed)
    file = folder / "vprog.json"
    said = json.loads(file.read_text("utf-8"))
    said["settings"] |= defaults
    file.write_text(json.dumps(said) + "\n", "utf-8")
    return folder


def curve(losses: Path, every: int = 25) -> str:
    """The losses of a training, each line the mean of so many steps."""
    lines = [json.loads(line) for line in losses.read_text("utf-8").splitlines()]
    told = []
    for start in range(0, len(lines), every):
        some = lines[start : start + every]
        means = {key: round(sum(one[key] for one in some) / len(some), 4) for key in some[0]}
        told.append(json.dumps({"step": start + len(some), **means}) + "\n")
    return "".join(told)


def publish(
    name: str, taught: Taught, recipe: str, given: argparse.Namespace, **settings: Any
) -> Path:
    """Puts a taught model into the zoo: its files, settings of its own, and how it was trained."""
    folder = CHECKPOINTS / name
    source = Path(taught.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file() and file.suffix in (".json", ".safetensors"):
            shutil.copyfile(file, folder / file.name)
    (folder / "curve.jsonl").write_text(curve(source / "training" / "losses.jsonl"), "utf-8")
    own = json.loads((folder / "vprog.json").read_text("utf-8"))
    own["settings"] |= settings
    (folder / "vprog.json").write_text(json.dumps(own, indent=2) + "\n", "utf-8")
    said = {"recipe": recipe, "seed": given.seed, **dataclasses.asdict(taught)}
    for private in ("folder", "model"):
        said.pop(private)
    in_zoo = taught.student.startswith("zoo:")
    said["student"] = (
        f"{taught.student} as it was" if in_zoo else f"zoo:{taught.tool} with more words"
    )
    (folder / "taught.jsonl").write_text(json.dumps(said) + "\n", "utf-8")
    return folder
