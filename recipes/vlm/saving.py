"""The checkpoint as an ordinary Hugging Face folder, whole at any moment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from model import processor
from publish import CHECKPOINTS
from publish import save as save_folder

from vprog.training.scratch import Trainer


def save(trainer: Trainer, words: Any, out: Path | None) -> None:
    """Writes weights, processor, settings and curve beside, and moves them into place."""
    trainer.average.generation_config.update(
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id,
    )  # fmt: skip
    folder = out or CHECKPOINTS / "vlm"
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    log = trainer.plan.folder / "log.jsonl"
    if not log.exists():
        log.write_text("", encoding="utf-8")
    save_folder(trainer, processor(words), {"prompt": "{}"}, new)
    (new / "vprog.json").write_text(
        json.dumps({"settings": {"prompt": "{}"}, "answer": {"plain": True}, "grid": 32}, indent=2)
        + "\n",
        encoding="utf-8",
    )
    card = folder / "README.md"
    if card.exists():
        shutil.copy(card, new / "README.md")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
