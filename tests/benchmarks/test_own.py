"""A user's own data: every kind of file, names of columns, messages where something is wrong."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answered import answered
from PIL import Image

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError, PictureError
from vprog.example import Example

ROWS: list[dict[str, Any]] = [
    {"image": "a.png", "question": "What colour?", "answer": "red"},
    {"image": "b.png", "question": "What colour, in pixels?", "answer": "blue"},
]
COLORS = {"a.png": (255, 0, 0), "b.png": (0, 0, 255)}


def png(name: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), COLORS[name]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in COLORS:
        (tmp_path / name).write_bytes(png(name))
    return tmp_path


def load(data: Path, split: str = "all", columns: str = "") -> list[Example]:
    name = f"own:{columns}" if columns else "own"
    return list(load_benchmark(name).load(data, split))


def check(examples: Sequence[Example]) -> None:
    """That these are the rows, with the right pictures."""
    assert [(e.question, e.answers) for e in examples] == [
        (row["question"], (row["answer"],)) for row in ROWS
    ]
    for example, color in zip(examples, COLORS.values(), strict=True):
        assert example.pictures[0].load().getpixel((0, 0)) == color
    assert len({e.pictures[0].id for e in examples}) == len({e.id for e in examples}) == 2


def fails(data: Path, *said: str, split: str = "all", columns: str = "") -> None:
    with pytest.raises(InputError) as error:
        load(data, split, columns)
    for words in said:
        assert words in str(error.value)


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
    return path


def embedded(rows: Sequence[Mapping[str, Any]] = ROWS) -> pa.Table:
    """As ``datasets`` embeds pictures."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = [{"bytes": png(row["image"]), "path": "same.png"} for row in rows]
    return pa.table(
        {
            "image": pa.array(cells, kind),
            "question": [row["question"] for row in rows],
            "answer": [row["answer"] for row in rows],
        }
    )


def save_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def test_text_files(folder: Path) -> None:
    check(load(write_lines(folder / "x.jsonl", ROWS)))
    (folder / "x.json").write_text(json.dumps(ROWS))
    check(load(folder / "x.json"))
    check(load(write_table(folder / "x.csv", ROWS)))
    check(load(write_table(folder / "x.tsv", ROWS, "\t")))


def test_parquet_with_embedded_pictures(folder: Path) -> None:
    pq.write_table(embedded(), folder / "x.parquet", row_group_size=1)
    check(load(folder / "x.parquet"))
    plain = embedded().set_column(0, "image", pa.array([png(n) for n in COLORS], pa.binary()))
    pq.write_table(plain, folder / "plain.parquet")
    check(load(folder / "plain.parquet"))


def test_parquet_with_paths(folder: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "x.parquet")
    check(load(folder / "x.parquet"))


def test_several_pictures_in_a_cell(folder: Path) -> None:
    kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    both = [{"bytes": png(name), "path": None} for name in COLORS]
    table = pa.table({"images": pa.array([both], kind), "question": ["Same?"], "answer": ["no"]})
    pq.write_table(table, folder / "x.parquet")
    (example,) = load(folder / "x.parquet")
    assert [p.load().getpixel((0, 0)) for p in example.pictures] == list(COLORS.values())
    row = {"image": ["a.png", "b.png"], "question": "Same?", "answer": "no"}
    (example,) = load(write_lines(folder / "x.jsonl", [row]))
    assert [p.id for p in example.pictures] == ["a.png", "b.png"]
    listed = {**row, "image": '["a.png", "b.png"]'}
    (example,) = load(write_table(folder / "x.csv", [listed]))
    assert len(example.pictures) == 2


def test_a_data_set_that_was_saved_to_disk(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_stream(embedded(), tmp_path / split / "data-00000-of-00001.arrow")
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
        (tmp_path / split / "state.json").write_text(json.dumps(state))
    check(load(tmp_path, "test"))
    check(load(tmp_path / "train"))
    fails(tmp_path, "no data for the split 'val'", "test/, train/", split="val")


def test_what_the_datasets_library_saves(tmp_path: Path, folder: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the library datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "question": datasets.Value("string"),
         "answer": datasets.ClassLabel(names=["blue", "red"])}
    )  # fmt: skip
    rows = [{**row, "image": str(folder / row["image"])} for row in ROWS]
    made = datasets.Dataset.from_list(rows, features=features)
    made.save_to_disk(tmp_path / "saved")
    check(load(tmp_path / "saved"))
    made.to_parquet(tmp_path / "made.parquet")
    check(load(tmp_path / "made.parquet"))


