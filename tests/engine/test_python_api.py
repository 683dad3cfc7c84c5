"""The ImagePatch API as programs see it: every method, every free function, the frame."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import ANSWERS, Instant, answer, example, picture, python, run, run_all, toolbox
from vprog.example import Region
from vprog.trace import Step

WIDE = example(picture("w", 100, 40))
"""A picture 100 wide and 40 high."""


def on_wide(body: str, **more: Any) -> Any:
    return answer(python(body), on=WIDE, **more)


METHODS = [
    # whole picture: y grows upward from its lower edge
    ("[image.left, image.lower, image.right, image.upper]", [0, 0, 100, 40]),
    ("[image.width, image.height]", [100, 40]),
    ("[image.horizontal_center, image.vertical_center]", [50.0, 20.0]),
    ("str(image)", "ImagePatch(0, 0, 100, 40)"),
    ("image", Region("w", 0, 0, 100, 40)),
    # crops: in the frame of the patch, y upward; regions: in the picture's, y downward
    ("image.crop(10, 5, 30, 15)", Region("w", 10, 25, 30, 35)),
    ("image.crop(10, 5, 30, 15).lower", 5),
    ("image.crop(10, 5, 30, 15).crop(1, 2, 3, 4)", Region("w", 11, 31, 13, 33)),
    ("image.crop(10, 5, 60, 35).crop(1, 2, 3, 4).upper", 9),
    ("ImagePatch(image, 10, 5, 30, 15)", Region("w", 10, 25, 30, 35)),
    ("ImagePatch(image)", Region("w", 0, 0, 100, 40)),
    ("ImagePatch(image, left=90)", Region("w", 90, 0, 100, 40)),
    ("ImagePatch(image, upper=10)", Region("w", 0, 30, 100, 40)),
    ("ImagePatch(image.crop(10, 5, 30, 15).cropped_image, 1, 2, 3, 4).left", 11),
    # no further than the patch, as in ViperGPT
    ("image.crop(-5, -5, 200, 200)", Region("w", 0, 0, 100, 40)),
    ("image.crop(10, 5, 30, 15).crop(-5, -5, 200, 200)", Region("w", 10, 25, 30, 35)),
    # tools
    ("image.find('cup')", [Region("w", 0, 0, 50, 40), Region("w", 50, 0, 100, 40)]),
    ("image.find('nothing')", []),
    ("image.find(object_name='cup')[1].left", 50),
    ("image.crop(20, 0, 40, 10).find('cup')[1]", Region("w", 30, 30, 40, 40)),
    ("image.exists('cup')", True),
    ("image.exists('nothing')", False),
    ("image.verify_property('eee', 'aaa')", True),
    ("image.verify_property('xyz', 'rst')", False),
    ("image.best_text_match(['xyz', 'aei', 'abc'])", "aei"),
    ("image.best_text_match(['b', 'a'], prefix='ccc')", "a"),
    ("image.best_text_match(option_list=['same', 'same'])", "same"),
    ("image.simple_query('say hello')", "hello"),
    ("image.simple_query()", "What is this?"),
    ("image.crop(7, 0, 9, 9).compute_depth()", 7),
    ("image.crop(20, 0, 40, 10).shape", [3, 10, 20]),
    ("image.crop(90, 0, 300, 10).width", 10),
    ("image.crop(300, 0, 400, 10).width", 0),
    ("image.llm_query('say paris')", "paris"),
    ("image.llm_query('say paris', long_answer=False)", "paris"),
    # overlaps: against a rectangle of the whole picture, edges that touch included
    ("image.crop(10, 10, 20, 20).overlaps_with(15, 15, 30, 30)", True),
    ("image.crop(10, 10, 20, 20).overlaps_with(20, 20, 30, 30)", True),
    ("image.crop(10, 10, 20, 20).overlaps_with(21, 10, 30, 20)", False),
    ("image.crop(10, 10, 20, 20).overlaps_with(10, 0, 20, 9)", False),
    ("image.crop(10, 10, 20, 20).overlaps_with(0, 0, 100, 100)", True),
]


@pytest.mark.parametrize(("expression", "value"), METHODS)
def test_methods_and_attributes(expression: str, value: Any) -> None:
    assert on_wide(f"return {expression}") == value


FUNCTIONS = [
    ("best_image_match([image.crop(0, 0, 9, 9), image], 'a')", Region("w", 0, 31, 9, 40)),
    ("best_image_match([], 'a')", None),
    ("best_image_match([image, image.crop(0, 0, 5, 5)], ['a'], return_index=True)", 0),
    ("distance(image.crop(0, 0, 10, 10), image.crop(13, 14, 20, 20))", 5.0),
    ("distance(image.crop(0, 0, 10, 10), image.crop(15, 0, 20, 10))", 5.0),
    ("distance(image.crop(0, 0, 10, 10), image.crop(0, 12, 10, 20))", 2.0),
    ("distance(image.crop(0, 0, 10, 10), image.crop(0, 0, 10, 10))", -1.0),
    ("distance(image.crop(0, 0, 10, 10), image.crop(5, 0, 15, 10))", -50 / 150),
    ("distance(image.crop(0, 0, 10, 10), image.crop(10, 0, 20, 10))", 0.0),
    ("distance(3, 7.5)", 4.5),
    ("bool_to_yesno(True)", "yes"),
    ("bool_to_yesno([])", "no"),
    ("coerce_to_numeric('3')", 3),
    ("coerce_to_numeric(' 2.50 kg')", 2.5),
    ("coerce_to_numeric('1,200 people')", 1200),
    ("coerce_to_numeric('about -7 degrees')", -7),
    ("coerce_to_numeric('there are three cups')", 3),
    ("coerce_to_numeric('Twelve')", 12),
    ("coerce_to_numeric('$4')", 4),
    ("coerce_to_numeric('5-6')", 5),
    ("coerce_to_numeric(2.5)", 2.5),
    ("coerce_to_numeric('route 66.')", 66),
    ("coerce_to_numeric('unknown')", "unknown"),
    ("coerce_to_numeric('and')", "and"),
    ("coerce_to_numeric('thirteen cups')", 13),
    ("coerce_to_numeric('twenty')", 20),
    ("coerce_to_numeric('Twenty-five cups and two dogs')", 25),
    ("coerce_to_numeric('about ninety nine of them')", 99),
    ("coerce_to_numeric('two hundred and twelve')", 212),
    ("coerce_to_numeric('one two three')", 1),
    ("coerce_to_numeric('five or six')", 5),
    ("llm_query('say x')", "x"),
    ("llm_query('say x', False)", "x"),
    ("{'a': 2, 'b': 3}.items()", [["a", 2], ["b", 3]]),
    ("map(abs, [-1, 2])", [1, 2]),
    ("llm_query('say x', context='c')", "x\nContext: c"),
]


@pytest.mark.parametrize(("expression", "value"), FUNCTIONS)
def test_free_functions(expression: str, value: Any) -> None:
    assert on_wide(f"return {expression}") == (
        pytest.approx(value) if isinstance(value, float) else value
    )


def test_select_answer_hands_back_the_option_itself() -> None:
    backend = Instant({**ANSWERS, "knowledge": lambda call, _: " Blue \n"})
    body = "return select_answer({'seen': 1}, 'which colour?', ['red', 'blue'])"
    trace = run(python(body), on=WIDE, box=toolbox(backend))
    assert trace.answer == "blue"
    prompt = trace.steps[0].args["prompt"]
    assert prompt == (
        "Known facts:\n- seen: 1\nQuestion: which colour?\nOptions:\n- red\n- blue\n"
        "Answer with one of the options, word for word."
    )


WRONG = [
    ("image.find(3 + 4)", "type", "find wants text, got int"),
    ("image.best_text_match([])", "runtime", "at least one option"),
    ("image.best_text_match([1, 2])", "type", "wants text"),
    ("image.crop('a', 0, 1, 1)", "type", "left wants a number, got str"),
    ("image.crop(True, 0, 1, 1)", "type", "left wants a number, got bool"),
    ("ImagePatch('a')", "type", "ImagePatch wants an image"),
    ("image.find('cup')[2]", "runtime", "IndexError"),
    ("image.crop(9, 0, 5, 9)", "runtime", "ImagePatch has no area"),
    ("image.crop(0, 9, 5, 5)", "runtime", "ImagePatch has no area"),
    ("1 / 0", "runtime", "ZeroDivisionError"),
    ("{}['a']", "runtime", "KeyError"),
    ("'a' + 1", "type", ""),
    ("image + 1", "type", ""),
    ("None.left", "name", "left"),
    ("next([])", "runtime", "no item"),
]


@pytest.mark.parametrize(("expression", "kind", "words"), WRONG)
def test_wrong_use_at_run_time(expression: str, kind: str, words: str) -> None:
    trace = run(python(f"x = 1\n\nreturn {expression}"), on=WIDE)
    assert trace.failure is not None
    assert trace.failure.kind == kind
    assert words in trace.failure.message
    assert trace.failure.line == 4


def test_lines_of_failures_are_right_in_a_batch() -> None:
    programs = [
        python("y = 1\n" * n + "# é\nx = image.exists('x')\nreturn 1 / 0") for n in range(5)
    ]
    for in_flight in (1, 64):
        lines = [t.failure and t.failure.line for t in run_all(programs, in_flight=in_flight)]
        assert lines == [4, 5, 6, 7, 8]


def test_the_trace_names_the_function_that_the_program_used() -> None:
    body = (
        "a = image.find('cup')\nb = image.exists('cup')\nc = image.verify_property('cup', 'red')\n"
        "d = image.best_text_match(['a', 'b'])\ne = image.simple_query('say 1')\n"
        "f = image.compute_depth()\ng = best_image_match(a, 'x')\nh = llm_query('say 1')\nreturn b"
    )
    steps: list[Step] = run(python(body)).steps
    assert [(s.module, s.tool) for s in steps] == [
        ("find", "detect"), ("exists", "detect"), ("verify_property", "match"),
        ("best_text_match", "match"), ("simple_query", "vqa"), ("compute_depth", "depth"),
        ("best_image_match", "match"), ("best_image_match", "match"), ("llm_query", "knowledge"),
    ]  # fmt: skip
    assert dict(steps[0].args) == {"image": Region("p", 0, 0, 40, 30), "phrase": "cup"}
    assert dict(steps[2].args) == {"image": Region("p", 0, 0, 40, 30), "options": ["red cup"]}
    assert steps[1].source in ("shared", "remembered")
    assert steps[0].value == [
        Region("p", 0, 0, 20, 30, "cup", 0.9),
        Region("p", 20, 0, 40, 30, "cup", 0.8),
    ]


def test_coordinates_survive_the_way_there_and_back() -> None:
    body = """
