"""Toolboxes of models: files, names, the command line, and what is imported when."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.example import Example
from vprog.program import Program
from vprog.tools.backends.oracle import Oracle
from vprog.tools.backends.pixels import Pixels
from vprog.tools.toolboxes import NAMES, load_toolbox, read_toolbox


@pytest.fixture
def box(tmp_path: Path):
    """Writes a toolbox file and returns its name."""

    def write(text: str) -> str:
        path = tmp_path / "box.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_file_binds_tools(checkpoint, box, tmp_path: Path) -> None:
    (tmp_path / "owl").symlink_to(checkpoint("owlvit"))
    name = box(
        'base = "oracle"\n'
        'detect = {model = "owl", threshold = 0.4}\n'
        'vqa = "pixels"\n'
        f'match = "{checkpoint("siglip")}"\n'
    )
    toolbox = load_toolbox(name)
    assert toolbox.name == name
    assert isinstance(toolbox.backends["depth"], Oracle)
    assert isinstance(toolbox.backends["vqa"], Pixels)
    assert "OwlViTForObjectDetection" in toolbox.backends["detect"].fingerprint
    assert "threshold=0.4" in toolbox.backends["detect"].fingerprint
    assert "SiglipModel" in toolbox.backends["match"].fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detect = ", "is no TOML"),
        ("", "binds nothing; bind one of detect"),
        ('detct = "pixels"', "box.toml: detct: unknown tool. .* Did you mean 'detect'"),
        ('base = "zooo"', "box.toml: base: unknown toolbox 'zooo'. Known: oracle.*zoo:shapes"),
        ('depth = "pixels"', "box.toml: depth: pixels cannot answer depth; it answers detect"),
        ("detect = 3", "box.toml: detect: must be oracle, pixels, a model, or a table"),
        ("detect = {threshold = 0.1}", "box.toml: detect: no model"),
        ('detect = {model = "a/b", thresold = 0.1}', "detect.thresold: unknown .*'threshold'"),
        ('knowledge = "a/b"', "box.toml: knowledge: no Hugging Face model answers knowledge"),
        ('detect = "./gone"', "box.toml: detect: model '.*gone' does not exist"),
        ('detect = "nothing"', "box.toml: detect: model 'nothing' does not exist"),
    ],
)
def test_a_file_that_is_wrong(one_thread, text: str, message: str, box) -> None:
    with pytest.raises(InputError, match=message):
        load_toolbox(box(text))


def test_names_and_files_that_are_unknown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown toolbox 'zoe'. .* Did you mean 'zoo'"):
        load_toolbox("zoe")
    with pytest.raises(InputError, match=r"no toolbox file .*gone.toml"):
        load_toolbox(str(tmp_path / "gone.toml"))


def test_named_toolboxes_can_be_read_without_models() -> None:
    bound = {name: [binding.tool for binding in read_toolbox(name)] for name in NAMES}
    assert bound["zoo"] == ["detect", "vqa", "match"]
    assert bound["hub"] == ["detect", "vqa", "ocr", "caption", "match", "depth"]
    for binding in read_toolbox("hub"):
        assert binding.settings is not None
        assert len(binding.settings.revision or "") == 40, "every hub model is pinned"


def test_a_hub_id_with_its_revision(box) -> None:
    [binding] = read_toolbox(box('vqa = "org/name@abc"'))
    assert binding.settings is not None
    assert (binding.settings.model, binding.settings.revision) == ("org/name", "abc")


def test_tools_of_one_model_share_its_weights(checkpoint, box) -> None:
    model = checkpoint("idefics3")
    toolbox = load_toolbox(box(f'vqa = "{model}"\nocr = "{model}"\ncaption = "{model}"\n'))
    for backend in toolbox.backends.values():
        backend.prepare()
    assert (
        toolbox.backends["vqa"].answerer.model
        is toolbox.backends["ocr"]._writer.model
        is toolbox.backends["caption"]._writer.model
    )


@pytest.mark.parametrize(
    ("program", "language"),
    [
        (
            "B=LOC(image=IMAGE,object='cup')\nC=CROP(image=IMAGE,box=B)\n"
            "A=VQA(image=C,question='what is this')\nS=SELECT(image=IMAGE,object=B,query='red')\n"
            "R=RESULT(var=A)",
            "steps",
        ),
        (
            "def execute_command(image):\n    cups = image.find('cup')\n"
            "    best = best_image_match(cups, ['red cup'])\n"
            "    return best.simple_query('what is this')\n",
            "python",
        ),
    ],
)
def test_programs_over_models(program: str, language: str, checkpoint, pictures, box) -> None:
    name = box(
        f'detect = {{model = "{checkpoint("owlvit")}", threshold = 0}}\n'
        f'vqa = "{checkpoint("vilt")}"\nmatch = "{checkpoint("clip")}"\n'
    )
    example = Example(id="1", pictures=(pictures["p0"],), question="?")
    with Engine(load_toolbox(name)) as engine:
        [trace] = engine.run([Task(example, Program(program, language))])
    assert trace.failure is None
    assert trace.answer in ("yes", "no", "red", "blue", "2")
    assert any(step.info.get("distribution") for step in trace.steps)


def test_bad_models_end_a_command_with_one_message(checkpoint, inside, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "broken"
    folder.mkdir()
    config = (checkpoint("owlvit") / "config.json").read_text()
    (folder / "config.json").write_text(config)
    (tmp_path / "box.toml").write_text('detect = "broken"\n')
    (tmp_path / "program").write_text("B=LOC(image=IMAGE,object='cup')\nR=RESULT(var=B)\n")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "p.png")
    ask = ("ask", "p.png", "q?", "--program", "program", "--toolbox", "box.toml")
    assert inside(*ask).message.startswith("box.toml: detect: broken has no weights")
    weights = (checkpoint("owlvit") / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-1])
    assert "box.toml: detect: weight file broken/model.safetensors is" in inside(*ask).message
    (tmp_path / "box.toml").write_text(f'vqa = "{checkpoint("clip")}"\n')
    assert "CLIPModel, which cannot answer vqa" in inside(*ask).message


def test_doctor_examines_a_toolbox(checkpoint, inside, tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text(
        f'base = "oracle"\ndetect = "{checkpoint("owlvit")}"\nvqa = "./gone"\n'
    )
    ended = inside("doctor", "box.toml", "--json")
    assert ended.code == 2
    found = {f["name"]: f for f in ended.json["findings"]}
    assert found["detect"]["ok"]
    assert "float32 on" in found["detect"]["text"] or "float16 on" in found["detect"]["text"]
    assert not found["vqa"]["ok"]
    assert "box.toml: vqa: model 'gone' does not exist" in found["vqa"]["text"]
    assert found["match"]["text"] == "oracle"
    assert {"torch", "transformers", "device"} <= found.keys()


def test_without_torch_vprog_is_whole(inside, monkeypatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    ended = inside("doctor")
    assert ended.code == 0
    assert "optional: binds detect, vqa, match. Hugging Face models need torch" in ended.out
    assert 'pip install "vprog[hf]"' in ended.out


def test_models_are_imported_by_their_backends_only() -> None:
    code = (
        "import sys, vprog.cli.app\n"
        "from vprog.tools.toolboxes import NAMES, load_toolbox, read_toolbox\n"
        "load_toolbox('oracle'), load_toolbox('pixels'), [read_toolbox(n) for n in NAMES]\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'diffusers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_ends_where_a_model_cannot_be_loaded(checkpoint, world, inside, tmp_path) -> None:
    """One message instead of one failure a program; what was finished before is kept."""
    from safetensors.torch import load_file, save_file

    owl = Path(shutil.copytree(checkpoint("owlvit"), tmp_path / "owl"))
    weights = load_file(owl / "model.safetensors")
    del weights["box_head.dense0.weight"]
    save_file(weights, owl / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "box.toml").write_text('base = "oracle"\ndetect = "./owl"\n')
    command = ("run", "world-gqa", "--data", world, "--toolbox", "box.toml", "--out", "run")
    message = inside(*command).message
    assert "lacks 1 weights of OwlViTForObjectDetection" in message
    (tmp_path / "box.toml").write_text('base = "oracle"\n')
    assert "box.toml" in (tmp_path / "run" / "run.toml").read_text()
