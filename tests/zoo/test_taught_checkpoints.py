"""Toolboxes of taught tools: named like any toolbox, and right on the real pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from vprog.benchmarks import load_benchmark
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.program.program import LANGUAGES, Program
from vprog.tools.toolboxes import TAUGHT, load_toolbox, read_toolbox
from vprog.verify import verify
from vprog.zoo import TAUGHT as CHECKPOINTS
from vprog.zoo import TOOLBOXES, inventory, toolbox
from vprog.zoo.train import train

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ROWS = {row["name"]: row for row in inventory()}


def test_a_toolbox_of_the_zoo_binds_taught_checkpoints() -> None:
    bound = set()
    for name in TAUGHT:
        bindings = {b.tool: b for b in read_toolbox(name)}
        assert set(bindings) == {"detect", "vqa", "match"}
        bound |= {b.settings.model for b in bindings.values() if b.settings is not None}
    assert bound >= {f"zoo:{name}" for name in CHECKPOINTS}


@pytest.mark.parametrize("name", TAUGHT)
def test_a_file_may_start_from_taught_tools(name: str, tmp_path: Path) -> None:
    file = tmp_path / "box.toml"
    file.write_text(f'base = "{name}"\nvqa = "pixels"\n')
    taught = {b.tool: b for b in read_toolbox(name)}
    bound = {b.tool: b for b in read_toolbox(str(file))}
    assert bound.pop("vqa").backend == "pixels"
    assert bound == {tool: b for tool, b in taught.items() if tool != "vqa"}


def test_the_nearest_toolbox_is_offered() -> None:
    with pytest.raises(InputError, match=r"unknown toolbox 'zoo:shape'.*Did you mean 'zoo:shapes'"):
        read_toolbox("zoo:shape")
    with pytest.raises(InputError, match="unknown zoo toolbox 'nlvr2'"):
        toolbox("nlvr2")


@pytest.mark.parametrize(
    ("name", "recipe"), [("detect-shapes", "teach/shapes"), ("vlm-shapes", "vlm/shapes")]
)
def test_recipes_that_need_a_benchmarks_files_are_named(name: str, recipe: str) -> None:
    with pytest.raises(InputError, match=rf"recipes/{recipe}\.py --help"):
        train(name, minutes=0, steps=None, seed=0)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (name, "https://github.com/lil-lab/nlvr, CC-BY-4.0")
        for name in ("nlvr", "detect-nlvr", "match-nlvr")
    ]
    + [
        (name, "https://github.com/ronghanghu/n2nmn, BSD-2-Clause")
        for name in ("shapes", "detect-shapes", "vlm-shapes")
    ],
)
def test_cards_and_the_notice_say_whose_data_was_learned_from(name: str, source: str) -> None:
    assert source in (Path(ROWS[name]["folder"]) / "README.md").read_text("utf-8")
    notice = (Path(__file__).parents[2] / "NOTICE").read_text("utf-8")
    address, _, licence = source.partition(", ")
    assert all(text in notice for text in (f"zoo:{name}", address, licence))


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_weights_are_small(name: str) -> None:
    if not ROWS[name]["trained"]:
        pytest.skip(f"zoo:{name} is not trained yet")
    weights = Path(ROWS[name]["folder"]) / "model.safetensors"
    assert weights.stat().st_size <= 2_500_000
    assert sum(row["megabytes"] for row in ROWS.values()) <= 32


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("task", "split"), [("shapes", "val"), ("nlvr", "dev")])
def test_programs_are_right_on_taught_tools(task: str, split: str, language: str) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[hf]'")
    assert task in TOOLBOXES
    if not all(ROWS[n]["trained"] for n in CHECKPOINTS if n.endswith(task)):
        pytest.skip(f"zoo:{task} is not trained yet")
    if not (SHARED / task).is_dir():
        pytest.skip(f"{task}'s files are not in {SHARED / task}; fetch the official ones")
    benchmark = load_benchmark(task)
    tools = load_toolbox(f"zoo:{task}").with_tools(benchmark.tools)
    examples = [e for e in benchmark.load(SHARED / task, split) if language in e.programs][::25]
    by_id = {e.id: e for e in examples}
    tasks = [Task(e, Program(e.programs[language], language)) for e in examples]  # type: ignore[arg-type]
    with Engine(tools) as engine:
        right = sum(verify(t, by_id[t.example_id]).credit for t in engine.run(tasks))
    assert len(examples) > 40
    assert right / len(examples) >= 0.9
