"""What the pages show works as shown: commands, options, settings and code."""

from __future__ import annotations

import ast
import csv
import dataclasses
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image, ImageDraw

from vprog.cli.app import app
from vprog.distill.sft_settings import SftSettings
from vprog.engine import Engine, Limits, Task
from vprog.example import Example, Picture
from vprog.program import Language, Program
from vprog.program.check import Checker
from vprog.program.program import MAX_CHARACTERS
from vprog.program.python_names import MODULES as PYTHON_MODULES
from vprog.teach.settings import TeachSettings
from vprog.tools.catalogue import MODULES, TOOLS
from vprog.tools.expression import FUNCTIONS, MAX_ENTRIES, MAX_ITEMS, MAX_TEXT, METHODS
from vprog.tools.toolboxes import load_toolbox

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    str(file.relative_to(ROOT)): file.read_text("utf-8")
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))
}
LANGUAGES = PAGES["docs/languages.md"]


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a language; "" is that of commands and steps."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", PAGES[page], re.S | re.M)
    return [code for name, code in found if name == language]


def commands() -> Iterator[tuple[str, str]]:
    """Every ``vprog ...`` of a block or line of code, with the page that shows it."""
    for page, text in PAGES.items():
        shown = [
            line.strip().removeprefix("$ ")
            for block in (*blocks(page, ""), *re.findall(r"(?:^ {4}.*\n)+", text, re.M))
            for line in re.sub(r"\\\n\s*", "", block).splitlines()
        ]
        text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
        shown += re.findall(r"`(vprog\s[^`]*)`", text)
        for command in shown:
            if command.startswith("vprog "):
                yield page, " ".join(command.split("#")[0].split())


