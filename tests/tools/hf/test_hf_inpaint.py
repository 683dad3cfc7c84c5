"""inpaint: a tiny pipeline of diffusers paints inside the boxes and nowhere else."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tiny import TEXT, tokenizer

from vprog.engine import Engine, Task
from vprog.errors import InputError, ToolError
from vprog.example import Example, Picture
from vprog.program import Program
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.backends.hf.runtime import quiet
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Call

BOXES = "B=LOC(image=IMAGE,object='LEFT')\n"


@pytest.fixture(scope="module")
def pipeline(one_thread, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Stable Diffusion pipeline for inpainting with random weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diffusers = pytest.importorskip("diffusers", reason="needs diffusers")
        import torch
        from transformers import CLIPTextConfig, CLIPTextModel

        torch.manual_seed(0)
        words = tokenizer()
        words.model_max_length = 16
        text = CLIPTextConfig(
            **TEXT,
            intermediate_size=32,
            vocab_size=len(words),
            max_position_embeddings=16,
            eos_token_id=words.eos_token_id,
        )
        small = {"block_out_channels": (8, 16), "norm_num_groups": 4}
        unet = diffusers.UNet2DConditionModel(
            **small,
            layers_per_block=1,
            sample_size=8,
            in_channels=9,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=4,
        )
        vae = diffusers.AutoencoderKL(
            **small,
            down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2,
            latent_channels=4,
        )
        folder = tmp_path_factory.mktemp("inpaint")
        with quiet():
            diffusers.StableDiffusionInpaintPipeline(
                vae=vae,
                text_encoder=CLIPTextModel(text),
                tokenizer=words,
                unet=unet,
                scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            ).save_pretrained(folder)
        return folder


def test_replace_paints_the_boxes_alone(pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text(
        f'base = "oracle"\n[inpaint]\nmodel = "{pipeline}"\nsteps = 2\nside = 64\n'
        f'cache = "{tmp_path / "painted"}"\n'
    )
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    program = BOXES + (
        "P=REPLACE(image=IMAGE,object=B,prompt='red cup')\n"
        "Q=COLORPOP(image=P,object=B)\nR=RESULT(var=Q)"
    )
    examples = [
        Example(id=str(n), pictures=(Picture(f"p{n}", array_rgb=pixels),), question="?")
        for n in range(2)
    ]
    tasks = [Task(example, Program(program, "steps")) for example in examples]
    with Engine(load_toolbox(str(tmp_path / "box.toml"))) as engine:
        traces = list(engine.run(tasks))
    assert [trace.failure for trace in traces] == [None, None]
    [painted] = (tmp_path / "painted").glob("*.png")
    seen = np.asarray(Picture("painted", path=painted).load())
    changed = (seen != pixels).any(-1)
    assert changed[:, :20].mean() > 0.9
    assert not changed[:, 21:].any()


def test_a_folder_that_is_no_pipeline(pipeline: Path, checkpoint) -> None:
    settings = settings_class("inpaint", "t")(model=str(checkpoint("clip")))
    with pytest.raises(InputError, match=r"no pipeline of diffusers: it has no model_index.json"):
        open_backend("inpaint", settings, "t: inpaint")


def test_what_a_safety_checker_blanks_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vprog.tools.backends.hf import inpaint

    monkeypatch.setattr(inpaint, "require", lambda *args, **options: None)
    (tmp_path / "model_index.json").write_text("{}")
    settings = inpaint.InpaintSettings(model=str(tmp_path), cache=str(tmp_path / "painted"))
    backend = inpaint.Inpaint(settings, "t: inpaint")

    def checked(*, width: int, height: int, **options: object) -> SimpleNamespace:
        black = Image.new("RGB", (width, height))
        return SimpleNamespace(images=[black], nsfw_content_detected=[True])

    monkeypatch.setattr(backend, "_pipeline", checked)
    picture = Picture("w", array_rgb=np.full((64, 64, 3), 200, np.uint8))
    box = picture.region._replace(left=8, top=8, right=40, bottom=40)
    call = Call("inpaint", {"image": picture.region, "boxes": [box], "prompt": "a beach"})
    with pytest.raises(ToolError, match="withheld what it painted"):
        backend.answer([call], {"w": picture})
    assert not (tmp_path / "painted").exists()
