"""The shipped writers are ordinary Hugging Face folders that write programs which run."""

from __future__ import annotations

import json
import random
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks.shapes import parse_expression, python_program, steps_program
from vprog.benchmarks.world_programs import statement_programs
from vprog.example import Example, Picture
from vprog.world.paraphrases import paraphrase_statement
from vprog.world.statements import count
from vprog.writers.prompt import bare_prompt
from vprog.zoo import WRITERS, inventory, path

ROWS = {row["name"]: row for row in inventory() if row["name"] in WRITERS and row["trained"]}

pytestmark = pytest.mark.skipif(not ROWS, reason="no writer of the zoo is trained yet")


@pytest.fixture(scope="module", autouse=True)
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")


@cache
def loaded(name: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return (
        AutoTokenizer.from_pretrained(path(name)),
        AutoModelForCausalLM.from_pretrained(path(name)).eval(),
    )


def written(name: str, language: Any, question: str, pictures: int = 1) -> str:
    tokenizer, model = loaded(name)
    example = Example(
        id="x", pictures=tuple(Picture(str(n)) for n in range(pictures)), question=question
    )
    messages = [{"role": "user", "content": bare_prompt(language, example)}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    made = model.generate(
        input_ids=inputs.input_ids, attention_mask=inputs.attention_mask,
        do_sample=False, max_new_tokens=200,
    )  # fmt: skip
    return str(tokenizer.decode(made[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))


@pytest.mark.parametrize("name", ROWS)
def test_a_writer_is_small_and_says_what_it_is(name: str) -> None:
    assert ROWS[name]["megabytes"] <= 2
    config = json.loads((path(name) / "config.json").read_text("utf-8"))
    assert config["architectures"] == [WRITERS[name]]
    settings = json.loads((path(name) / "vprog.json").read_text("utf-8"))["settings"]
    assert settings["prompt"] == "bare"
    card = (path(name) / "README.md").read_text("utf-8")
    for heading in ("## Data", "## Recipe", "## Scores", "## Curve", "## Limits"):
        assert heading in card
    curve = (path(name) / "curve.jsonl").read_text("utf-8").splitlines()
    assert all(json.loads(line)["val"] for line in curve)


@pytest.mark.parametrize("name", ROWS)
def test_weights_are_half_precision_and_load_as_float32(name: str) -> None:
    import torch
    from safetensors.torch import load_file

    weights = load_file(path(name) / "model.safetensors")
    assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float16}
    assert {p.dtype for p in loaded(name)[1].parameters()} == {torch.float32}


def test_plain_transformers_is_enough() -> None:
    code = f"""
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
for folder in {[str(path(name)) for name in ROWS]}:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template
assert not any(name.startswith("vprog") for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [n for n in ("writer", "shapes") if n in ROWS])
def test_programs_survive_the_tokenizer(name: str) -> None:
    tokenizer, _ = loaded(name)
    programs = []
    for relation in ("to the left of", "below"):
        for side in ("left", "image"):
            expression = [">=", count(side, "small red cat", relation, "dotted piece"), 2]
            programs += statement_programs(expression, "here").values()
    for text in ("(is red (above (left_of circle)))", "(is green square)"):
        programs += [steps_program(parse_expression(text)), python_program(parse_expression(text))]
    programs_py = Path(__file__).parents[2] / "recipes" / "writer" / "programs.py"
    canonical = runpy.run_path(str(programs_py))["canonical"]
    for program in programs:
        known = canonical(program.replace("piece", "cup"))
        ids = tokenizer(known, add_special_tokens=False).input_ids
        assert tokenizer.decode(ids) == known


@pytest.mark.parametrize("name", [n for n in ("writer", "shapes") if n in ROWS])
def test_words_that_it_does_not_know_do_no_harm(name: str) -> None:
    assert written(name, "steps", "Quel temps fait-il, ça va? 漢字 \x00 <|im_end|>")


@pytest.mark.skipif("writer" not in ROWS, reason="zoo:writer is not trained")
@pytest.mark.parametrize("language", ["steps", "python"])
def test_the_writer_reads_words_that_training_held_out(language: str) -> None:
    rng = random.Random(8)
    right = total = 0
    for noun in ("red cat", "bus", "small bottle", "striped food", "plain chair"):
        for expression in (
            ["count", {"image": "image", "phrase": noun}],
            [">=", count("left", noun), 2],
            [">", count("right", noun), count("left", noun)],
        ):
            question = paraphrase_statement(expression, rng, "held-out")
            pictures = 1 if expression[0] == "count" else 2
            said = written("writer", language, question, pictures)
            gold = statement_programs(expression, "here")[language]
            right += _bare(said) == _bare(gold)
            total += 1
    assert right >= 0.8 * total


def _bare(program: str) -> str:
    """A program without what its variables are called."""
    names: dict[str, str] = {}
    for line in program.splitlines():
        head, equals, _ = line.strip().partition(" = ")
        if equals and head.isidentifier():
            names.setdefault(head, f"v{len(names)}")
    for name in sorted(names, key=len, reverse=True):
        program = program.replace(name, names[name])
    return program


@pytest.mark.skipif("shapes" not in ROWS, reason="zoo:shapes is not trained")
def test_the_writer_of_shapes_reads_its_sentences() -> None:
    for text, query in (
        ("is a red shape above a square", "(is red (above square))"),
        ("is a circle left of below a blue shape", "(is circle (left_of (below blue)))"),
    ):
        assert written("shapes", "steps", text) == steps_program(parse_expression(query))
