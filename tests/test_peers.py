"""What breaks in programs that do the same as vprog, and does not break here.

One test for every fault that users of VisProg's, ViperGPT's, HYDRA's, VDebugger's, smolagents' and
asteval's public code meet.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes import ANSWERS, Instant, answer, example, picture, python, run, run_all, toolbox
from vprog import Boxes, Example, Picture, PictureError, ProgramError, Region, tool
from vprog.engine import Engine, Task
from vprog.program import Checker, Program
from vprog.tools.catalogue import TOOLS
from vprog.verify import answer_text, verify


def steps(*lines: str) -> Program:
    return Program("\n".join(lines), "steps")


def told(word: str) -> Any:
    """A toolbox whose question answering says this."""
    return toolbox(Instant({**ANSWERS, "vqa": lambda call, _: word}))


# --- VisProg ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["\n\nA=EVAL(expr='1')\n\nR=RESULT(var=A)\n\n", "A=EVAL(expr='1')\n   \nR=RESULT(var=A)\n\t\n"],
)
def test_visprog_blank_lines_and_trailing_newlines(text: str) -> None:
    assert answer(Program(text, "steps")) == 1


def test_visprog_comments() -> None:
    text = "# count\nA=EVAL(expr='1') # one\n#\nB=EVAL(expr='{A} == \"#\"')\nR=RESULT(var=A)"
    assert answer(Program(text, "steps")) == 1


def test_visprog_negative_numbers_and_several_arguments() -> None:
    @tool
    def pick(boxes: Boxes, thr: float = 0.0, n: int = 1) -> list[float]:
        """Shows what it was given."""
        return [len(boxes), thr, n]

    program = steps("A=PICK(boxes=[IMAGE],thr=-1,n=2)", "R=RESULT(var=A)")
    assert answer(program, box=toolbox(tools=[pick])) == [1, -1, 2]


def test_visprog_lists_and_nested_brackets() -> None:
    program = steps(
        "B=LOC(image=IMAGE,object='cup')",
        "C=CLASSIFY(image=IMAGE,object=B,categories=['a (b, c)', \"d=[e]\", 'aeiou'])",
        "E=EVAL(expr='[[1, 2], (3, (4))][1][1]')",
        "R=RESULT(var=[C,E,['x',[-1]]])",
    )
    found = answer(program)
    assert [r.label for r in found[0]] == ["aeiou", "aeiou"]
    assert found[1:] == [4, ["x", [-1]]]


def test_visprog_nested_calls_are_refused_and_not_misread() -> None:
    program = steps("A=CROP(image=CROP(image=IMAGE,box=[]),box=[])", "R=RESULT(var=A)")
    with pytest.raises(ProgramError, match=r"an argument is a variable.*line 1, column 14"):
        Checker(TOOLS).check(program, 1)


def test_visprog_an_answer_is_never_executed(tmp_path: Path) -> None:
    target = tmp_path / "hacked"
    word = f"__import__('pathlib').Path({str(target)!r}).touch()"
    for expr in ("{A}", "{A} == 'yes'", "'{A}' == 'yes'", "'yes' if {A} else 'no'"):
        trace = run(
            steps(f"A=VQA(image=IMAGE,question='q')\nX=EVAL(expr={expr!r})\nR=RESULT(var=X)"),
            box=told(word),
        )
        assert trace.failure is None
        assert trace.answer in (word, False, "yes")
    assert not target.exists()


@pytest.mark.parametrize("expr", ["{A} == 'red'", "'{A}' == 'red'", "'dress' in {A}", "'{A}'"])
def test_visprog_an_apostrophe_in_an_answer(expr: str) -> None:
    trace = run(
        steps("A=VQA(image=IMAGE,question='q')", f"X=EVAL(expr={expr!r})", "R=RESULT(var=X)"),
        box=told("women's dress"),
    )
    assert trace.answer in (False, True, "women's dress")
    assert trace.answer == {"'dress' in {A}": True, "'{A}'": "women's dress"}.get(expr, False)


@pytest.mark.parametrize("expr", ["{A} == '2'", "{A} == 2", "'{A}' == '2'", "2 == {A}", "{A} > 1"])
def test_visprog_the_answer_two_is_two(expr: str) -> None:
    program = steps("A=VQA(image=IMAGE,question='q')", f"X=EVAL(expr={expr!r})", "R=RESULT(var=X)")
    assert answer(program, box=told("2")) is True


def test_visprog_xor_inside_of_words() -> None:
    program = steps(
        "A=VQA(image=IMAGE,question='q')",
        "X=EVAL(expr=\"'{A}' == 'fluxor' xor {A} == 'xor or not'\")",
        "R=RESULT(var=X)",
    )
    assert answer(program, box=told("fluxor")) is True
    assert answer(program, box=told("flux or")) is False


def test_visprog_braces_in_eval() -> None:
    program = steps("A=VQA(image=IMAGE,question='q')", "X=EVAL(expr=\"{A} + '{}' + '{0}'\")",
                    "R=RESULT(var=X)")  # fmt: skip
    assert answer(program, box=told("{a} {")) == "{a} {{}{0}"


def test_visprog_finding_nothing_is_noted() -> None:
    trace = run(steps("B=LOC(image=IMAGE,object='no such thing')", "C=CROP(image=IMAGE,box=B)",
                      "A=VQA(image=C,question='say 1')", "R=RESULT(var=A)"))  # fmt: skip
    assert trace.answer == "1"
    assert trace.steps[0].value == []
    assert trace.steps[1].info["note"] == "no box: the whole image is handed on"


def test_visprog_the_callers_state_is_not_changed() -> None:
    pictures = (picture("a", shade=3), picture("b", shade=4))
    pixels = [np.array(p.array_rgb) for p in pictures]
    question = Example(id="e", pictures=pictures, question="q", extra={"choices": ["x", "y"]})
    before = repr(question)
    programs = [
        steps("B=LOC(image=LEFT,object='x')", "T=TAG(image=LEFT,object=B)",
              "LEFT=BGBLUR(image=T,object=B)", "A=VQA(image=LEFT,question='say 1')",
              "R=RESULT(var=A)"),
        python("options.append('z')\nleft.left = 9\nright = left\nreturn options",
               "left, right, options"),
    ]  # fmt: skip
    tasks = [Task(question, p, n) for n, p in enumerate(programs)]
    with Engine(toolbox()) as engine:
        for _ in range(2):
            traces = {t.candidate: t for t in engine.run(tasks)}
            assert traces[0].answer == "1"
            assert traces[1].answer == ["x", "y", "z"]
    assert repr(question) == before
    assert question.pictures == pictures
    assert question.extra == {"choices": ["x", "y"]}
    for p, was in zip(pictures, pixels, strict=True):
        assert (np.asarray(p.array_rgb) == was).all()


def test_visprog_an_error_names_its_step() -> None:
    trace = run(steps("A=EVAL(expr='1')", "B=EVAL(expr='2')", "C=EVAL(expr='{A} / ({B} - 2)')",
                      "R=RESULT(var=C)"))  # fmt: skip
    assert trace.failure is not None
    assert (trace.failure.step, trace.failure.line) == (2, 3)
    with pytest.raises(ProgramError, match=r"unknown module 'LOCATE'.*line 2, column 3"):
        Checker(TOOLS).check(steps("A=EVAL(expr='1')", "B=LOCATE(image=IMAGE)"), 1)


def test_visprog_its_pictures_draw_with_the_pillow_that_is_here() -> None:
    from importlib.metadata import version

    labelled = Region("p", 2, 2, 30, 20, "a label")
    program = steps(
        "B=LOC(image=IMAGE,object='x')", "T=TAG(image=IMAGE,object=B)", "R=RESULT(var=T)"
    )
    box = toolbox(Instant({**ANSWERS, "detect": lambda call, _: [labelled]}))
    with Engine(box) as engine:
        trace, pictures = engine.run_one(Task(example(), program))
    assert int(version("pillow").split(".")[0]) >= 10
    assert isinstance(trace.answer, Region)
    assert pictures[trace.answer.picture].load().getbbox() is not None


# --- ViperGPT -----------------------------------------------------------------------------------


def test_viper_needs_no_gpu() -> None:
    code = "import vprog.engine, sys; assert 'torch' not in sys.modules; print('fine')"
    env = {"PYTHONPATH": ":".join(sys.path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory"), KeyError("x")]
)
def test_viper_an_exception_of_a_module_is_no_answer(error: Exception) -> None:
    def broken(call: Any, pictures: Any) -> Any:
        raise error

    question = Example(id="e", pictures=(picture(),), question="q", answers=("no",))
    box = toolbox(Instant({**ANSWERS, "vqa": broken}))
    for program in (
        python("return image.simple_query('q')"),
        python("try:\n    return image.simple_query('q')\nexcept:\n    return 'no'"),
        steps("A=VQA(image=IMAGE,question='q')", "R=RESULT(var=A)"),
    ):
        trace = run(program, box=box, on=question)
        assert trace.answer is None
        assert trace.failure is not None
        assert trace.failure.kind == "tool"
        assert verify(trace, question).judgement == "failed"


def test_viper_while_true_ends() -> None:
    trace = run(python("while True:\n    pass"), time_s=0.3)
    assert trace.failure is not None
    assert trace.failure.kind == "limit"
    assert "0.3 s" in trace.failure.message


def test_viper_globals_do_not_leak() -> None:
    leaking = Program(
        "import math\nsecret = 41\ndef helper():\n    return secret\n"
        "def execute_command(image):\n    global secret\n    secret += 1\n    return secret",
        "python",
    )
    overwriting = python(
        "global find, ImagePatch, execute_command\nfind = ImagePatch = 0\nreturn 1"
    )
    reading = python("return [secret, helper]")
    plain = python("return len(image.find('x'))")
    traces = run_all([leaking, overwriting, reading, plain, leaking, plain])
    assert [t.answer for t in traces] == [42, 1, None, 2, 42, 2]
    assert traces[2].failure is not None
    assert traces[2].failure.kind == "name"


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(1)",
        "exit(1)",
        "quit()",
        "import sys\nsys.exit(1)",
        "raise KeyboardInterrupt",
    ],
)
def test_viper_system_exit_stays_inside(body: str) -> None:
    traces = run_all([python(body), python("return 1")])
    assert traces[0].failure is not None
    assert traces[1].answer == 1


@pytest.mark.parametrize(
    "body",
    [
        "import os\nreturn os.getcwd()",
        "return open('/etc/passwd').read()",
        "return __import__('os').getcwd()",
    ],
)
def test_viper_os_and_open_are_out_of_reach(body: str) -> None:
    trace = run(python(body))
    assert trace.failure is not None
    assert trace.failure.kind == "name"
    assert trace.steps == []


def test_viper_nothing_is_read_again_for_every_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    file = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), (9, 9, 9)).save(file)
    reads = []
    read_bytes = Picture.read_bytes
    monkeypatch.setattr(Picture, "read_bytes", lambda self: reads.append(1) or read_bytes(self))
    body = "return [p.simple_query('say 1') for p in image.find('x') * 20] + [image.exists('y')]"
    assert answer(python(body), on=example(Picture("p", path=file))) == ["1"] * 40 + [True]
    assert len(reads) == 1  # for its digest; the size is in the header


def test_viper_every_picture_of_a_batch_has_its_own_scale() -> None:
    sizes = [(8, 8), (640, 480), (30, 900), (1, 1)]
    examples = [example(picture(f"p{n}", w, h, shade=n)) for n, (w, h) in enumerate(sizes)]
    backend = Instant({**ANSWERS, "vqa": lambda call, p: str(pixels_of(call, p))})
    programs = [
        python("return image.crop(0, 0, image.width / 2, image.height).simple_query('q')")
    ] * 4
    traces = run_all(programs, toolbox(backend), examples)
    assert [len(b) for b in backend.batches] == [4]
    assert [t.answer for t in traces] == ["(4, 8)", "(320, 480)", "(15, 900)", "(1, 1)"]


def pixels_of(call: Any, pictures: Any) -> Any:
    region = call.args["image"]
    return pictures[region.picture].crop(region).size


def test_viper_axes_of_arrays() -> None:
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[:10, 40:] = 255  # the right upper corner: rows come first
    image = Picture("a", array_rgb=pixels)
    assert image.size == (50, 30)
    assert image.region == Region("a", 0, 0, 50, 30)
    body = "corner = image.crop(40, 20, 50, 30)\nreturn [image.width, image.height, corner]"
    width, height, corner = answer(python(body), on=example(image))
    assert (width, height) == (50, 30)
    crop = np.asarray(image.crop(corner))
    assert crop.shape == (10, 10, 3)
    assert (crop == 255).all()


def test_viper_equal_calls_of_candidates_are_computed_once() -> None:
    body = (
        "a = image.find('cup')\nreturn [a[0].simple_query('say 1'), a[1].simple_query('say 2'), "
        "image.exists('x')]"
    )
    with Engine(toolbox()) as engine:
        run_all([python(body)] * 5, engine=engine)
        assert (engine.counts.requested, engine.counts.computed) == (20, 4)


# --- the others ---------------------------------------------------------------------------------


def test_hydra_results_do_not_hang_on_the_interpreters_locals() -> None:
    body = "x = 1\ny = [x for _ in range(2)]\ndef inner():\n    return x + len(y)\nreturn inner()"
    assert answer(python(body)) == 3
    for word in ("locals", "globals", "exec"):
        trace = run(python(f"{word}()\nreturn 1"))
        assert trace.failure is not None
        assert trace.failure.kind == "name"


def test_vdebugger_a_missing_import_fails_at_once() -> None:
    trace = run(python("import transformers\nreturn transformers.pipeline('vqa')"))
    assert trace.failure is not None
    assert trace.failure.kind == "name"
    assert trace.failure.line == 2
    assert "no module 'transformers' here" in trace.failure.message
    assert trace.failure.step is None  # it was never started


def test_smolagents_format_strings_do_not_reach_globals() -> None:
    for body in (
        "return '{0.__globals__}'.format(image.find)",
        "return '{0.__init__.__globals__}'.format(image)",
        "return '{0.__globals__}'.format(best_image_match)",
        "return f'{llm_query.__globals__}'",
        "return '%s' % [getattr(distance, '__globals__')]",
    ):
        trace = run(python(body))
        assert trace.failure is not None
        assert trace.failure.kind == "name"


def test_smolagents_the_time_limit_is_no_suggestion() -> None:
    traces = run_all([python("x = 0\nwhile True:\n    x += 1"), python("return 1")], time_s=0.3)
    assert traces[0].failure is not None
    assert traces[0].failure.kind == "limit"
    assert traces[1].answer == 1


def test_asteval_open_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret words")
    for program in (
        python(f"return open({str(tmp_path / 'secret')!r}).read()"),
        steps(f"A=EVAL(expr=\"open('{tmp_path / 'secret'}')\")", "R=RESULT(var=A)"),
    ):
        trace = run(program)
        assert trace.failure is not None
        assert trace.failure.kind == "name"
        assert "secret words" not in repr(trace)


# --- what their users ask for -------------------------------------------------------------------


def test_a_broken_picture_is_no_silent_no(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    broken = Picture("b", path=tmp_path / "broken.jpg")
    question = Example(id="e", pictures=(broken,), question="q", answers=("no",))
    trace = run(python("return image.exists('cup')"), on=question)
    assert trace.failure is not None
    assert trace.failure.kind == "picture"
    assert "broken.jpg" in trace.failure.message
    with pytest.raises(PictureError):
        broken.load()


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), ("Yes.", "yes"), (3.0, "3"), ("three", "3"), ("A dog", "dog"), (None, None),
     ("  the Red  Cup! ", "red cup"), (["a", 1], "a, 1"), ("", "")],
)  # fmt: skip
def test_answers_are_brought_into_one_form(value: Any, text: str | None) -> None:
    assert answer_text(value) == text


def test_the_same_run_twice_is_the_same_run() -> None:
    body = textwrap.dedent(
        """
        import random
        import time
        words = list({'b', 'a', 'c'})
        random.shuffle(words)
        return words + [time.time(), random.random(), image.simple_query('say ' + words[0])]
        """
    )
    assert answer(python(body)) == answer(python(body))
