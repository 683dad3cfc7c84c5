"""Where models come from: everything that can be wrong with it is said in one message."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vprog.errors import InputError, ToolError
from vprog.example import Picture
from vprog.tools.backends.hf import source as sources
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.backends.hf.settings import read_settings
from vprog.trace import Call, Result


def opened(tool: str, model: Any, **settings: Any) -> Any:
    return open_backend(tool, settings_class(tool, "t")(model=str(model), **settings), f"t: {tool}")


@pytest.fixture
def owl(checkpoint, tmp_path: Path) -> Path:
    """A copy of a checkpoint that a test may break."""
    return Path(shutil.copytree(checkpoint("owlvit"), tmp_path / "owl"))


def test_a_folder_that_is_not_there(one_thread, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t: detect: model '.*/gone' does not exist. Give a fold"):
        opened("detect", tmp_path / "gone")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file, not a folder"):
        opened("detect", tmp_path / "file")


def test_a_folder_without_config_or_weights(owl: Path) -> None:
    (owl / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"owl has no weights \(looked for model.safetensors"):
        opened("detect", owl)
    (owl / "config.json").unlink()
    with pytest.raises(InputError, match=r"owl is no model folder: it has no config.json"):
        opened("detect", owl)


def test_a_config_that_is_no_json(owl: Path) -> None:
    (owl / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json is no valid JSON"):
        opened("detect", owl)
    (owl / "config.json").write_text("[]")
    with pytest.raises(InputError, match=r"config.json is no JSON object"):
        opened("detect", owl)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda data: data[:-10], "bytes where"),
        (lambda data: data[:100], "it is cut, or no safetensors file"),
        (lambda data: b"", "0 bytes"),
        (lambda data: struct.pack("<Q", 20) + b"x" * 20 + data, "its header cannot be read"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (lambda data: struct.pack("<Q", 2) + b"{}", "its header cannot be read"),
    ],
)
def test_corrupt_weights(broken: Any, message: str, owl: Path) -> None:
    weights = owl / "model.safetensors"
    weights.write_bytes(broken(weights.read_bytes()))
    with pytest.raises(InputError, match=f"weight file .*model.safetensors is broken: .*{message}"):
        opened("detect", owl)


def test_a_missing_shard(owl: Path) -> None:
    (owl / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (owl / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"owl lacks model-1.safetensors; fetch"):
        opened("detect", owl)


def test_weights_of_another_class(owl: Path, pictures) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(owl / "model.safetensors")
    del weights["box_head.dense0.weight"]
    save_file(weights, owl / "model.safetensors", metadata={"format": "pt"})
    backend = opened("detect", owl)
    call = Call("detect", {"image": pictures["p0"].region, "phrase": "cup"})
    for _ in range(2):
        with pytest.raises(InputError, match=r"lacks 1 weights of .*'box_head.dense0.weight'"):
            backend.answer([call], pictures)


@pytest.mark.parametrize(
    ("name", "tool", "unused"),
    [("dpt", "depth", "fusion_stage.layers.0.residual_layer1"), ("trocr", "ocr", "encoder.pooler")],
)
def test_weights_that_no_one_uses_may_be_left_out(
    name: str, tool: str, unused: str, checkpoint, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(checkpoint(name), tmp_path / name))
    weights = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in weights.items() if unused not in key}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    opened(tool, folder).prepare()


def test_what_a_depth_model_predicts(checkpoint, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("dpt"), tmp_path / "dpt"))
    assert opened("depth", folder).choices() == {"output": "inverse"}
    config = json.loads((folder / "config.json").read_text())
    config["backbone_config"] = {"model_type": "dinov2"}  # facebook/dpt-dinov2-*-nyu and -kitti
    (folder / "config.json").write_text(json.dumps(config))
    assert opened("depth", folder).choices() == {"output": "distance"}


def test_a_model_that_does_not_fit_its_device(owl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(self: Any, device: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(InputError, match=r"owl' does not fit in the memory of cpu; use a smaller"):
        opened("detect", owl).prepare()


def test_a_prompt_may_hold_other_braces(owl: Path, pictures) -> None:
    backend = opened("detect", owl, prompt="a {} in a {room}")
    call = Call("detect", {"image": pictures["p0"].region, "phrase": "cup"})
    assert len(backend.answer([call], pictures)) == 1


@pytest.mark.parametrize(("width", "height"), [(640, 20), (16, 400), (640, 1)])
def test_thin_views_of_vilt(width: int, height: int, checkpoint, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("vilt"), tmp_path / "vilt"))
    file = folder / "processor_config.json"
    said = json.loads(file.read_text())
    said["image_processor"] |= {"size": {"shortest_edge": 384}, "size_divisor": 32}  # as on the hub
    file.write_text(json.dumps(said))
    picture = Picture("w", array_rgb=np.full((height, width, 3), 90, np.uint8))
    call = Call("vqa", {"image": picture.region, "question": "what color is it"})
    (answered,) = opened("vqa", folder).answer([call], {"w": picture})
    assert isinstance(answered, Result)


def test_a_processor_that_is_missing(owl: Path) -> None:
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer.json"):
        (owl / name).unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"cannot load the processor of model .*owl"):
        opened("detect", owl).prepare()


@pytest.mark.parametrize(
    ("tool", "name", "fitting"),
    [
        ("detect", "clip", "OwlViTForObjectDetection"),
        ("vqa", "owlvit", "ViltForQuestionAnswering"),
        ("vqa", "blip_caption", "BlipForQuestionAnswering"),
        ("match", "owlvit", "CLIPModel"),
        ("segment", "owlvit", "MaskFormerForInstanceSegmentation"),
        ("depth", "maskformer", "DepthAnythingForDepthEstimation"),
        ("caption", "blip", "vision-encoder-decoder"),
        ("ocr", "clip", "vision-encoder-decoder"),
    ],
)
def test_a_class_that_does_not_fit(tool: str, name: str, fitting: str, checkpoint) -> None:
    message = f"t: {tool}: model .* which cannot answer {tool}. Fitting classes: .*{fitting}"
    with pytest.raises(InputError, match=message):
        opened(tool, checkpoint(name))


def test_a_chat_model_without_a_template(checkpoint, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("llava"), tmp_path / "llava"))
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match=r"has no chat template; take its -Instruct"):
        opened("vqa", folder).prepare()


def test_an_adapter_alone(owl: Path) -> None:
    (owl / "config.json").rename(owl / "adapter_config.json")
    with pytest.raises(InputError, match="holds an adapter without its model; name both"):
        opened("detect", owl)


def test_a_missing_package_names_its_extra(checkpoint, monkeypatch) -> None:
    folder = checkpoint("owlvit")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(
        InputError, match=r'torch, which is not installed: pip install "vprog\[hf]"'
    ):
        opened("detect", folder)


def test_a_device_that_is_not_there(checkpoint) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(InputError, match="device 'cuda' is not available to torch"):
        opened("detect", checkpoint("owlvit"), device="cuda").prepare()


def test_a_call_of_another_tool(checkpoint, pictures) -> None:
    call = Call("vqa", {"image": pictures["p0"].region, "question": "what"})
    with pytest.raises(ToolError, match="is bound to detect, not to vqa"):
        opened("detect", checkpoint("owlvit")).answer([call], pictures)


def test_fingerprints(owl: Path, checkpoint, tmp_path: Path) -> None:
    first = opened("detect", owl).fingerprint
    copy = shutil.copytree(owl, tmp_path / "elsewhere")
    assert opened("detect", copy).fingerprint == first
    assert opened("detect", owl, batch_size=3, cache_mb=1).fingerprint == first
    assert opened("detect", owl, threshold=0.1).fingerprint == first, "0.1 is the default"
    others = {
        opened("detect", owl, threshold=0.3).fingerprint,
        opened("detect", owl, nms_iou=0.4).fingerprint,
        opened("detect", owl, prompt="{}").fingerprint,
        opened("detect", owl, view="picture").fingerprint,
        opened("detect", owl, dtype="bfloat16").fingerprint,
    }
    data = bytearray((owl / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (owl / "model.safetensors").write_bytes(bytes(data))
    others.add(opened("detect", owl).fingerprint)
    assert len(others) == 6
    assert first not in others


def test_a_checkpoint_brings_its_settings(owl: Path) -> None:
    brought = {"settings": {"prompt": "{}", "threshold": 0.25, "view": "picture"}}
    (owl / sources.DEFAULTS_FILE).write_text(json.dumps(brought))
    backend = opened("detect", owl, threshold=0.5)
    assert (backend.settings.prompt, backend.settings.threshold) == ("{}", 0.5)
    assert backend.choices()["view"] == "picture"
    (owl / sources.DEFAULTS_FILE).write_text('{"settings": {"treshold": 0.25}}')
    with pytest.raises(InputError, match=r"vprog.json.treshold: no setting"):
        opened("detect", owl)
    (owl / sources.DEFAULTS_FILE).write_text('{"settings": {"threshold": 2}}')
    with pytest.raises(InputError, match=r"vprog.json.threshold: must be 0 to 1, got 2"):
        opened("detect", owl)


@pytest.mark.parametrize(
    ("tool", "table", "message"),
    [
        ("detect", {}, "w: no model"),
        ("detect", {"model": " "}, "w.model: is empty"),
        ("detect", {"model": 3}, "w.model: must be a text, got 3"),
        ("detect", {"model": "a", "treshold": 1}, "w.treshold: unknown .* mean 'threshold'"),
        ("detect", {"model": "a", "threshold": "x"}, "w.threshold: must be a number, got 'x'"),
        ("detect", {"model": "a", "threshold": True}, "w.threshold: must be a number, got True"),
        ("detect", {"model": "a", "nms_iou": 1.5}, "w.nms_iou: must be 0 to 1, got 1.5"),
        ("detect", {"model": "a", "prompt": "a"}, "w.prompt: must hold {} once"),
        ("detect", {"model": "a", "view": "all"}, "w.view: must be one of 'crop', 'picture'"),
        ("detect", {"model": "a", "device": "tpu"}, "w.device: must be one of 'auto', 'cpu'"),
        ("detect", {"model": "a", "batch_size": 0}, "w.batch_size: must be 1 to 4096"),
        ("match", {"model": "a", "contrasts": []}, "w.contrasts: contrast needs one"),
        ("match", {"model": "a", "contrasts": "x"}, "w.contrasts: must be a list of texts"),
        ("vqa", {"model": "a", "max_new_tokens": 0}, "w.max_new_tokens: must be 1 to 4096"),
        ("inpaint", {"model": "a", "side": 13}, "w.side: must be a multiple of 8"),
    ],
)
def test_settings_that_are_wrong(tool: str, table: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_settings(settings_class(tool, "w"), table, "w")


def test_align_is_no_model_of_match(checkpoint, tmp_path: Path) -> None:
    config = shutil.copytree(checkpoint("clip"), tmp_path / "align") / "config.json"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "model_type": "align", "architectures": ["AlignModel"]}))
    with pytest.raises(InputError, match=r"a AlignModel, which cannot answer match.*: CLIPModel"):
        opened("match", config.parent)


def test_a_tool_that_no_model_answers() -> None:
    with pytest.raises(InputError, match="w: no Hugging Face model answers knowledge"):
        settings_class("knowledge", "w")
