"""Pictures that are missing, broken, or far too large: for `ask`, and among many in a run."""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from vprog.runs.folder import read_traces

COUNT = "B=LOC(image=IMAGE,object='circle')\nN=COUNT(box=B)\nFINAL=RESULT(var=N)\n"


def good(path: Path, circles: int = 1) -> Path:
    image = Image.new("RGB", (96, 96), "white")
    for n in range(circles):
        ImageDraw.Draw(image).ellipse((10 + 40 * n, 20, 40 + 40 * n, 50), fill="red")
    image.save(path)
    return path


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG of one bit a pixel with that header, whatever its rows hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def truncated(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[:200])


BROKEN = {
    "truncated": truncated,
    "cut in the header": lambda path: path.write_bytes(png(10, 10)[:20]),
    "text": lambda path: path.write_text("I am no picture\n"),
    "no bytes": lambda path: path.write_bytes(b""),
    "30,000 x 30,000": lambda path: path.write_bytes(png(30_000, 30_000)),
    "12,000 x 12,000": lambda path: path.write_bytes(png(12_000, 12_000)),
    "a folder": lambda path: path.mkdir(),
}
SAYS = {
    "truncated": "broken picture cup.png: image file is truncated",
    "cut in the header": "cannot read picture cup.png",
    "text": "cannot read picture cup.png: cannot identify image file",
    "no bytes": "cannot read picture cup.png: cannot identify image file",
    "30,000 x 30,000": "picture cup.png is too large",
    "12,000 x 12,000": "picture cup.png has 12000 x 12000 pixels; at most 100,000,000",
    "a folder": "cannot read picture cup.png: [Errno 21] Is a directory",
}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "count.txt"
    path.write_text(COUNT)
    return path


@pytest.mark.parametrize("kind", BROKEN)
def test_ask_refuses_a_broken_picture(inside, tmp_path: Path, program: Path, kind: str) -> None:
    BROKEN[kind](tmp_path / "cup.png")
    ended = inside("ask", "cup.png", "How many?", "--program", program, "--json")
    assert ended.message.startswith(SAYS[kind])
    assert ended.out == ""


def test_ask_refuses_a_missing_picture(vprog, program: Path) -> None:
    ended = vprog("ask", "cup.png", "How many?", "--program", program)
    assert ended.message == "cannot read picture cup.png: no such file"


def test_ask_wants_a_picture_and_a_question(inside, tmp_path: Path, program: Path) -> None:
    good(tmp_path / "cup.png")
    assert (
        "wants a picture and a question" in inside("ask", "cup.png", "--program", program).message
    )


def test_the_program_fits_the_number_of_pictures(inside, tmp_path: Path, program: Path) -> None:
    good(tmp_path / "a.png")
    good(tmp_path / "b.png")
    ended = inside("ask", "a.png", "b.png", "Both?", "--program", program, "--json")
    assert ended.code == 1
    assert ended.json["error"]["kind"] == "name"
    assert "LEFT" in ended.json["error"]["message"]


def test_a_large_picture_within_the_bound_is_read(inside, tmp_path: Path, program: Path) -> None:
    row = b"\x00" + b"\xff" * (1000 // 8)
    (tmp_path / "cup.png").write_bytes(png(1000, 1000, row * 1000))
    ended = inside("ask", "cup.png", "How many?", "--program", program, "--json")
    assert (ended.code, ended.json["answer"]) == (0, "0")


@pytest.mark.parametrize("language", ["steps", "python"])
def test_bad_pictures_fail_their_own_questions_alone(
    inside, tmp_path: Path, world: Path, language: str
) -> None:
    pictures = sorted((world / "images").iterdir())
    for path in pictures:
        good(path, circles=2)
    # What only happens once a call reads pixels, and what already happens when the program starts.
    breaks = {"truncated": pictures[0], "text": pictures[1], "30,000 x 30,000": pictures[2]}
    for kind, path in breaks.items():
        BROKEN[kind](path)
    bad = {path.stem for path in breaks.values()}
    questions = json.loads((world / "val_balanced_questions.json").read_text())
    text = {
        "steps": COUNT,
        "python": "def execute_command(image):\n    return len(image.find('circle'))\n",
    }[language]
    lines = [json.dumps({"id": id, "program": text, "language": language}) for id in questions]
    (tmp_path / "programs.jsonl").write_text("\n".join(lines))
    ended = inside(
        "run", "world-gqa", "--data", world, "--writer", "replay:programs.jsonl",
        "--toolbox", "pixels", "--language", language, "--out", "run", "--json",
    )  # fmt: skip
    assert ended.code == 0
    expected = Counter(q["imageId"] in bad for q in questions.values())
    assert (ended.json["failed"], ended.json["answered"]) == (expected[True], expected[False])
    for record in read_traces(tmp_path / "run"):
        trace = record.trace
        if questions[trace.example_id]["imageId"] not in bad:
            assert (trace.failure, trace.answer) == (None, 2)
            continue
        assert trace.failure is not None
        assert trace.failure.kind == "picture"
        assert str(world / "images") in trace.failure.message
    assert inside("score", "run", "--json").json["errors"]["picture"] == expected[True]


def test_a_picture_that_is_missing_is_said_before_anything_runs(
    inside, tmp_path: Path, world: Path
) -> None:
    gone = sorted((world / "images").iterdir())[0]
    gone.unlink()
    message = inside("run", "world-gqa", "--data", world, "--out", "run").message
    assert f"missing picture {gone}" in message
    assert not (tmp_path / "run").exists()
