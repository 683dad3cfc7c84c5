"""The process-supervision data set of a run: every step of every program, with a teacher's view."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.engine.codec import to_json
from vprog.engine.memo import renamed
from vprog.errors import InputError
from vprog.example import Example, Region
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record
from vprog.teach.agreement import agree, confidence_of
from vprog.teach.arrow import picture_cell, picture_type, write_folder
from vprog.teach.label import label
from vprog.teach.steps import Argument, asked, collect_steps, example_of, load_examples
from vprog.teach.teachers.teacher import Teacher
from vprog.trace import Result, Step

if TYPE_CHECKING:
    import pyarrow as pa

Key = tuple[str, str, tuple[float, float, float, float], Argument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export came to.

    Attributes:
        out: The folder.
        rows: Programs.
        steps: Steps of all programs.
        answered: Steps that the teacher answered.
        agreed: Of these, steps in which the student says the same.
        unanswered: Calls of learnable tools that it did not answer, counted by reason.
    """

    out: Path
    rows: int
    steps: int
    answered: int
    agreed: int
    unanswered: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog export process --json`` prints beside run and teacher."""
        return {**asdict(self), "out": str(self.out)}


def schema() -> pa.Schema:
    """The columns: one row a program.

    ``question_id``, ``question``, ``label`` (accepted answers), ``image`` (a list, one entry for
    single pictures, left and right for pairs) and ``image_ids`` beside it, ``language``,
    ``program``, ``answer`` (in normal form, null where the program failed), ``verified`` (null
    without a label). A step has ``index``, ``module``, ``args`` (JSON), ``image_ref`` (id and box,
    left, top, right, bottom in pixels of the whole picture; null where no image is involved),
    ``student`` (JSON), and of learnable tools ``teacher`` (JSON), ``teacher_confidence`` and
    ``agree``, null where no teacher has answered.
    """
    import pyarrow as pa

    text = pa.string()
    step = pa.struct(
        [
            ("index", pa.int32()),
            ("module", text),
            ("tool", text),
            ("args", text),
            ("image_ref", pa.struct([("image_id", text), ("box", pa.list_(pa.float64()))])),
            ("student", text),
            ("error", text),
            ("teacher", text),
            ("teacher_confidence", pa.float64()),
            ("agree", pa.bool_()),
        ]
    )
    return pa.schema(
        [
            ("question_id", text),
            ("candidate", pa.int32()),
            ("image", pa.list_(picture_type())),
            ("image_ids", pa.list_(text)),
            ("question", text),
            ("label", pa.list_(text)),
            ("language", text),
            ("program", text),
            ("steps", pa.list_(step)),
            ("answer", text),
            ("verified", pa.bool_()),
        ]
    )


def export_process(
    run: Path,
    out: Path,
    teacher: Teacher | None = None,
    embed: bool = False,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Writes the process-supervision data set of a run as Parquet with a data card.

    A teacher's answers are kept in the run's memo: killed and started again it asks only what is
    not answered yet.

    Args:
        run: Folder of the run.
        out: Folder to write.
        teacher: Who labels the steps of learnable tools; None leaves the teacher's columns null.
        embed: Whether pictures are kept inside instead of by reference to their files.
        show: Is called with the labelled steps and all of them.

    Raises:
        InputError: No run, files that are gone, or the folder cannot be written.
    """
    answers: dict[Key, Result] = {}
    unanswered: Mapping[str, int] = {}
    names: dict[str, str] = {}
    examples = load_examples(run)
    if teacher is not None:
        steps = collect_steps([run])
        labels = label(steps, teacher, run / "memo.sqlite", show)
        unanswered = {**steps.left_out, **labels.unanswered}
        names = {id: picture.digest for id, picture in steps.pictures.items()}
        for step, answer in zip(labels.steps, labels.answers, strict=True):
            if isinstance(answer, Result):
                digest = names[step.region.picture]
                answers[step.tool, digest, step.region.box_xyxy, step.argument] = answer
    counts = {"steps": 0, "answered": 0, "agreed": 0}

    def rows() -> Iterator[dict[str, Any]]:
        for record in read_traces(run):
            if record.verdict.judgement != "skipped":
                example = example_of(record, examples, run)
                row = _row(record, example, answers, names, embed)
                counts["steps"] += len(row["steps"])
                counts["answered"] += sum(s["agree"] is not None for s in row["steps"])
                counts["agreed"] += sum(bool(s["agree"]) for s in row["steps"])
                yield row

    card = data_card(read_settings(run), teacher.name if teacher else None, embed)
    written = write_folder(out, "process", schema(), rows(), card)
    if not written:
        raise InputError(f"{run} has no finished trace; start its command again")
    return Exported(out=out, rows=written, unanswered=unanswered, **counts)


