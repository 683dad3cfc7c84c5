"""`vprog ask` with a question alone: somebody writes the program, or a model answers by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from scripted import Scripted

from vprog.writers import Repair

COUNT = "B=LOC(image=IMAGE,object='red circle')\nN=COUNT(box=B)\nR=RESULT(var=N)"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Two red circles."""
    image = Image.new("RGB", (96, 96), "white")
    for left in (10, 50):
        ImageDraw.Draw(image).ellipse((left, 20, left + 30, 50), fill="red")
    path = tmp_path / "two.png"
    image.save(path)
    return path


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scripted]:
    """Puts a writer that writes these texts in the place of the one asked for."""

    def put(*texts: str, mend: Callable[[Repair], str | None] = lambda _: None) -> Scripted:
        writer = Scripted(texts=lambda _: [(text, None) for text in texts], mend=mend)
        monkeypatch.setattr("vprog.evaluation.ask.load_writer", lambda *_, **__: writer)
        return writer

    return put


@pytest.mark.parametrize("language", ["steps", "python"])
def test_the_tiny_writer_writes_and_the_tiny_tools_answer(
    inside: Any, drawn: Path, language: str
) -> None:
    picture = sorted((drawn / "images").iterdir())[0]
    ended = inside(
        "ask", picture, "is there a cup?", "--writer", "zoo", "--toolbox", "zoo",
        "--language", language, "--json",
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    assert said["answer"] in ("yes", "no")
    assert "cup" in said["program"]
    assert said["steps"][0]["tool"] == "detect"


def test_a_model_answers_and_explains_itself(inside: Any, drawn: Path) -> None:
    picture = sorted((drawn / "images").iterdir())[0]
    ended = inside("ask", picture, "is there a cup?", "--model", "zoo:vlm", "--explain", "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    (answered,) = [step for step in said["steps"] if step["tool"] == "answer"]
    rationale = answered["info"]["rationale"]
    assert rationale
    shown = inside("ask", picture, "is there a cup?", "--model", "zoo:vlm", "--explain").out
    assert " ".join(rationale.split()) in " ".join(shown.split())


def test_words_that_the_writer_does_not_know_are_told(inside: Any, picture: Path) -> None:
    ended = inside("ask", picture, "is there a quokka?", "--writer", "zoo")
    assert "writer zoo does not know 'quokka'" in ended.err
    assert "Traceback" not in ended.err


def test_the_likeliest_program_runs(
    inside: Any, picture: Path, scripted: Callable[..., Scripted]
) -> None:
    writer = scripted(COUNT, "R=RESULT(var='other')")
    ended = inside("ask", picture, "How many?", "--writer", "zoo", "--json")
    said = json.loads(ended.out)
    assert (ended.code, said["answer"], said["program"]) == (0, "2", COUNT)
    assert (writer.samplings[0].k, writer.samplings[0].temperature) == (1, 0)
    assert writer.mended == []


def test_a_broken_program_goes_back_once(
    inside: Any, picture: Path, scripted: Callable[..., Scripted]
) -> None:
    broken = COUNT.replace("COUNT", "CUONT")
    writer = scripted(broken, mend=lambda _: COUNT)
    ended = inside("ask", picture, "How many?", "--writer", "zoo", "--json")
    assert (ended.code, json.loads(ended.out)["answer"]) == (0, "2")
    ((text, message),) = writer.mended
    assert text == broken
    assert "COUNT" in message

    scripted(broken)  # and has nothing better
    ended = inside("ask", picture, "How many?", "--writer", "zoo", "--json")
    said = json.loads(ended.out)
    assert (ended.code, said["error"]["kind"]) == (1, "name")
    assert said["program"] == broken


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "--program FILE), somebody who writes one (--writer zoo"),
        (("--writer", "gold"), "the writer 'gold' has no steps program for this question"),
        (("--writer", "zo"), "unknown writer 'zo'"),
        (("--writer", "zoo", "--explain"), "--explain is for a model"),
        (("--model", "zoo:vlm", "--toolbox", "zoo"), "leave out --toolbox zoo"),
        (("--model", "zoo:vqa"), "is a ViltForQuestionAnswering"),
        (("--program", "p", "--writer", "zoo"), "leave out --writer, --model and --explain"),
        (("--program", "p", "--model", "zoo:vlm"), "leave out --writer, --model and --explain"),
        (("--writer", "zoo", "--prompt", "short"), "--prompt must be full or bare"),
        (("--writer", "zoo", "--base-url", "http://x/v1"), "--base-url is for --writer chat"),
        (("--program", "p", "--shots", "3"), "asks no model for programs; leave out --shots"),
    ],
)
def test_what_does_not_go_together(
    inside: Any, picture: Path, args: tuple[str, ...], message: str
) -> None:
    Path("p").write_text(COUNT)
    ended = inside("ask", picture, "How many?", *args)
    assert ended.code == 2
    assert message in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
