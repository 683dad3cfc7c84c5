"""A distilled student as an ordinary Hugging Face checkpoint, and what its training came to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.distill.prompt import asking
from vprog.distill.settings import PromptSettings
from vprog.distill.sft_settings import SftSettings
from vprog.distill.wording import words
from vprog.tools.backends.hf.adapters import SETTINGS_FILE
from vprog.tools.backends.hf.runtime import quiet
from vprog.training.folder import Folder
from vprog.training.save import save_model


@dataclass(frozen=True, kw_only=True)
class Distilled:
    """What tuning a student came to.

    Attributes:
        student: As it was called.
        folder: Of the checkpoint: what ``vprog run --model`` takes and transformers loads.
        method: ``lora`` or ``full``; either way the checkpoint is whole.
        steps: Of the optimizer.
        best_step: The step whose weights were saved; 0 is the student as it was.
        score: Of the validation at that step (accuracy, or minus the loss); None without one.
        before: Of the validation before the first step.
        trained: How many numbers learned.
        rows: Examples, records by kind, and validation records.
        seconds: Of wall time, over all processes that it took to the end.
        distributed: Accelerate's kind of distribution that was engaged.
        processes: How many.
    """

    student: str
    folder: str
    method: str
    steps: int
    best_step: int
    score: float | None
    before: float | None
    trained: int
    rows: Mapping[str, int]
    seconds: float
    distributed: str
    processes: int

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return dataclasses.asdict(self)


def read_outcome(folder: Folder) -> Distilled | None:
    """What a training came to; None where it is not done."""
    said = folder.said()
    return None if said is None else Distilled(**{**said, "folder": str(folder.path)})


def save_student(
    learner: Any,
    backend: Any,
    prompts: PromptSettings,
    grid: int | None,
    longest: Mapping[str, int],
    settings: SftSettings,
    distilled: Distilled,
) -> None:
    """Writes the checkpoint: model, processor and tokenizer, ``vprog.json`` and a model card.

    Args:
        learner: The model with the weights to save; LoRA is merged into it.
        backend: That the student was opened with.
        prompts: What it was trained on, and is to be asked.
        grid: Places a side of the boxes in what it was trained on; None leaves what it said before.
        longest: Tokens of the longest target, by kind.
        settings: Of the training, for the card.
        distilled: What it came to, for the card.
    """
    folder = Path(distilled.folder)
    if settings.method == "lora":
        with quiet():
            learner = learner.merge_and_unload()
    save_model(learner, backend.source.folder, folder)
    said: dict[str, Any] = dataclasses.asdict(prompts)
    for kind, name in (("answer", "max_new_tokens"), ("rationale", "rationale_tokens")):
        if longest.get(kind):
            said[name] = room(longest[kind])
    before = backend.source.folder / SETTINGS_FILE
    held = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else {}
    # As the tool vqa it is asked the same, but for the form of the question.
    asked = asking("{}", "answer", dataclasses.replace(prompts, plain=False))
    if prompts.plain:
        asked = f"{{}} {words(prompts.answer_instruction)}"
    held |= {"answer": said, "settings": {"prompt": asked}}
    if grid is not None:
        held["grid"] = grid
    text = json.dumps(held, indent=2, sort_keys=True) + "\n"
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
    card = model_card(backend.source.name, prompts, settings, distilled)
    (folder / "README.md").write_text(card, encoding="utf-8")


def room(longest: int) -> int:
    """Tokens that a student may write whose longest target has so many."""
    return min(4096, longest + longest // 4 + 4)


def model_card(
    base: str, prompts: PromptSettings, settings: SftSettings, distilled: Distilled
) -> str:
    """The model card, in the form that Hugging Face's hub reads."""
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in distilled.rows.items())
    score = "none" if distilled.score is None else f"{distilled.score:.4f}"
    before = "" if distilled.before is None else f" ({distilled.before:.4f} before)"
    return f"""---
library_name: transformers
pipeline_tag: image-text-to-text
tags:
- visual-question-answering
- visual-program-distillation
---

# A student of visual programs

`{base}`, tuned with vprog on answers and on rationales of verified visual programs (VPD, Hu et
al., CVPR 2024).

| | |
|---|---|
{rows}
| method | {settings.method}{f", rank {settings.rank}" if settings.method == "lora" else ""} |
| steps | {settings.steps:,} of {settings.batch_size} examples, the best at {
        distilled.best_step:,} |
| weights of answers and rationales | {settings.answer_weight:g} : {settings.rationale_weight:g} |
| learning rate | {settings.peak:g} at its peak |
| seed | {settings.seed} |
| validation ({settings.choose}) | {score}{before} |

It is an ordinary checkpoint: `AutoProcessor` and `AutoModelForImageTextToText` load it. A user's
turn is the image, then the question and one of these instructions{
        ", all in lower case with blanks around punctuation"
        if prompts.plain
        else " on a line of its own"
    }:

    {prompts.answer_instruction}
    {prompts.rationale_instruction}

Boxes in rationales are `[x1 y1 x2 y2]`, whole numbers of a grid over the picture, y downward.
"""
