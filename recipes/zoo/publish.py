"""Checkpoints as ordinary Hugging Face folders: fp16 safetensors, tokenizer, processor, card."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from pictures import ROOT
from torch import nn

from vprog.training.scratch import Trainer

CHECKPOINTS = ROOT / "src" / "vprog" / "zoo" / "checkpoints"
HALF = [0.5, 0.5, 0.5]
BILINEAR = 2


def detector() -> nn.Module:
    """The zoo's detector in fp32; the other recipes start from it.

    Raises:
        SystemExit: It is not trained yet.
    """
    from transformers import OwlViTForObjectDetection

    folder = CHECKPOINTS / "detect"
    if not (folder / "model.safetensors").exists():
        raise SystemExit(f"{folder} holds no weights: run recipes/zoo/detect.py first")
    return OwlViTForObjectDetection.from_pretrained(folder, dtype=torch.float32).eval()


def save(
    trainer: Trainer, processor: Any, settings: dict[str, Any], out: Path | None
) -> Path:  # fmt: skip
    """Writes the averaged weights in half precision with everything that loading needs.

    ``config.json`` says float32, so that loading widens them: half precision is for the disk.

    Args:
        trainer: After training.
        processor: With image processor and tokenizer.
        settings: What vprog's backend should know (threshold, calibration, ...).
        out: Folder; the zoo's own if None.
    """
    folder = out or CHECKPOINTS / trainer.plan.folder.name
    folder.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(trainer.average).half()
    model.set_attn_implementation("sdpa" if model.config.model_type != "vilt" else "eager")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["dtype"] = "float32"
    for part in ("text_config", "vision_config"):
        if part in config:
            config[part]["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    own = json.dumps({"settings": settings}, indent=2)
    (folder / "vprog.json").write_text(own + "\n", encoding="utf-8")
    curve(trainer.plan.folder / "log.jsonl", folder / "curve.jsonl")
    print(f"saved {folder}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.2f} MB")
    return folder


def curve(log: Path, out: Path) -> None:
    """The validation lines of a log."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if '"val"' in line]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def save_detect(trainer: Trainer, tokenizer: Any, out: Path | None) -> None:
    """OWL-ViT's folder."""
    from transformers import OwlViTImageProcessorPil, OwlViTProcessor

    images = OwlViTImageProcessorPil(
        size={"height": 96, "width": 96}, resample=BILINEAR, do_center_crop=False,
        image_mean=HALF, image_std=HALF,
    )  # fmt: skip
    settings = {"threshold": 0.28, "nms_iou": 0.4, "prompt": "{}", "view": "crop"}
    save(trainer, OwlViTProcessor(images, tokenizer), settings, out)


def save_vqa(trainer: Trainer, tokenizer: Any, out: Path | None) -> None:
    """ViLT's folder; with ViT's image processor, as ViLT's own cannot take very slim crops."""
    from transformers import ViltProcessor, ViTImageProcessorPil

    side = trainer.average.config.image_size
    images = ViTImageProcessorPil(
        size={"height": side, "width": side}, resample=BILINEAR, image_mean=HALF, image_std=HALF
    )
    save(trainer, ViltProcessor(images, tokenizer), {"prompt": "{}"}, out)


def save_match(trainer: Trainer, tokenizer: Any, out: Path | None, bias: float) -> None:
    """CLIP's folder."""
    from transformers import CLIPImageProcessorPil, CLIPProcessor

    side = trainer.average.config.vision_config.image_size
    images = CLIPImageProcessorPil(
        size={"height": side, "width": side}, resample=BILINEAR, do_center_crop=False,
        image_mean=HALF, image_std=HALF,
    )  # fmt: skip
    settings = {"prompt": "{}", "calibration": "sigmoid", "bias": bias}
    save(trainer, CLIPProcessor(images, tokenizer), settings, out)