def test_class_labels_are_their_names(folder: Path) -> None:
    features = {"answer": {"names": ["blue", "red"], "_type": "ClassLabel"}}
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = embedded().set_column(2, "answer", pa.array([1, 0]))
    pq.write_table(table.replace_schema_metadata(told), folder / "x.parquet")
    check(load(folder / "x.parquet"))


def test_a_class_that_there_is_not(folder: Path) -> None:
    features = {"answer": {"names": ["blue", "red"], "_type": "ClassLabel"}}
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}

    def write(*labels: int | None) -> Path:
        table = embedded().set_column(2, "answer", pa.array(labels, pa.int64()))
        pq.write_table(table.replace_schema_metadata(told), folder / "x.parquet")
        return folder / "x.parquet"

    # What `datasets` writes where there is no label.
    assert [e.answers for e in load(write(-1, 1))] == [(), ("red",)]
    assert [e.answers for e in load(write(None, 0))] == [(), ("blue",)]
    for label in (2, -2):
        fails(write(1, label), "row 2", f"column 'answer' holds class {label}",
              "numbered 0 to 1. Write -1 where there is no label")  # fmt: skip


def test_splits_of_a_folder(folder: Path) -> None:
    write_lines(folder / "train.jsonl", ROWS[:1])
    assert len(load(folder)) == 1  # the only file
    write_lines(folder / "test.jsonl", ROWS)
    assert len(load(folder, "train")) == 1
    check(load(folder, "test"))
    fails(folder, "no data for the split 'all'", "test.jsonl, train.jsonl")
    (folder / "data").mkdir()
    for n in (0, 1):
        table = embedded(ROWS[n : n + 1])
        pq.write_table(table, folder / "data" / f"val-0000{n}-of-00002.parquet")
    check(load(folder, "val"))


def test_named_columns(folder: Path) -> None:
    renamed = [
        {"f": r["image"], "question": "no", "q": r["question"], "a": r["answer"]} for r in ROWS
    ]
    path = write_lines(folder / "x.jsonl", renamed)
    check(load(path, columns="image=f,question=q,answer=a"))
    fails(path, "row 1 has no column for the image", "Columns there: f, question, q, a",
          "--columns image=NAME")  # fmt: skip
    fails(path, "no column 'fff'", columns="image=fff")
    fails(path, "unknown role 'imgae'", "Did you mean 'image'", columns="imgae=f")
    fails(path, "said twice", columns="image=f,image=q")
    fails(path, "want role=column", columns="f")


def test_only_own_data_has_columns_to_name() -> None:
    with pytest.raises(InputError, match="vqav2 has its own"):
        load_benchmark("vqav2:image=f")


def test_answers(folder: Path) -> None:
    base = {"image": "a.png", "question": "?"}
    rows: list[dict[str, Any]] = [
        {**base, "answer": ["Red", "crimson"]},
        {**base, "answer": True},
        {**base, "answer": 2},
        {**base, "answer": None},
        {**base, "answer": math.nan},  # what Python writes of a table's missing number
        base,
        {**base, "answer": "B", "choices": ["red", "blue"]},
        {**base, "answer": 0, "choices": ["red", "blue"]},
    ]
    examples = load(write_lines(folder / "x.jsonl", rows))
    assert examples.pop(4).answers == ()
    assert [e.answers for e in examples] == [
        ("Red", "crimson"), ("yes",), ("2",), (), (), ("blue",), ("red",),
    ]  # fmt: skip
    own = load_benchmark("own")
    assert answered(own, examples[0], "a crimson").credit == 1.0
    assert answered(own, examples[0], "blue").credit == 0.0
    assert answered(own, examples[2], "two").credit == 1.0
    assert answered(own, examples[5], "b").credit == 1.0
    assert answered(own, examples[6], "b").credit == 0.0
    assert answered(own, examples[4], "red").credit == 0.0


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ("['dog', 'puppy']", ("dog", "puppy")),  # as pandas writes a list
        ('["dog", \'pup"py\']', ("dog", 'pup"py')),
        ("['it\\'s', None, 2, True]", ("it's", "2", "yes")),
        (r"['\d']", (r"\d",)),
        ("['red']", ("red",)),
        ("['', 'red']", ("red",)),
        ('["dog", "puppy"]', ("dog", "puppy")),
        ("[]", ()),
        ('["[text]"]', ("[text]",)),
    ],
)
def test_lists_in_text(folder: Path, cell: str, answers: tuple[str, ...]) -> None:
    path = write_table(folder / "x.csv", [{**ROWS[0], "answer": cell}])
    (example,) = load(path)
    assert example.answers == answers


