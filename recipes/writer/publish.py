"""A writer as an ordinary Hugging Face folder: fp16 safetensors, tokenizer, chat template."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from training import ROOT
from transformers import PreTrainedTokenizerFast

from vprog.training.scratch import Trainer

CHECKPOINTS = ROOT / "src" / "vprog" / "zoo" / "checkpoints"
MAX_TOKENS = 256
"""Most tokens of a program."""


def save(trainer: Trainer, tokenizer: PreTrainedTokenizerFast, out: Path | None) -> Path:
    """Writes the averaged weights in half precision with everything that loading needs.

    ``config.json`` says float32, so that loading widens them: half precision is for the disk.

    Args:
        trainer: After training.
        tokenizer: With its chat template.
        out: Folder; the zoo's own if None.
    """
    folder = out or CHECKPOINTS / trainer.plan.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(trainer.average).half()
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    own = json.dumps({"settings": {"prompt": "bare", "max_tokens": MAX_TOKENS}}, indent=2)
    (folder / "vprog.json").write_text(own + "\n", encoding="utf-8")
    log = (trainer.plan.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    curve = "\n".join(line for line in log if '"val"' in line)
    (folder / "curve.jsonl").write_text(curve + "\n", encoding="utf-8")
    print(f"saved {folder}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.2f} MB")
    return folder