COMMANDS = sorted(set(commands()))


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words call, and the words behind its name."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name = words[0] if words[0] in command.commands else "RUN"
        if name not in command.commands:
            break
        command = command.commands[name]
        words = words[name == words[0] :]
    return command, words


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_and_their_options_are_there(page: str, command: str) -> None:
    words = shlex.split(command.replace("[", "").replace("]", ""), posix=True)[1:]
    if not words or words[0] in ("...", "COMMAND"):
        return
    known, rest = command_of(words)
    if hasattr(known, "commands"):
        assert not rest or rest[0].startswith("-"), f"{page} shows {command!r}: no such command"
    options = {o for p in known.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    given = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    assert [o for o in given if o not in options] == [], f"{page} shows {command!r}"


def test_every_option_is_on_a_page() -> None:
    text = "\n".join(PAGES.values())

    def said(option: str) -> bool:
        return re.search(rf"{option}(?![\w-])", text) is not None

    missing = [
        f"{name} {param.opts[0]}"
        for name, command in typer.main.get_command(app).commands.items()
        if name != "bench"  # measures vprog itself
        for inner in getattr(command, "commands", {name: command}).values()
        for param in inner.params
        if param.opts[0].startswith("--")
        and not any(map(said, (*param.opts, *param.secondary_opts)))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("page", "code"), [(page, code) for page in PAGES for code in blocks(page, "python")]
)
def test_code_names_what_is_there(page: str, code: str) -> None:
    """It can be read, and what it imports from vprog exists."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vprog"):
            module = importlib.import_module(str(node.module))
            assert [a.name for a in node.names if not hasattr(module, a.name)] == [], page


@pytest.mark.parametrize(
    ("settings", "page", "heading"),
    [
        (TeachSettings, "docs/teach.md", "### Settings of a training"),
        (SftSettings, "docs/distill.md", "## Training a student"),
    ],
)
def test_every_setting_of_a_training_is_told(settings: type, page: str, heading: str) -> None:
    text = PAGES[page].partition(heading)[2].partition("\n## ")[0]
    names = {field.name for field in dataclasses.fields(settings)}
    assert {name for name in names if not re.search(rf"`{name}\b", text)} == set()


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("docs/teach.md", "recipes/teach/longer-rate.toml"),
        ("docs/distill.md", "recipes/vlm/training.toml"),
    ],
)
def test_settings_that_a_page_shows_are_those_of_its_recipe(page: str, file: str) -> None:
    assert f"`{file}`" in PAGES[page]
    kept = tomllib.loads((ROOT / file).read_text("utf-8"))
    assert kept in [tomllib.loads(block) for block in blocks(page, "toml")]


@pytest.fixture
def two_circles(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (200, 100), (20, 20, 20))
    pen = ImageDraw.Draw(picture)
    for left in (20, 120):
        pen.ellipse((left, 30, left + 40, 70), fill=(255, 0, 0))
    file = tmp_path / "drawing.png"
    picture.save(file)
    return file


def answer(text: str, language: Language, *files: Path, **extra: Any) -> Any:
    """What a program answers over the toolbox pixels; how it failed if it did."""
    pictures = tuple(Picture(f"p{n}", path=file) for n, file in enumerate(files))
    example = Example(id="1", pictures=pictures, question="How many?", extra=extra)
    with Engine(load_toolbox("pixels")) as engine:
        (trace,) = engine.run([Task(example, Program(text, language))])
    return trace.answer if trace.failure is None else trace.failure.kind


def test_the_programs_of_the_languages_page(inside, two_circles: Path) -> None:
    (steps,) = (b for b in blocks("docs/languages.md", "") if "RESULT" in b)
    (python,) = blocks("docs/languages.md", "python")
    assert answer(steps, "steps", two_circles) == "yes"
    assert answer(python, "python", two_circles) == "yes"
    folder = two_circles.parent
    (folder / "count.steps").write_text(steps)
    (folder / "count.py").write_text(python)
    (folder / "same.py").write_text("def execute_command(left, right):\n    return left.width")
    shown = re.findall(r"^    vprog (.*)$", LANGUAGES, re.M)
    assert len(shown) == 3
    for command in shown:
        assert inside(*shlex.split(command)).code == 0


def test_signatures_of_modules() -> None:
    shown = dict(re.findall(r"`([A-Z_]+)\(([^)]*)\)`", LANGUAGES))
    assert len(shown) >= 16
    for name, params in shown.items():
        module = MODULES[name]
        own = [p for p in module.params if p.name != "variables"]
        assert params == ", ".join(p.name if p.required else f"{p.name}={p.default}" for p in own)


def test_signatures_of_methods() -> None:
    from vprog.program.python_api import api_for

    api = api_for(TOOLS)
    known = {**api.functions, **api.methods}
    table = LANGUAGES.partition("| of a patch | |")[2].partition("### What of Python")[0]
    shown = re.findall(r"`(\w+)\(([^`]*)\)`", table)
    assert {name for name, _ in shown} == set(known) - {
        "enumerate", "zip", "map", "filter", "reversed", "next", "print",
    }  # fmt: skip
    for name, params in shown:
        names = [p.partition("=")[0] for p in params.split(", ") if p]
        both = [s for s in (api.functions.get(name), api.methods.get(name)) if s is not None]
        # The switch of llm_query changes nothing here.
        assert names in [[p for p in s.params if p != "long_answer"] for s in both], name


def test_names_of_expressions_and_of_python() -> None:
    expressions = LANGUAGES.partition("### EVAL")[2].partition("## `python`")[0]
    python = LANGUAGES.partition("### What of Python")[2]
    for name in (*FUNCTIONS, *METHODS):
        assert f"`{name}`" in expressions
    for name in PYTHON_MODULES:
        assert f"`{name}`" in python


def test_bounds() -> None:
    limits = Limits()
    for saying in (
        f"| text | {MAX_CHARACTERS:,} characters |",
        f"| calls of tools | {limits.calls} |",
        f"| seconds of its own code | {limits.time_s:g} |",
        f"| memory, `python` | {limits.memory_mb} MB |",
        f"at most {MAX_TEXT:,} characters, a list {MAX_ITEMS:,} entries ({MAX_ENTRIES:,} in all",
    ):
        assert saying in LANGUAGES
    runs = PAGES["docs/runs.md"]
    assert f"more than {limits.calls} times" in runs
    assert f"`--time-limit` seconds ({limits.time_s:g};" in runs
    assert f"more than {limits.memory_mb} MB" in runs


@pytest.mark.parametrize(
    ("parameters", "files", "value"),
    [
        ("image", 1, "image.width"),
        ("left, right", 2, "left.width + right.width"),
        ("images", 2, "sum([i.width for i in images])"),
        ("image_dict", 2, "image_dict['left'].width + image_dict['right'].width"),
        ("images", 3, "sum([i.width for i in images])"),
        ("video", 3, "sum([f.width for f in video.frame_iterator()])"),
    ],
)
def test_how_pictures_are_handed_in(
    two_circles: Path, parameters: str, files: int, value: str
) -> None:
    text = f"def execute_command({parameters}):\n    return {value}"
    assert answer(text, "python", *[two_circles] * files) == 200 * files


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("return image.upper - image.lower", 100),
        ("return image.find('red circle')[0].left < 100", True),
        ("return image.crop(10, 0, 50, 100).crop(5, 0, 20, 100).left", 15),
        ("return image.shape", [3, 100, 200]),
        ("import numpy\n    return 1", 1),
        ("import numpy\n    return numpy.pi", "name"),
        ("return math.floor(1.5)", 1),
        ("return sorted(['b', 'A', 'c'], key=str.lower)", ["A", "b", "c"]),
        ("counts = {'a': 1, 'b': 2}\n    return max(counts, key=counts.get)", "b"),
        ("print(image)\n    return image.cropped_image.width", 200),
        ("import time\n    return time.time() == time.time()", True),
        ("try:\n        image.find('unicorn')\n    except:\n        return 1", "tool"),
        ("return open('x')", "name"),
        ("yield 1", "syntax"),
        ("x = [0] * 10 ** 8\n    return 1", "limit"),
    ],
)
def test_what_the_page_says_of_python(two_circles: Path, body: str, value: Any) -> None:
    assert answer(f"def execute_command(image):\n    {body}", "python", two_circles) == value


def test_questions_and_choices(two_circles: Path) -> None:
    both = "def execute_command(image, question, {}):\n    return [question, {}]"
    asked = both.format("possible_answers", "possible_answers[0]")
    assert answer(asked, "python", two_circles, choices=["1", "2"]) == ["How many?", "1"]
    assert answer(asked, "python", two_circles) == "type"
    spared = both.format("choices=None", "1")
    assert answer(spared, "python", two_circles) == ["How many?", 1]


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("'there are {N} cups'", "there are 2 cups"),
        ("'2' == {N}", True),
        ("'Red' == 'red' xor 'yes'", False),
        ("'yes' if {N} >= 2 and not 'none' else 'no'", "yes"),
        ("[1, 2][0] + 7 // 2 % 2", 2),
        ("{N} ** 2", "syntax"),
        ("[1, 2][0:1]", "syntax"),
        ("(lambda: 1)()", "syntax"),
    ],
)
def test_what_the_page_says_of_expressions(two_circles: Path, expr: str, value: Any) -> None:
    quoted = expr.replace('"', "'")
    text = f"""N=EVAL(expr="2")\nA=eval("{quoted}")\nF=RESULT(var=A)  # lower case, no name"""
    assert answer(text, "steps", two_circles) == value


def test_pictures_of_steps() -> None:
    for pictures, names in ((1, ("IMAGE",)), (2, ("LEFT", "RIGHT")), (3, ("IMAGE1", "IMAGE3"))):
        for name in names:
            Checker(TOOLS).check(Program(f"F=RESULT(var={name})", "steps"), pictures)


def test_cutting_ones_own_data_by_picture(inside, tmp_path: Path) -> None:
    (code,) = blocks("docs/own-data.md", "python")
    rows = [{"image": f"{n % 40}.png", "answer": "yes"} for n in range(80)]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["image", "answer"])
        table.writeheader()
        table.writerows(rows)
    (tmp_path / "mine" / "images").mkdir(parents=True)
    for n in range(40):
        Image.new("RGB", (8, 8), (n, 0, 0)).save(tmp_path / "mine" / "images" / f"{n}.png")
    inside("--version")  # in the test's folder
    exec(compile(code, "own-data.md", "exec"), {})
    from vprog.benchmarks import load_benchmark

    seen: list[set[str]] = []
    for split in ("train", "val", "test"):
        examples = list(load_benchmark("own").load(tmp_path / "mine", split))
        assert {e.question for e in examples} == {"Is there a crack?"}
        seen.append({str(e.pictures[0].path) for e in examples})
    assert sum(map(len, seen)) == len(set().union(*seen)) == 40