@pytest.mark.parametrize(
    "cell",
    [
        "['dog' 'puppy']",  # as numpy prints an array: to Python one text
        "['dog'\n 'puppy']",
        "[1 2]",
        "[dog, puppy]",
        "['dog', nan]",
        "['dog'], ['puppy']",
        "[open('x')]",
        "[" * 100_000 + "]",
    ],
)
def test_brackets_that_are_no_list_are_refused(folder: Path, cell: str) -> None:
    path = write_table(folder / "x.csv", [{**ROWS[0], "answer": cell}])
    fails(path, f"{path}, line ", "column 'answer' is in brackets and no list",
          'A list is written as JSON: ["dog", "puppy"]')  # fmt: skip


def test_lists_of_pictures_and_choices_in_text(folder: Path) -> None:
    row = {"image": "['a.png', 'b.png']", "question": "?", "answer": "B", "options": "['x', 'y']"}
    (example,) = load(write_table(folder / "x.csv", [row]))
    assert [p.id for p in example.pictures] == ["a.png", "b.png"]
    assert (example.extra["choices"], example.answers) == (["x", "y"], ("y",))


@pytest.mark.parametrize("choices", ["dog, cat", '["dog"]'])
def test_one_choice_is_no_choice(folder: Path, choices: str) -> None:
    path = write_table(folder / "x.csv", [{**ROWS[0], "answer": "dog", "options": choices}])
    fails(path, f"{path}, line 2: column 'options' must hold two choices or more",
          'A list is written as JSON: ["dog", "puppy"]')  # fmt: skip
    path = write_table(folder / "x.csv", [{**ROWS[0], "options": ""}])
    assert load(path)[0].answers == ("red",)  # a question without choices


@pytest.mark.parametrize(
    ("choices", "answer", "label"),
    [
        ([1, 2, 3, 4], 1, "1"),  # what says the same goes before an index
        (["1", "2", "3"], 2, "2"),
        ([10, 20, 30], 2, "30"),
        ('["red", "blue"]', "1", "blue"),  # cells of CSV are text
        ([True, False], False, "no"),
        (["True", "False"], True, "True"),
        (["3.0", "2.5"], 3.0, "3.0"),
        (["red", "blue"], [None, " ", "(b)"], "blue"),
    ],
)
def test_which_of_the_choices(folder: Path, choices: Any, answer: Any, label: str) -> None:
    row = {"image": "a.png", "question": "?", "choices": choices, "answer": answer}
    (example,) = load(write_lines(folder / "x.jsonl", [row]))
    assert example.answers == (label,)
    assert answered(load_benchmark("own"), example, label).credit == 1.0


def test_a_blank_id_is_none(folder: Path) -> None:
    path = write_table(folder / "x.csv", [{"id": "", **row} for row in ROWS])
    path.write_text("\n" + path.read_text())  # a blank line before the header, too
    assert [e.id for e in load(path)] == ["0", "1"]
    # Nor are columns that a spreadsheet left behind.
    path.write_text("image,question,answer,,\na.png,What?,yes,,\n")
    assert [e.answers for e in load(path)] == [("yes",)]
    path = write_table(folder / "real_world.csv", ROWS)
    (folder / "real_world_world.json").write_text("{}")
    assert len(load(folder, "real_world")) == 2


def test_two_files_of_a_split(folder: Path) -> None:
    write_lines(folder / "test.jsonl", ROWS)
    write_table(folder / "test.csv", ROWS)
    fails(folder, "has test.csv and test.jsonl for the split 'test'", split="test")