def _row(
    record: Record,
    example: Example,
    answers: Mapping[Key, Result],
    digests: Mapping[str, str],
    embed: bool,
) -> dict[str, Any]:
    trace, verdict = record.trace, record.verdict
    labelled = verdict.judgement in ("right", "wrong", "failed") and bool(record.answers)
    return {
        "question_id": trace.example_id,
        "candidate": trace.candidate,
        "image": [picture_cell(picture, embed) for picture in example.pictures],
        "image_ids": [picture.id for picture in example.pictures],
        "question": record.question,
        "label": list(record.answers),
        "language": trace.language,
        "program": trace.program,
        "steps": [_step(n, step, answers, digests) for n, step in enumerate(trace.steps)],
        "answer": verdict.answer,
        "verified": verdict.judgement == "right" if labelled else None,
    }


def _step(
    index: int, step: Step, answers: Mapping[Key, Result], digests: Mapping[str, str]
) -> dict[str, Any]:
    image = step.args.get("image")
    row: dict[str, Any] = {
        "index": index,
        "module": step.module,
        "tool": step.tool,
        "args": _json({name: to_json(value) for name, value in step.args.items()}),
        "image_ref": None,
        "student": None if step.error else _json(to_json(step.value)),
        "error": step.error or None,
        "teacher": None,
        "teacher_confidence": None,
        "agree": None,
    }
    if isinstance(image, Region):
        row["image_ref"] = {"image_id": image.picture, "box": list(image.box_xyxy)}
    answer = _answer(step, answers, digests)
    if answer is not None:
        assert step.tool is not None
        row["teacher"] = _json(to_json(answer.value))
        row["teacher_confidence"] = confidence_of(step.tool, answer)
        row["agree"] = not step.error and agree(step.tool, step.value, answer.value)
    return row


def _answer(step: Step, answers: Mapping[Key, Result], digests: Mapping[str, str]) -> Result | None:
    """The teacher's answer to a step, its boxes in the step's own picture."""
    found = asked(step)
    if found is None or step.tool is None:
        return None
    region, argument = found
    if region.picture not in digests:
        return None
    answer = answers.get((step.tool, digests[region.picture], region.box_xyxy, argument))
    if answer is None or step.tool != "detect" or not isinstance(answer.value, list):
        return answer
    theirs = {box.picture for box in answer.value if isinstance(box, Region)}
    return renamed(answer, list(theirs), [region.picture] * len(theirs))


def _json(data: Any) -> str:
    return json.dumps(data)


def data_card(settings: Mapping[str, Any], teacher: str | None, embed: bool) -> str:
    """The data card of an export, in the form that Hugging Face's hub reads."""
    told = {key: settings[key] for key in ("benchmark", "split", "writer", "toolbox", "language")}
    facts = settings.get("facts", {})
    lines = "\n".join(f"| {key} | {value} |" for key, value in told.items())
    pictures = (
        "embedded"
        if embed
        else "given by the path of their files on the machine that made this; pictures without a "
        "file are embedded"
    )
    return f"""---
configs:
- config_name: default
  data_files: "*.parquet"
task_categories:
- visual-question-answering
tags:
- visual-programs
- process-supervision
---

# Process supervision of {told["benchmark"]}, {told["split"]}

{{rows}} programs with every step that they made, written by vprog {facts.get("vprog", "")} (commit
{facts.get("commit") or "unknown"}).

| made from | |
|---|---|
{lines}
| seed | {settings["seed"]} |
| teacher | {teacher or "none: the columns of the teacher are null"} |

A row is one program: `question_id`, `candidate`, `image` (a list: one picture, or left and right)
and `image_ids`, `question`, `label` (accepted answers), `language`, `program`, `steps`, `answer`
(null where the program failed), `verified` (whether the answer is an accepted one; null without a
label).

A step: `index`, `module` (the name in the program), `tool` (null for what the engine computes
itself), `args` (JSON), `image_ref` (`image_id`, and `box` left, top, right, bottom in pixels of the
whole picture, y downward), `student` (JSON: what the tool answered), `error`, `teacher` (JSON),
`teacher_confidence` in [0, 1], and `agree`. The teacher's columns are null for tools that do not
learn and for calls that it could not answer. Agreement: boxes pair up one to one at an intersection
over union of 0.5; answers are equal in normal form; the same side of 0.5 for one option, the same
best option among several.

Pictures are {pictures}. They, the questions and the labels are under the licence of
{told["benchmark"]}.

    from datasets import load_dataset
    load_dataset("THIS FOLDER", split="train")
"""