@pytest.fixture
def models() -> None:
    """Skips a test where models cannot be trained."""
    pytest.importorskip("transformers", reason="needs transformers: pip install 'vprog[hf]'")
    pytest.importorskip("peft", reason="needs peft: pip install 'vprog[teach]'")


@pytest.mark.usefixtures("models")
def test_distilling_by_hand(inside, tmp_path: Path) -> None:
    """The commands and the code of the page, with few questions and two steps."""
    page = PAGES["docs/distill.md"].partition("## By hand")[2].partition("\n## ")[0]
    first, code, then = re.findall(r"^```\w*\n(.*?)^```$", page, re.S | re.M)
    for split in ("train", "test"):
        draw = ("world", "draw", "--task", "gqa", "--n", 12, "--split", split)
        assert inside(*draw, "--out", "data/home").code == 0
    done = [inside(*shlex.split(line)[1:]) for line in first.splitlines()]
    assert "steps=1500, batch_size=16" in code
    few = code.replace("steps=1500, batch_size=16", "steps=2, batch_size=4")
    exec(compile(few, "distill.md", "exec"), {})
    done += [inside(*shlex.split(line)[1:]) for line in then.splitlines()]
    assert [one.code for one in done] == [0] * 4, [one.err for one in done]
    assert (tmp_path / "runs/student/model.safetensors").is_file()


@pytest.mark.usefixtures("models")
def test_teaching_a_tool_by_hand(inside, world: Path) -> None:
    """The code of the page about steps and about training, with two steps."""
    run = ("run", "world-gqa", "--data", "world", "--toolbox", "zoo", "--limit", 8)
    for language in ("steps", "python"):
        out = f"runs/train-{language}"
        assert inside(*run, "--language", language, "--out", out).code == 0
    label, *_, train = (b for b in blocks("docs/teach.md", "python") if "supervised" in b)
    names: dict[str, Any] = {}
    assert "collect_steps(runs)" in label
    label = label.replace("collect_steps(runs)", 'collect_steps(runs, ["detect"])')
    exec(compile(label, "teach.md", "exec"), names)
    names |= {
        "pictures": names["steps"].pictures,
        "old_calls": names["supervised"][:2],
        "val_rows": names["supervised"][2:4],
    }
    assert "steps=1000" in train
    exec(compile(train.replace("steps=1000", "steps=2"), "teach.md", "exec"), names)
    assert names["taught"].model == "zoo:detect + runs/outline/detect"
