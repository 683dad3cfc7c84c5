"""SHAPES: the loader over official and broken files, the meaning of expressions, both languages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fakes import PAINTS_RGB, grid_rgb
from vprog.benchmarks import load_benchmark
from vprog.benchmarks.shapes import (
    BENCHMARK,
    adjacent,
    both,
    layout,
    parse_expression,
    python_program,
    steps_program,
)
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.example import Example, Picture, Region
from vprog.program import Program
from vprog.program.check import Checker
from vprog.tools.backend import Toolbox
from vprog.tools.backends.pixels import Pixels
from vprog.tools.catalogue import TOOLS

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "shapes"
present = pytest.mark.skipif(not SHARED.is_dir(), reason="SHAPES is not in ../shared/data")

QUERY = "(is red (above (left_of circle)))"


def write_split(
    folder: Path,
    rows: Sequence[tuple[np.ndarray, str, bool]],
    split: str = "val",
    layouts: bool = True,
) -> None:
    np.save(folder / f"{split}.input.npy", np.array([r[0][:, :, ::-1] for r in rows]))
    (folder / f"{split}.query").write_text("".join(f"{r[1]}\n" for r in rows))
    (folder / f"{split}.query_str.txt").write_text("".join("is it\n" for _ in rows))
    (folder / f"{split}.output").write_text("".join(f"{str(r[2]).lower()}\n" for r in rows))
    if layouts:
        symbols = [layout(parse_expression(r[1])) for r in rows]
        (folder / f"{split}.query_layout_symbols.json").write_text(json.dumps(symbols))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    yes = grid_rgb({(0, 0): ("red", "square"), (1, 1): ("green", "circle")})
    no = grid_rgb({(1, 0): ("red", "square"), (1, 1): ("green", "circle")})
    write_split(tmp_path, [(yes, QUERY, True), (no, QUERY, False)])
    return tmp_path


def answers(
    examples: Sequence[Example], language: str, pixels: Pixels | None = None
) -> dict[str, object]:
    toolbox = Toolbox(name="pixels", tools=TOOLS, backends={"detect": pixels or Pixels()})
    with Engine(toolbox.with_tools(BENCHMARK.tools)) as engine:
        tasks = (Task(e, Program(e.programs[language], language)) for e in examples)
        traces = list(engine.run(tasks))
    assert not [t.failure for t in traces if t.failure]
    return {t.example_id: {True: "yes", False: "no"}.get(t.answer, t.answer) for t in traces}


def test_the_registry_knows_it() -> None:
    assert load_benchmark("shapes") is BENCHMARK
    assert BENCHMARK.binary


def test_examples_of_a_split(folder: Path) -> None:
    first, second = BENCHMARK.load(folder, "val")
    assert (first.id, second.id) == ("val-0", "val-1")
    assert (first.answers, second.answers) == (("yes",), ("no",))
    assert first.group == second.group == QUERY
    assert first.types == {"length": "6", "relations": "2"}
    assert set(first.programs) == {"steps", "python"}
    assert first.pictures[0].id == "val/0"
    red, green, blue = np.asarray(first.pictures[0].load())[4, 4]
    assert (red, green, blue) == PAINTS_RGB["red"], "the file is BGR, pictures are RGB"


@pytest.mark.parametrize("language", ["steps", "python"])
def test_programs_of_both_languages_answer(folder: Path, language: str) -> None:
    assert answers(list(BENCHMARK.load(folder, "val")), language) == {
        "val-0": "yes",
        "val-1": "no",
    }


@pytest.mark.parametrize("split", ["test", "train.tiny"])
def test_any_split_of_the_same_layout_loads(folder: Path, split: str) -> None:
    picture = grid_rgb({(2, 2): ("blue", "triangle")})
    write_split(folder, [(picture, "(is blue triangle)", True)], split, layouts=False)
    (example,) = BENCHMARK.load(folder, split)
    assert example.id == f"{split}-0"


CELLS = {(0, 0): ("red", "square"), (1, 1): ("blue", "circle"), (2, 1): ("green", "triangle")}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("(is red square)", True),
        ("(is red circle)", False),
        ("(is green (right_of blue))", True),
        ("(is blue (right_of green))", False),
        ("(is circle (left_of triangle))", True),
        ("(is red (above blue))", False),
        ("(is red (above (left_of blue)))", True),
        ("(is red (left_of (above circle)))", True),
        ("(is shape (below shape))", False),
        ("(is blue (below (right_of red)))", True),
        ("(is red (left_of triangle))", False),
        ("(is red (above (above shape)))", False),
    ],
)
def test_relations_mean_the_cell_right_next(tmp_path: Path, query: str, answer: bool) -> None:
    write_split(tmp_path, [(grid_rgb(CELLS), query, answer)])
    examples = list(BENCHMARK.load(tmp_path, "val"))
    expected = {"val-0": "yes" if answer else "no"}
    assert answers(examples, "steps") == expected
    assert answers(examples, "python") == expected


def region(column: int, row: int) -> Region:
    return Region("p", 10 * column + 2, 10 * row + 3, 10 * column + 8, 10 * row + 9)


def test_adjacent_stays_on_the_grid_and_is_distinct() -> None:
    image = Region("p", 0, 0, 30, 30)
    find = adjacent.function
    assert find is not None
    cells = find(image=image, boxes=[region(0, 0), region(0, 0), region(2, 1)], side="left")
    assert [c.box_xyxy for c in cells] == [(10, 10, 20, 20)]
    assert find(image=image, boxes=[region(1, 2)], side="below") == []


def test_adjacent_follows_the_frame_of_its_image() -> None:
    image = Region("p", 30, 0, 90, 60)
    find = adjacent.function
    assert find is not None
    (cell,) = find(image=image, boxes=[Region("p", 52, 2, 60, 18)], side="below")
    assert cell.box_xyxy == (50, 20, 70, 40)


def test_both_wants_one_cell_with_both() -> None:
    image = Region("p", 0, 0, 30, 30)
    find = both.function
    assert find is not None
    cells = find(image=image, boxes=[region(0, 0), region(1, 1)], others=[region(1, 1)])
    assert [c.box_xyxy for c in cells] == [(10, 10, 20, 20)]


def test_a_wrong_side_fails_the_program(folder: Path) -> None:
    program = "B=LOC(image=IMAGE,object='red')\nC=ADJACENT(image=IMAGE,boxes=B,side='abve')\n"
    example = next(BENCHMARK.load(folder, "val"))
    toolbox = Toolbox(name="pixels", tools=TOOLS, backends={"detect": Pixels()})
    with Engine(toolbox.with_tools(BENCHMARK.tools)) as engine:
        (trace,) = engine.run([Task(example, Program(program + "R=RESULT(var=C)", "steps"))])
    assert trace.failure is not None
    assert "'abve'" in trace.failure.message
    assert "Did you mean 'above'?" in trace.failure.message


def test_layout_is_reverse_polish() -> None:
    expression = parse_expression("(is green (below (left_of red)))")
    assert layout(expression) == ["_Find", "_Find", "_Transform", "_Transform", "_And", "_Answer"]


def test_programs_read_as_they_should() -> None:
    expression = parse_expression("(is red (above circle))")
    assert steps_program(expression).splitlines() == [
        "BOX0=LOC(image=IMAGE,object='red')",
        "BOX1=LOC(image=IMAGE,object='circle')",
        "BOX2=ADJACENT(image=IMAGE,boxes=BOX1,side='above')",
        "BOX3=BOTH(image=IMAGE,boxes=BOX0,others=BOX2)",
        "ANSWER0=COUNT(box=BOX3)",
        'ANSWER1=EVAL(expr="{ANSWER0} > 0")',
        "FINAL_RESULT=RESULT(var=ANSWER1)",
    ]
    assert python_program(expression).splitlines() == [
        "def execute_command(image):",
        '    red_patches = image.find("red")',
        '    circle_patches = image.find("circle")',
        '    above_cells = adjacent(image, circle_patches, side="above")',
        "    both_patches = both(image, red_patches, above_cells)",
        "    return bool_to_yesno(len(both_patches) > 0)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(is red", "ends too early"),
        ("(", "ends too early"),
        ("", "ends too early"),
        ("(is red green) x", "one \\(is A B\\)"),
        ("red", "one \\(is A B\\)"),
        ("(above red)", "one \\(is A B\\)"),
        ("(is red green blue)", "takes 2 operand"),
        ("(is red (abov green))", "unknown operator 'abov'.*Did you mean 'above'"),
        ("(is red circel)", "unknown word 'circel'.*Did you mean 'circle'"),
    ],
)
def test_broken_expressions(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_expression(text)


def test_a_text_only_split_says_so(folder: Path) -> None:
    (folder / "train.med.query").write_text(f"{QUERY}\n")
    with pytest.raises(InputError, match=r"train\.med\.input\.npy is missing.*text only.*val"):
        list(BENCHMARK.load(folder, "train.med"))


def test_an_absent_split_names_those_there(folder: Path) -> None:
    with pytest.raises(InputError, match=r"'nope' is not there.*val"):
        list(BENCHMARK.load(folder, "nope"))


def test_a_split_without_labels(folder: Path) -> None:
    (folder / "val.output").unlink()
    assert [e.answers for e in BENCHMARK.load(folder, "val")] == [(), ()]


@pytest.mark.parametrize("suffix", ["query", "query_str.txt"])
def test_a_missing_file_is_named(folder: Path, suffix: str) -> None:
    (folder / f"val.{suffix}").unlink()
    with pytest.raises(InputError, match=rf"val\.{suffix} is missing"):
        list(BENCHMARK.load(folder, "val"))


@pytest.mark.parametrize("suffix", ["query", "query_str.txt", "output"])
def test_a_file_of_another_length_is_named(folder: Path, suffix: str) -> None:
    path = folder / f"val.{suffix}"
    path.write_text(path.read_text() + "more\n")
    with pytest.raises(InputError, match=rf"val\.{suffix} has 3 lines for 2 pictures"):
        list(BENCHMARK.load(folder, "val"))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 30, 30), np.uint8), r"shape \(2, 30, 30\)"),
        (np.zeros((2, 30, 30, 4), np.uint8), r"shape \(2, 30, 30, 4\)"),
        (np.zeros((2, 30, 30, 3), np.float32), "holds float32; wanted uint8"),
        (np.zeros((0, 30, 30, 3), np.uint8), "is empty"),
    ],
)
def test_pictures_of_another_form(folder: Path, array: np.ndarray, message: str) -> None:
    np.save(folder / "val.input.npy", array)
    with pytest.raises(InputError, match=message):
        list(BENCHMARK.load(folder, "val"))


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array(folder: Path, content: bytes) -> None:
    (folder / "val.input.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"val\.input\.npy"):
        list(BENCHMARK.load(folder, "val"))


def test_an_archive_of_arrays_is_refused(folder: Path) -> None:
    with (folder / "val.input.npy").open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(InputError, match="archive"):
        list(BENCHMARK.load(folder, "val"))


def test_a_wrong_label_names_its_line(folder: Path) -> None:
    (folder / "val.output").write_text("true\nmaybe\n")
    with pytest.raises(InputError, match=r"val\.output, line 2: 'maybe'"):
        list(BENCHMARK.load(folder, "val"))


def test_a_broken_query_names_its_line(folder: Path) -> None:
    (folder / "val.query").write_text(f"{QUERY}\n(is red)\n")
    with pytest.raises(InputError, match=r"val\.query, line 2"):
        list(BENCHMARK.load(folder, "val"))


def test_a_layout_of_another_program_is_an_error(folder: Path) -> None:
    path = folder / "val.query_layout_symbols.json"
    path.write_text(json.dumps([layout(parse_expression(QUERY)), ["_Find"]]))
    with pytest.raises(InputError, match="entry 1: the layout"):
        list(BENCHMARK.load(folder, "val"))


@pytest.mark.parametrize("text", ["{", "{}", "[[]]"])
def test_broken_layouts(folder: Path, text: str) -> None:
    (folder / "val.query_layout_symbols.json").write_text(text)
    with pytest.raises(InputError, match="layout"):
        list(BENCHMARK.load(folder, "val"))


@present
@pytest.mark.parametrize(("split", "count", "step"), [("val", 1024, 2), ("train.small", 640, 4)])
def test_official_splits_are_answered_from_pixels_without_a_fault(
    split: str, count: int, step: int
) -> None:
    examples = list(BENCHMARK.load(SHARED, split))
    assert len(examples) == count
    gold = {e.id: e.answers[0] for e in examples[::step]}
    pixels = Pixels(remember=count)
    assert answers(examples[::step], "steps", pixels) == gold
    assert answers(examples[::step], "python", pixels) == gold


@present
def test_official_text_only_splits() -> None:
    with pytest.raises(InputError, match="text only"):
        next(BENCHMARK.load(SHARED, "train.large"))


@present
def test_every_official_query_becomes_a_program_that_passes_the_check() -> None:
    checker = Checker(Toolbox(name="t", tools=TOOLS).with_tools(BENCHMARK.tools).tools)
    queries = set((SHARED / "train.large.query").read_text().split("\n")) - {""}
    queries |= set((SHARED / "train.med.query").read_text().split("\n")) - {""}
    assert len(queries) > 200
    for query in queries:
        expression = parse_expression(query.strip())
        checker.check(Program(steps_program(expression), "steps"), 1)
        checker.check(Program(python_program(expression), "python"), 1)


def test_loading_reads_no_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Picture) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(Picture, "load", refuse)
    monkeypatch.setattr(Picture, "read_bytes", refuse)
    assert len(list(BENCHMARK.load(folder, "val"))) == 2
