"""ShapeWorld: files to Examples, trees to programs of both languages, rules of the tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.shapeworld import BENCHMARK, SETS
from vprog.benchmarks.shapeworld_programs import (
    COLORS,
    SHAPES,
    plan_caption,
    python_program,
    steps_program,
)
from vprog.benchmarks.shapeworld_tools import TOOLS as OWN_TOOLS
from vprog.engine import Engine, Task
from vprog.errors import InputError, ProgramError
from vprog.example import Example, Region
from vprog.program import Program
from vprog.program.check import Checker
from vprog.tools.backend import Backend, Toolbox
from vprog.tools.backends.oracle import Oracle
from vprog.tools.backends.pixels import Pixels
from vprog.tools.catalogue import TOOLS

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "shapeworld"
present = pytest.mark.skipif(not SHARED.is_dir(), reason="ShapeWorld is not in ../shared/data")

Tree = dict[str, Any]


def noun(*words: str) -> Tree:
    """An EntityType: ``noun("red", "square")``."""
    value = [
        {
            "component": "Attribute",
            "predtype": "color" if word in COLORS else "shape",
            "value": word,
        }
        for word in words
    ]
    return {"component": "EntityType", "predtype": "type", "value": value}


def selector(kind: str, scope: Tree, value: int | None = None, comparison: Tree | None = None):
    node: Tree = {"component": "Selector", "predtype": kind, "scope": scope}
    if value is not None:
        node["value"] = value
    if comparison is not None:
        node["comparison"] = comparison
    return node


def relation(kind: str, value: int, reference: Tree, comparison: Tree | None = None) -> Tree:
    node: Tree = {
        "component": "Relation",
        "predtype": kind,
        "value": value,
        "reference": reference,
    }
    if comparison is not None:
        node["comparison"] = comparison
    return node


def is_a(*words: str) -> Tree:
    if len(words) == 1:
        (value,) = noun(*words)["value"]
        return {"component": "Relation", "predtype": "attribute", "value": value}
    return {"component": "Relation", "predtype": "type", "value": noun(*words)}


def some(restrictor: Tree, body: Tree) -> Tree:
    return {"component": "Existential", "restrictor": restrictor, "body": body}


def many(kind: str, order: str, quantity: float, restrictor: Tree, body: Tree) -> Tree:
    return {
        "component": "Quantifier",
        "qtype": kind,
        "qrange": order,
        "quantity": quantity,
        "restrictor": restrictor,
        "body": body,
    }


def joined(kind: str, *clauses: Tree) -> Tree:
    return {"component": "Proposition", "proptype": kind, "clauses": list(clauses)}


def entity(
    number: int, color: str, shape: str, x: float, y: float, half: float = 0.05, shade: float = 0.0
) -> Tree:
    return {
        "id": number,
        "color": {"name": color, "shade": shade},
        "shape": {"name": shape, "size": {"x": half, "y": half}},
        "center": {"x": x, "y": y},
        "bounding_box": {
            "topleft": {"x": x - half, "y": y - half},
            "bottomright": {"x": x + half, "y": y + half},
        },
        "rotation": 0.0,
    }


# Two red squares (the left one larger and darker), a red circle, a blue circle that covers part of
# a green triangle.
WORLD = {
    "size": 100,
    "entities": [
        entity(0, "red", "square", 0.2, 0.2, 0.1, -0.3),
        entity(1, "red", "square", 0.8, 0.2, 0.05, 0.3),
        entity(2, "red", "circle", 0.2, 0.8, 0.06, 0.0),
        entity(3, "green", "triangle", 0.70, 0.75, 0.08),
        entity(4, "blue", "circle", 0.78, 0.78, 0.08),
    ],
}


def write_set(
    folder: Path,
    trees: Sequence[Tree],
    agreements: Sequence[str],
    world: Tree = WORLD,
    name: str = "own",
) -> None:
    path = folder / name
    path.mkdir()
    (path / "world_model.json").write_text(json.dumps([world]))
    (path / "caption_model.json").write_text(json.dumps([list(trees)]))
    (path / "caption.txt").write_text("".join(f"caption {i} .\n" for i in range(len(trees))) + "\n")
    (path / "agreement.txt").write_text(";".join(agreements) + "\n")
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(path / "world-0.png")


def run(
    examples: Sequence[Example], language: str, backend: Backend | None = None
) -> dict[str, object]:
    answering = backend or Oracle()
    toolbox = Toolbox(
        name="t", tools=TOOLS, backends={"detect": answering, "match": answering}
    ).with_tools(BENCHMARK.tools)
    with Engine(toolbox) as engine:
        tasks = (Task(e, Program(e.programs[language], language)) for e in examples)
        traces = list(engine.run(tasks))
    assert not [t.failure for t in traces if t.failure]
    return {t.example_id: {True: "yes", False: "no"}.get(t.answer, t.answer) for t in traces}


CAPTIONS: list[tuple[Tree, bool]] = [
    (noun("red", "square"), True),
    (noun("blue", "square"), False),
    (noun(), True),
    (some(noun("circle"), is_a("blue")), True),
    (some(noun("square"), is_a("blue")), False),
    (some(noun("circle"), is_a("square")), False),
    (some(noun("green"), is_a("green", "triangle")), True),
    (many("count", "eq", 3, noun(), is_a("red")), True),
    (many("count", "gt", 3, noun(), is_a("red")), False),
    (many("count", "geq", 3, noun(), is_a("red")), True),
    (many("count", "lt", 3, noun(), is_a("red")), False),
    (many("count", "leq", 3, noun(), is_a("red")), True),
    (many("count", "neq", 3, noun(), is_a("red")), False),
    (many("count", "eq", -1, noun("square"), is_a("red")), True),
    (many("count", "eq", -2, noun("circle"), is_a("red")), True),
    (many("count", "eq", -1, noun("circle"), is_a("red")), False),
    (many("ratio", "eq", 0.67, noun("red"), is_a("square")), True),
    (many("ratio", "neq", 0.67, noun("red"), is_a("square")), False),
    (many("ratio", "gt", 0.5, noun("circle"), is_a("red")), False),
    (many("ratio", "geq", 0.5, noun("circle"), is_a("red")), True),
    (many("ratio", "eq", 1.0, noun("square"), is_a("red")), True),
    (many("ratio", "eq", 0.0, noun("cross"), is_a("red")), True),
    (joined("conjunction", noun("red"), noun("cross")), False),
    (joined("disjunction", noun("red"), noun("cross")), True),
    (joined("implication", noun("cross"), noun("red")), False),
    (joined("implication", noun("red"), noun("cross")), True),
    (joined("implication", noun("cross"), noun("ellipse")), True),
    (joined("equivalence", noun("cross"), noun("ellipse")), True),
    (joined("equivalence", noun("red"), noun("ellipse")), False),
    (joined("exclusive-disjunction", noun("red"), noun("ellipse")), True),
    (joined("exclusive-disjunction", noun("red"), noun("blue")), False),
    (some(noun("circle"), relation("x-rel", -1, noun("green"))), True),
    (some(noun("square"), relation("y-rel", 1, noun("circle"))), False),
    (some(noun("square"), relation("y-rel", -1, noun("circle"))), True),
    (some(noun("green"), relation("x-rel", 1, noun("blue"))), False),
    (some(noun("square"), relation("size-rel", 1, noun("red", "square"))), True),
    (some(noun("red", "circle"), relation("size-rel", -1, noun("blue"))), True),
    (some(noun("red", "circle"), relation("size-rel", 1, noun("blue"))), False),
    (some(noun("square"), relation("shade-rel", -1, noun("square"))), True),
    (some(noun("red", "circle"), relation("shade-rel", -1, noun("blue"))), False),
    (some(noun("blue"), relation("z-rel", 1, noun("triangle"))), True),
    (some(noun("blue"), relation("z-rel", -1, noun("triangle"))), False),
    (some(noun("triangle"), relation("z-rel", -1, noun("circle"))), True),
    (some(noun("red", "circle"), relation("z-rel", 1, noun("square"))), False),
    (some(noun("square"), relation("shape-rel", 1, noun("red"))), True),
    (some(noun("green"), relation("shape-rel", 1, noun("red"))), False),
    (some(noun("green"), relation("shape-rel", 1, noun("green"))), False),
    (some(noun("square"), relation("shape-rel", -1, noun("square"))), False),
    (some(noun("circle"), relation("color-rel", 1, noun("square"))), True),
    (some(noun("blue"), relation("color-rel", -1, noun("circle"))), True),
    (
        some(
            noun("blue"),
            relation("proximity-rel", -1, noun("green"), selector("unique", noun("red", "circle"))),
        ),
        True,
    ),
    (
        some(
            noun("blue"),
            relation("proximity-rel", 1, noun("green"), selector("unique", noun("red", "circle"))),
        ),
        False,
    ),
    (some(selector("unique", noun("green")), is_a("triangle")), True),
    (some(selector("unique", noun("square")), is_a("red")), False),
    (some(selector("x-max", noun("square"), -1), relation("x-rel", -1, noun("green"))), True),
    (some(selector("x-max", noun("circle"), 1), is_a("blue")), True),
    (some(selector("y-max", noun("red"), 1), is_a("circle")), True),
    (some(selector("y-max", noun("green"), 1), is_a("triangle")), False),
    (some(selector("x-two", noun("circle"), -1), is_a("red")), True),
    (some(selector("x-two", noun("red"), -1), is_a("red")), False),
    (some(selector("size-max", noun("square"), 1), relation("x-rel", -1, noun("green"))), True),
    (some(selector("size-max", noun("circle"), -1), is_a("red")), True),
    (some(selector("shade-max", noun("red"), 1), is_a("square")), True),
    (some(selector("shade-two", noun("square"), -1), relation("x-rel", -1, noun("blue"))), True),
    (
        some(
            selector("proximity-max", noun("circle"), -1, selector("unique", noun("green"))),
            is_a("blue"),
        ),
        False,
    ),
    (
        some(
            selector("proximity-two", noun("circle"), 1, selector("unique", noun("green"))),
            is_a("red"),
        ),
        True,
    ),
]


def test_the_registry_knows_it() -> None:
    assert load_benchmark("shapeworld") is BENCHMARK
    assert BENCHMARK.splits == (*SETS, "all")
    assert BENCHMARK.binary


@pytest.mark.parametrize("language", ["steps", "python"])
def test_every_node_means_what_it_says(tmp_path: Path, language: str) -> None:
    trees = [tree for tree, _ in CAPTIONS]
    write_set(tmp_path, trees, ["1.0" if true else "0.0" for _, true in CAPTIONS])
    examples = list(BENCHMARK.load(tmp_path, "own"))
    found = run(examples, language)
    wrong = [(json.dumps(trees[i]), e.answers) for i, e in enumerate(examples)
             if found[e.id] != e.answers[0]]  # fmt: skip
    assert wrong == []


def test_examples_of_a_set(tmp_path: Path) -> None:
    trees = [noun("red"), some(noun("red"), relation("x-rel", 1, noun("blue")))]
    write_set(tmp_path, trees, ["1.0", "0.5"])
    first, second = BENCHMARK.load(tmp_path, "own")
    assert first.id == "own-0-0"
    assert first.question == "caption 0 ."
    assert first.answers == ("yes",)
    assert first.types == {"set": "own", "form": "entitytype"}
    assert second.answers == (), "0.5 is neither true nor false"
    assert second.types["form"] == "x-rel"
    assert first.group == second.group == "own/0"
    assert first.pictures[0].scene is second.pictures[0].scene


def test_scene_of_a_world(tmp_path: Path) -> None:
    write_set(tmp_path, [noun()], ["1.0"], {"size": 100, "entities": WORLD["entities"][:2]})
    (example,) = BENCHMARK.load(tmp_path, "own")
    scene = example.pictures[0].scene
    assert scene is not None
    first, second = scene.objects
    assert first.name == "square"
    assert "red" in first.attributes
    center = 100 * (0.5 + (0.2 - 0.5) / 1.05)
    assert np.allclose(
        first.box_xyxy, [center - 10, center - 10, center + 10, center + 10], atol=0.01
    )
    grades = dict(a.split("=") for a in first.attributes if "=" in a)
    assert float(grades["large"]) == pytest.approx(0.4)
    assert float(grades["dark"]) == pytest.approx(0.65)
    assert first.depth > second.depth, "later shapes are drawn over earlier ones"


def test_boxes_are_clipped_to_the_picture(tmp_path: Path) -> None:
    world = {"size": 100, "entities": [entity(0, "red", "square", 0.01, 0.99, 0.1)]}
    write_set(tmp_path, [noun()], ["1.0"], world)
    (example,) = BENCHMARK.load(tmp_path, "own")
    scene = example.pictures[0].scene
    assert scene is not None
    left, _, _, bottom = scene.objects[0].box_xyxy
    assert (left, bottom) == (0, 100)


def test_all_is_every_set_by_name(tmp_path: Path) -> None:
    write_set(tmp_path, [noun("red")], ["1.0"], name="b")
    write_set(tmp_path, [noun("red")], ["1.0"], name="a")
    assert [e.id for e in BENCHMARK.load(tmp_path, "all")] == ["a-0-0", "b-0-0"]
    with pytest.raises(InputError, match="holds no folder"):
        list(BENCHMARK.load(tmp_path / "a", "all"))


def test_programs_read_as_they_should() -> None:
    plan = plan_caption(some(selector("size-max", noun("red"), 1), is_a("square")))
    assert steps_program(plan).splitlines() == [
        "BOX0=LOC(image=IMAGE,object='red shape')",
        "BOX1=CLASSIFY(image=IMAGE,object=BOX0,categories=['large'])",
        "BOX2=CLASSIFY(image=IMAGE,object=BOX0,categories=["
        + ",".join(f"'{shape}'" for shape in SHAPES)
        + "])",
        "BOX3=TOP(boxes=BOX1,kinds=BOX2)",
        "BOX4=LOC(image=IMAGE,object='square')",
        "BOX5=AMONG(boxes=BOX3,others=BOX4)",
        "COUNT0=COUNT(box=BOX5)",
        'ANSWER0=EVAL(expr="{COUNT0} > 0")',
        "FINAL_RESULT=RESULT(var=ANSWER0)",
    ]
    plan = plan_caption(some(noun("red"), relation("z-rel", -1, noun("blue", "cross"))))
    assert python_program(plan).splitlines() == [
        "def execute_command(image):",
        '    red_shape_patches = image.find("red shape")',
        '    blue_cross_patches = image.find("blue cross")',
        "    outranking_ones = [a for a in red_shape_patches if any("
        '[best_image_match([b, a], "behind") is a for b in overlapping(blue_cross_patches, [a])])]',
        "    return bool_to_yesno(len(outranking_ones) > 0)",
    ]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"component": "NumberBound"}, "unknown component 'NumberBound'"),
        ({"comp": "x"}, "has no 'component'"),
        (some(noun(), {"component": "Attribute"}), "unknown predicate 'Attribute'"),
        (some(noun(), relation("texture-rel", 1, noun())), "unknown relation 'texture-rel'"),
        (some(selector("z-max", noun(), 1), is_a("red")), "unknown selector 'z-max'"),
        (some(selector("x-min", noun(), 1), is_a("red")), "unknown selector 'x-min'"),
        (some(is_a("red"), is_a("red")), "unknown noun phrase 'Relation'"),
        (joined("nand", noun(), noun()), "unknown proposition 'nand'"),
        (joined("implication", noun()), "takes two clauses, found 1"),
        (many("composed", "eq", 1, noun(), is_a("red")), "unknown quantifier 'composed'"),
        (many("count", "about", 1, noun(), is_a("red")), "unknown range 'about'"),
        (noun("stripy"), "unknown shape 'stripy'"),
        (
            {"component": "EntityType", "value": [{"predtype": "texture", "value": "solid"}]},
            "unknown attribute 'texture'",
        ),
    ],
)
def test_unknown_nodes_are_named(tmp_path: Path, tree: Tree, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_caption(tree)
    write_set(tmp_path, [noun("red"), tree], ["1.0", "1.0"])
    with pytest.raises(InputError, match=rf"own, picture 0, caption 1 .*{message}"):
        list(BENCHMARK.load(tmp_path, "own"))


@pytest.mark.parametrize(
    "file",
    ["world_model.json", "caption_model.json", "caption.txt", "agreement.txt", "world-0.png"],
)
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    write_set(tmp_path, [noun("red")], ["1.0"])
    (tmp_path / "own" / file).unlink()
    with pytest.raises(InputError, match=rf"{file} is missing"):
        list(BENCHMARK.load(tmp_path, "own"))


def test_a_missing_set_names_those_there(tmp_path: Path) -> None:
    write_set(tmp_path, [noun("red")], ["1.0"])
    with pytest.raises(InputError, match=r"owl is missing.*Did you mean 'own'"):
        list(BENCHMARK.load(tmp_path, "owl"))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("world_model.json", "[]", "world_model.json is empty"),
        ("world_model.json", "{", "world_model.json is no JSON"),
        ("world_model.json", "{}", "world_model.json holds no list"),
        ("world_model.json", '[{"size": 100}]', "world model .* is broken"),
        ("caption_model.json", "[[], []]", "caption_model.json is for 2 pictures, not 1"),
        ("caption.txt", "", "caption.txt is for 0 pictures, not 1"),
        ("caption.txt", "a\n\nb\n", "caption.txt is for 2 pictures, not 1"),
        ("caption.txt", "a\nb\n", "2 captions, 1 agreements and 1 semantic trees"),
        ("agreement.txt", "1.0;1.0\n", "1 captions, 2 agreements"),
        ("agreement.txt", "yes\n", "agreement 'yes' is no number"),
    ],
)
def test_broken_files(tmp_path: Path, file: str, text: str, message: str) -> None:
    write_set(tmp_path, [noun("red")], ["1.0"])
    (tmp_path / "own" / file).write_text(text)
    with pytest.raises(InputError, match=message):
        list(BENCHMARK.load(tmp_path, "own"))


def test_an_unknown_shape_in_a_world_is_named(tmp_path: Path) -> None:
    world = {"size": 100, "entities": [entity(0, "red", "star", 0.5, 0.5)]}
    write_set(tmp_path, [noun("red")], ["1.0"], world)
    with pytest.raises(InputError, match="'star'"):
        list(BENCHMARK.load(tmp_path, "own"))


def box(x: float, y: float, half: float = 4, label: str = "", score: float = 1.0) -> Region:
    return Region("p", x - half, y - half, x + half, y + half, label, score)


@pytest.fixture
def own() -> dict[str, Callable[..., Any]]:
    return {t.name: t.function for t in OWN_TOOLS if t.function is not None}


def test_tools_compare_boxes_by_place_not_by_label(own: dict[str, Callable[..., Any]]) -> None:
    a, b = box(10, 10, label="red"), box(50, 50)
    assert own["among"](boxes=[a, b], others=[a._replace(label="x", score=0.1)]) == [a]
    assert own["only"](boxes=[a], count=1) == [a]
    assert own["only"](boxes=[a, b], count=1) == []
    assert own["like"](boxes=[a], others=[a]) == []


def test_extreme_wants_two(own: dict[str, Callable[..., Any]]) -> None:
    a, b, c = box(10, 50), box(50, 10), box(40, 90)
    assert own["extreme"](boxes=[a], side="left") == []
    for side, expected in (("left", a), ("right", b), ("above", b), ("below", c)):
        assert own["extreme"](boxes=[a, b, c], side=side) == [expected]


def test_sides_are_checked(own: dict[str, Callable[..., Any]]) -> None:
    with pytest.raises(ProgramError, match=r"no side 'lef'.*Did you mean 'left'"):
        own["extreme"](boxes=[box(1, 1), box(2, 2)], side="lef")
    with pytest.raises(ProgramError, match="no side 'under'"):
        own["beside"](boxes=[], others=[], side="under")


def test_nearer_compares_with_no_box_itself(own: dict[str, Callable[..., Any]]) -> None:
    a, b, c = box(10, 50), box(30, 50), box(90, 50)
    assert own["nearer"](boxes=[b], than=[c], places=[a]) == [b]
    assert own["nearer"](boxes=[c], than=[b], places=[a]) == []
    assert own["nearer"](boxes=[c], than=[b], places=[a], farther=True) == [c]
    assert own["nearer"](boxes=[a, b], than=[c], places=[b]) == [a]
    assert own["nearer"](boxes=[b], than=[b], places=[a]) == []


def test_overlap_wants_a_fifth_of_the_smaller(own: dict[str, Callable[..., Any]]) -> None:
    small, large = box(0, 0, 5), box(18, 0, 15)
    assert own["overlapping"](boxes=[small], others=[large]) == []
    nearer = box(16, 0, 15)
    assert own["overlapping"](boxes=[small], others=[nearer]) == [small]
    assert own["overlapping"](boxes=[small], others=[small]) == []
    ranked = [small._replace(score=0.9)]
    others = [nearer._replace(score=0.5), large._replace(score=0.1)]
    assert own["outranking"](boxes=ranked, others=others[1:]) == ranked
    assert own["outranking"](boxes=ranked, others=others[1:], overlap=True) == []
    assert own["outranking"](boxes=ranked, others=others, overlap=True) == ranked


def test_top_ranks_within_a_kind(own: dict[str, Callable[..., Any]]) -> None:
    scored = [box(10 * i, 0, score=s) for i, s in enumerate((0.2, 0.4, 0.9, 0.3, 0.1))]
    kinds = [b._replace(label=k, score=1) for b, k in zip(scored, "aabcc", strict=True)]
    assert own["top"](boxes=scored, kinds=kinds) == [scored[1], scored[3]]


@present
@pytest.mark.parametrize("name", SETS)
def test_official_sets_are_answered_by_the_oracle(name: str) -> None:
    examples = list(BENCHMARK.load(SHARED, name))
    assert len(examples) == 500
    steps = run(examples, "steps")
    assert np.mean([steps[e.id] == e.answers[0] for e in examples]) >= 0.99
    some_of_them = examples[::5]
    python = run(some_of_them, "python")
    assert python == {e.id: steps[e.id] for e in some_of_them}


@present
def test_official_pictures_are_answered_from_pixels() -> None:
    examples = list(BENCHMARK.load(SHARED, "existential-full"))[:250]
    found = run(examples, "steps", Pixels())
    assert np.mean([found[e.id] == e.answers[0] for e in examples]) >= 0.98


@present
def test_every_official_program_passes_the_check() -> None:
    checker = Checker(Toolbox(name="t", tools=TOOLS).with_tools(BENCHMARK.tools).tools)
    examples = list(BENCHMARK.load(SHARED, "all"))
    assert len(examples) == 3000
    assert len({e.id for e in examples}) == 3000
    for example in examples:
        checker.check(Program(example.programs["steps"], "steps"), 1)
        checker.check(Program(example.programs["python"], "python"), 1)