@pytest.mark.parametrize("kind", [pa.list_(pa.binary(), 1), pa.binary_view()])
def test_arrows_other_types_of_bytes(folder: Path, kind: pa.DataType) -> None:
    cells: list[Any] = [png(row["image"]) for row in ROWS]
    if pa.types.is_fixed_size_list(kind):
        cells = [[cell] for cell in cells]
    table = embedded().set_column(0, "image", pa.array(cells, kind))
    with pa.ipc.new_file(str(folder / "x.arrow"), table.schema) as writer:
        writer.write_table(table)
    check(load(folder / "x.arrow"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"answer": [{"answer": "red"}]}, "an answer must be text, number or boolean"),
        ({"choices": ["red", {}]}, "a choice must be text, number or boolean"),
        ({"answer": ["red", "blue"], "choices": ["red", "blue"]}, "one of the choices is the"),
        ({"image": "c.png"}, "missing picture"),
        ({"image": None}, "names no picture"),
        ({"image": 3}, "must be a file name, found '3'"),
        ({"question": ""}, "column 'question' must be text"),
        ({"question": 3}, "column 'question' must be text"),
        ({"choices": ["green", "black"]}, "'red' is none of the choices"),
    ],
)
def test_broken_rows_are_named(folder: Path, row: dict[str, Any], said: str) -> None:
    path = write_lines(folder / "x.jsonl", [ROWS[1], {**ROWS[0], **row}])
    fails(path, f"{path}, row 2", said)


def test_broken_files(folder: Path) -> None:
    fails(folder / "nowhere", "does not exist")
    fails(folder, "Found there: nothing")
    (folder / "x.txt").write_text("?")
    fails(folder / "x.txt", "is none of .jsonl")
    (folder / "x.jsonl").write_text('{"image": "a.png"\n')
    fails(folder / "x.jsonl", "line 1 is no JSON")
    (folder / "x.json").write_text('{"image": "a.png"}')
    fails(folder / "x.json", "must hold a list of objects")
    (folder / "x.csv").write_text("image,question\na.png\n")
    fails(folder / "x.csv", "line 2: 1 cells, but 2 columns")
    (folder / "x.csv").write_text("image,image,question\na.png,b.png,?\n")
    fails(folder / "x.csv", "has the column 'image' twice")
    (folder / "x.csv").write_bytes("image,question\na.png,Gr\xf6\xdfe?\n".encode("latin-1"))
    fails(folder / "x.csv", "is no text in UTF-8; save it as UTF-8 first")
    (folder / "x.jsonl").write_text(
        '{"image": "a.png", "question": "?", "answer": ' + "9" * 5000 + "}"
    )
    fails(folder / "x.jsonl", "line 1 is no JSON")
    (folder / "x.parquet").write_bytes(b"PAR1 no")
    fails(folder / "x.parquet", "cannot read")
    (folder / "x.arrow").write_bytes(b"no")
    fails(folder / "x.arrow", "cannot read")


def test_a_table_that_vanishes_is_a_picture_error(folder: Path) -> None:
    path = folder / "x.parquet"
    pq.write_table(embedded(), path)
    example = load(path)[0]
    path.unlink()
    with pytest.raises(PictureError, match="cannot read a picture"):
        example.pictures[0].read_bytes()


def test_the_command(inside: Any, folder: Path) -> None:
    write_table(folder / "my.csv", [{"file": "a.png", "q": "What colour?", "label": "red"}])
    (folder / "p.jsonl").write_text(
        json.dumps(
            {
                "id": "0",
                "language": "steps",
                "program": "B=LOC(image=IMAGE,object='object')\nN=COUNT(box=B)\nR=RESULT(var=N)",
            }
        )
    )
    args = ("--data", "my.csv", "--writer", "replay:p.jsonl", "--toolbox", "pixels", "--json")
    ended = inside("run", "own", *args, "--columns", "image=file,question=q", "--out", "run")
    assert (ended.code, ended.json["n"]) == (0, 1)
    scored = inside("score", "run", "--json").json
    assert scored["benchmark"] == "own:image=file,question=q"
    assert scored["metrics"]["accuracy"]["value"] == 0.0
    assert "no column for the image" not in inside("view", "run").err
    message = inside("run", "own", *args, "--out", "other").message
    assert "no column for the question" in message
    assert "Columns there: file, q, label" in message
