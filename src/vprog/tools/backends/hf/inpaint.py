"""inpaint by diffusers: the boxes of a picture repainted by a prompt (VisProg's REPLACE)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import VERSION
from vprog.tools.backends.hf.runtime import (
    INSTALL,
    Models,
    choose_device,
    choose_dtype,
    quiet,
    reason,
    require,
)
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.source import check_safetensors, hash_folder, is_hub_id
from vprog.tools.backends.hf.views import Views
from vprog.trace import Call, Result

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class InpaintSettings(ModelSettings):
    """Settings of ``inpaint``.

    Attributes:
        steps: Denoising steps; 30 by default.
        guidance: How closely the prompt is followed; 7.5 by default.
        seed: Of the noise; the same call gives the same picture.
        side: The longer side that the model paints at, a multiple of 8; 512 by default.
        cache: Folder of painted pictures; ``~/.cache/vprog/inpaint`` by default.
    """

    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    side: int | None = None
    cache: str | None = None

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        if self.side is not None and (self.side % 8 or not 32 <= self.side <= 4096):
            return f"side: must be a multiple of 8 from 32 to 4096, got {self.side}"
        return (
            between("steps", self.steps, 1, 1000)
            or between("guidance", self.guidance, 0, 100)
            or super().check()
        )

    def answering(self) -> dict[str, Any]:
        """See ``ModelSettings``; where pictures are kept changes none."""
        return {k: v for k, v in super().answering().items() if k != "cache"}


class Inpaint:
    """The tool ``inpaint``: a painted picture is a PNG in the cache, its region the answer.

    The answer's ``info["painted"]`` says where the file is; REPLACE makes a picture of it.
    """

    batch_size = 8

    def __init__(
        self, settings: InpaintSettings, where: str = "model", models: Models | None = None
    ) -> None:
        """Finds the pipeline's folder; see ``HuggingFace``.

        Raises:
            InputError: diffusers or the pipeline is missing.
        """
        del models
        require(("torch", "transformers", "diffusers"))
        self.settings = settings
        self.folder, self._version = _find(settings, where)
        self._pipeline: Any = None

    @cached_property
    def device(self) -> str:
        """Where the model runs."""
        return choose_device(self.settings.device)

    @cached_property
    def dtype(self) -> str:
        """Number type of its weights."""
        return choose_dtype(self.settings.dtype, self.device, "", False)

    @cached_property
    def fingerprint(self) -> str:
        """Version of the weights, number type and settings."""
        said = " ".join(f"{k}={v!r}" for k, v in sorted(self.settings.answering().items()))
        return f"hf/{VERSION} inpaint {self._version} {self.dtype} {said}"

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``; one picture after the other, for each has its own size and noise."""
        views = Views(pictures)
        return [self._answer(call, views) for call in calls]

    def prepare(self) -> None:
        """Loads the pipeline now.

        Raises:
            InputError: It cannot be loaded.
        """
        if self._pipeline is not None:
            return
        import diffusers
        import torch

        with quiet():
            try:
                pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(
                    self.folder, torch_dtype=getattr(torch, self.dtype), local_files_only=True
                )
            except Exception as error:
                raise InputError(
                    f"cannot load {self.settings.model!r} for inpainting: {reason(error)}"
                ) from error
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline = pipeline.to(self.device)

    def _answer(self, call: Call, views: Views) -> Result:
        region, boxes, prompt = call.args["image"], call.args["boxes"], str(call.args["prompt"])
        assert isinstance(region, Region)
        assert isinstance(boxes, list)
        view = views.of(region)
        local = [
            (b[1] - view.left, b[2] - view.top, b[3] - view.left, b[4] - view.top) for b in boxes
        ]
        said = json.dumps([self.fingerprint, list(view), local, prompt])
        digest = hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
        folder = Path(self.settings.cache or "~/.cache/vprog/inpaint").expanduser()
        path = folder / f"{digest}.png"
        if not path.is_file():
            painted = self._paint(views.read(view), local, prompt)
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.tmp")
            painted.resize((view.width, view.height)).save(partial, "PNG")
            partial.replace(path)
        whole = Region(f"inpaint:{digest[:12]}", 0, 0, view.width, view.height)
        return Result(whole, {"painted": {"path": str(path), "digest": digest}})

    def _paint(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]], prompt: str
    ) -> Image:
        import torch
        from PIL import Image as Pillow
        from PIL import ImageDraw

        if not boxes:
            return image
        self.prepare()
        mask = Pillow.new("L", image.size, 0)
        pen = ImageDraw.Draw(mask)
        for box in boxes:
            pen.rectangle(box, fill=255)
        scale = (self.settings.side or 512) / max(image.size)
        width, height = (max(8, round(side * scale / 8) * 8) for side in image.size)
        with quiet():
            made = self._pipeline(
                prompt=prompt,
                image=image.resize((width, height)),
                mask_image=mask.resize((width, height)),
                width=width,
                height=height,
                num_inference_steps=self.settings.steps or 30,
                guidance_scale=7.5 if self.settings.guidance is None else self.settings.guidance,
                generator=torch.Generator("cpu").manual_seed(self.settings.seed or 0),
            )
        if any(getattr(made, "nsfw_content_detected", None) or ()):  # it is black then
            name = self.settings.model
            raise ToolError(f"the safety checker of {name!r} withheld what it painted")
        painted = made.images[0]
        # Only what the mask shows is taken, so that the rest stays as it was, pixel by pixel.
        return Pillow.composite(painted.convert("RGB").resize(image.size), image, mask)


def _find(settings: InpaintSettings, where: str) -> tuple[Path, str]:
    """The pipeline's folder and version."""
    if is_hub_id(settings.model):
        from vprog.tools.backends.hf.hub import fetch_pipeline

        folder = fetch_pipeline(settings.model, settings.revision, where)
        return folder, f"{settings.model}@{folder.name}"
    folder = Path(settings.model).expanduser()
    if not (folder / "model_index.json").is_file():
        raise InputError(
            f"{where}: {settings.model!r} is no pipeline of diffusers: it has no model_index.json. "
            f"Give a hub id or folder such as Stable Diffusion's for inpainting ({INSTALL})"
        )
    parts = sorted(p for p in folder.iterdir() if p.is_dir())
    for part in parts:
        for weights in sorted(part.glob("*.safetensors")):
            check_safetensors(weights, f"{where}: ")
    hashes = [hash_folder(part) for part in (folder, *parts)]
    return folder, hashlib.blake2b("".join(hashes).encode(), digest_size=8).hexdigest()