parts = []
for i in range(40):
    p = image.crop(i / 3, i / 7, i / 3 + 11 / 13, i / 7 + 1 / 9)
    q = p.find('cup')[0]
    parts.append([p.left, p.lower, p.right, p.upper, p, q.left, q.upper])
return parts"""
    for left, lower, right, upper, region, again_left, again_upper in on_wide(body):
        assert region == Region("w", left, 40 - upper, right, 40 - lower)
        assert again_left == left
        assert again_upper == pytest.approx(upper, rel=1e-15)
        assert right - left == pytest.approx(11 / 13)


def test_pairs_and_questions_are_passed_by_name() -> None:
    pair = example(
        picture("l", 10, 10), picture("r", 20, 20, shade=1), extra={"choices": ["a", "b"]}
    )
    program = python(
        "return [left.width, right.width, question, options]", "left, right, question, options"
    )
    assert answer(program, on=pair) == [10, 20, "what?", ["a", "b"]]
    trace = run(program, on=example(*pair.pictures))
    assert trace.failure is not None
    assert trace.failure.kind == "type"
    assert "no answer options" in trace.failure.message
    spared = python("return possible_answers", "image, possible_answers=None")
    assert answer(spared) is None
    assert answer(spared, on=example(picture("l", 10, 10), extra={"choices": ["a"]})) == ["a"]


VIDEO = example(*(picture(f"f{n}", 40 + n, 30, shade=n) for n in range(6)))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("video.num_frames", 6),
        ("[video.start, video.end]", [0, 6]),
        ("video.frame_from_index(2).width", 42),
        ("video.frame_from_index(-1)", Region("f5", 0, 0, 45, 30)),
        ("[f.width for f in video.frame_iterator()]", [40, 41, 42, 43, 44, 45]),
        ("video.trim(1, 4).num_frames", 3),
        ("video.trim(1, 4).frame_from_index(0)", Region("f1", 0, 0, 41, 30)),
        ("video.trim(4).num_frames", 2),
        ("video.trim(1, 5).trim(1, 2).frame_from_index(0).width", 42),
        # Start and end count in the whole video, and the last frame stands for those behind it.
        ("[video.trim(1, 4).trim(1, 2).start, video.trim(1, 4).trim(1, 9).end]", [2, 4]),
        ("[VideoSegment(video, 2).start, VideoSegment(video, 2).end]", [2, 6]),
        ("video.trim(0, 2).frame_from_index(5)", Region("f1", 0, 0, 41, 30)),
        ("video.trim(-3, 2).num_frames", 2),
        ("VideoSegment(video, 2).num_frames", 4),
        ("sum([f.exists('cup') for f in video.frame_iterator()])", 6),
        ("[f.width for f in video]", [40, 41, 42, 43, 44, 45]),
        ("video.trim(2)[1].width", 43),
        ("video.select_answer({}, 'q', ['a'])[:5]", "Known"),
    ],
)
def test_video_segments(expression: str, value: Any) -> None:
    assert answer(python(f"return {expression}", "video"), on=VIDEO) == value


PAIR = example(picture("l", 40, 30), picture("r", 50, 30))


@pytest.mark.parametrize(
    ("expression", "names", "value", "on"),
    [
        ("[p.width for p in images]", "images", [40, 50], PAIR),
        ("image_list[1].width", "image_list", 50, PAIR),
        ("ImagePatch(image_dict['right']).width", "image_dict", 50, PAIR),
        ("[left.width, right.width]", "left, right", [40, 50], PAIR),
        ("[i.width for i in image_list]", "image_list", [40, 41, 42, 43, 44, 45], VIDEO),
        ("images.width", "images", 50, example(picture("r", 50, 30))),
    ],
)
def test_several_pictures(expression: str, names: str, value: Any, on: Any) -> None:
    assert answer(python(f"return {expression}", names), on=on) == value


def test_a_pair_as_one_image_is_refused() -> None:
    trace = run(python("return image.width", "image"), on=PAIR)
    assert trace.failure is not None
    assert "takes 1 pictures, but the example needs execute_command(left, right)" in str(
        trace.failure
    )


def test_no_frame_of_nothing_is_an_error() -> None:
    trace = run(python("return video.trim(2, 2).frame_from_index(0)", "video"), on=VIDEO)
    assert trace.failure is not None
    assert trace.failure.kind == "runtime"


def test_answers_keep_their_types() -> None:
    body = "return [True, 1, 1.0, None, 'a', (1, [2]), {'k': image}, {3}]"
    found = answer(python(body))
    assert found == [True, 1, 1.0, None, "a", [1, [2]], {"k": Region("p", 0, 0, 40, 30)}, [3]]
    assert [type(v) for v in found[:3]] == [bool, int, float]
