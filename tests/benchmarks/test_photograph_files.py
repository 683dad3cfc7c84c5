"""Loaders of benchmarks of photographs, end to end over drawn data, and broken files."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from answered import answered

from vprog.benchmarks import gqa_files, load_benchmark
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.example import Example
from vprog.program import Program
from vprog.tools.toolboxes import load_toolbox
from vprog.world import OFFICIAL_TASKS, write_official

SPLITS = {"mmbench": "dev_en", "hateful-memes": "dev_seen", "openimages": "validation"}
BENCHMARKS = ("vqav2", "okvqa", "aokvqa", "aokvqa-mc", "mmbench", "hateful-memes", "openimages",
              "own")  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every task's files. Not to be changed."""
    folder = tmp_path_factory.mktemp("drawn")
    for task in OFFICIAL_TASKS:
        write_official(task, "flat", 10, 1, folder / task, workers=1)
    return folder


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a task's files that a test may break."""
    return lambda task: Path(shutil.copytree(drawn / task, tmp_path / task))


def load(benchmark: str, folder: Path, split: str = "") -> list[Example]:
    split = split or SPLITS.get(benchmark, "val")
    return list(load_benchmark(benchmark).load(folder, split))


def fails(benchmark: str, folder: Path, *said: str) -> None:
    with pytest.raises(InputError) as error:
        load(benchmark, folder)
    for words in said:
        assert words in str(error.value)


def task_of(benchmark: str) -> str:
    return benchmark.removesuffix("-mc")


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.parametrize("language", ["steps", "python"])
def test_gold_programs_over_gold_scenes_are_right(drawn: Path, name: str, language: str) -> None:
    benchmark = load_benchmark(name)
    examples = {e.id: e for e in load(name, drawn / task_of(name))}
    tasks = [Task(e, Program(e.programs[language], language)) for e in examples.values()]  # type: ignore[arg-type]
    assert len(tasks) >= 8
    with Engine(load_toolbox("oracle")) as engine:
        for trace in engine.run(tasks):
            verdict = benchmark.verify(trace, examples[trace.example_id])
            assert (verdict.judgement, verdict.credit > 0.7) == ("right", True), verdict.why


@pytest.mark.parametrize("name", BENCHMARKS)
def test_pictures_are_readable_jpegs(drawn: Path, name: str) -> None:
    picture = load(name, drawn / task_of(name))[0].pictures[0]
    assert picture.read_bytes().startswith(b"\xff\xd8")
    assert picture.load().size == picture.size == (96, 96)


@pytest.mark.parametrize(
    ("name", "split"),
    [("vqav2", "test"), ("aokvqa", "test"), ("aokvqa-mc", "test"), ("mmbench", "test_en")],
)
def test_test_splits_have_no_labels(tmp_path: Path, name: str, split: str) -> None:
    write_official(task_of(name), "flat", 8, 1, tmp_path, split="test", workers=1)
    examples = load(name, tmp_path, split)
    assert examples
    assert {e.answers for e in examples} == {()}
    assert all("right_choice" not in e.extra for e in examples)


def test_the_same_arguments_write_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    write_official("mmbench", "flat", 10, 1, tmp_path, workers=1)
    for file in sorted((drawn / "mmbench").rglob("*")):
        if file.is_file():
            same = tmp_path / file.relative_to(drawn / "mmbench")
            assert same.read_bytes() == file.read_bytes()


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'vqav2'"):
        write_official("vqav3", "flat", 5, 1, tmp_path)
    with pytest.raises(InputError, match="mmbench has no split 'train'"):
        write_official("mmbench", "flat", 5, 1, tmp_path, split="train")
    with pytest.raises(InputError, match="n is 0"):
        write_official("vqav2", "flat", 0, 1, tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "source"),
    [
        ("vqav2", "v2_OpenEnded_mscoco_val2014_questions.json", "visualqa.org"),
        ("vqav2", "v2_mscoco_val2014_annotations.json", "visualqa.org"),
        ("okvqa", "OpenEnded_mscoco_val2014_questions.json", "okvqa.allenai.org"),
        ("okvqa", "mscoco_val2014_annotations.json", "okvqa.allenai.org"),
        ("aokvqa", "aokvqa_v1p0_val.json", "allenai/aokvqa"),
        ("mmbench", "MMBench_DEV_EN.tsv", "open-compass/MMBench"),
        ("hateful-memes", "dev_seen.jsonl", "hatefulmemeschallenge"),
        ("openimages", "oidv7-class-descriptions-boxable.csv", "openimages"),
        ("openimages", "bbox_labels_600_hierarchy.json", "openimages"),
        ("openimages", "validation-annotations-bbox.csv", "openimages"),
    ],
)
def test_missing_files_say_where_they_are_published(
    data: Callable[[str], Path], name: str, file: str, source: str
) -> None:
    folder = data(name)
    (folder / file).unlink()
    fails(name, folder, "missing file", file, source)
    fails(name, folder / "nowhere", "does not exist", source)


@pytest.mark.parametrize(
    ("name", "folder", "source"),
    [
        ("vqav2", "val2014", "cocodataset.org"),
        ("okvqa", "val2014", "cocodataset.org"),
        ("aokvqa", "val2017", "cocodataset.org"),
        ("hateful-memes", "img", "hatefulmemeschallenge"),
        ("openimages", "validation", "openimages"),
        ("own", "images", "row 1"),
    ],
)
def test_missing_pictures(data: Callable[[str], Path], name: str, folder: str, source: str) -> None:
    files = data(name)
    shutil.rmtree(files / folder)
    fails(name, files, "picture", folder, source)


def test_pictures_may_stay_in_their_archive(data: Callable[[str], Path]) -> None:
    folder = data("vqav2")
    with zipfile.ZipFile(folder / "val2014.zip", "w") as archive:
        for file in (folder / "val2014").iterdir():
            archive.write(file, f"val2014/{file.name}")
    before = [e.pictures[0].digest for e in load("vqav2", folder)]
    shutil.rmtree(folder / "val2014")
    assert [e.pictures[0].digest for e in load("vqav2", folder)] == before


def edit(path: Path, change: Callable[[dict[str, object]], object], column: str = "") -> None:
    """Changes the first row of a JSON, JSONL, CSV or TSV file."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        change(rows[0])
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        content = json.loads(path.read_text())
        change((content[column] if column else content)[0])
        path.write_text(json.dumps(content))
    else:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        with path.open(newline="") as file:
            table = list(csv.DictReader(file, delimiter=delimiter))
        change(table[0])
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(
                file, list(table[0]), delimiter=delimiter, extrasaction="ignore"
            )
            writer.writeheader()
            writer.writerows(table)


VQA = "v2_OpenEnded_mscoco_val2014_questions.json"
ANNOTATIONS = "v2_mscoco_val2014_annotations.json"


@pytest.mark.parametrize(
    ("name", "file", "part", "change", "said"),
    [
        ("vqav2", VQA, "questions", lambda r: r.pop("image_id"), "no column 'image_id'"),
        ("vqav2", VQA, "questions", lambda r: r.update(question_id="1"), "must be int"),
        ("vqav2", VQA, "questions", lambda r: r.update(semantic=[{}]), "'semantic' is malformed"),
        ("vqav2", ANNOTATIONS, "annotations", lambda r: r.update(question_id=7), "no annotation"),
        ("vqav2", ANNOTATIONS, "annotations", lambda r: r.update(answers=[]), "is empty"),
        ("vqav2", ANNOTATIONS, "annotations", lambda r: r.update(answers=[1]), "an object"),
        ("aokvqa-mc", "aokvqa_v1p0_val.json", "", lambda r: r.update(choices=["a"]), "two texts"),
        ("aokvqa-mc", "aokvqa_v1p0_val.json", "", lambda r: r.update(correct_choice_idx=4),
         "must be 0 to 3, found 4"),
        ("aokvqa", "aokvqa_v1p0_val.json", "", lambda r: r.update(direct_answers=[1]), "texts"),
        ("mmbench", "MMBench_DEV_EN.tsv", "", lambda r: r.update(index="x"), "line 2"),
        ("mmbench", "MMBench_DEV_EN.tsv", "", lambda r: r.update(answer="E"), "one of A, B, C, D"),
        ("mmbench", "MMBench_DEV_EN.tsv", "", lambda r: r.update(image=""), "holds no picture"),
        ("mmbench", "MMBench_DEV_EN.tsv", "", lambda r: [r.pop(c) for c in ("question",)],
         "no column 'question'"),
        ("hateful-memes", "dev_seen.jsonl", "", lambda r: r.update(label=2), "0 or 1, found 2"),
        ("hateful-memes", "dev_seen.jsonl", "", lambda r: r.pop("text"), "row 1 has no column"),
        ("openimages", "validation-annotations-bbox.csv", "", lambda r: r.update(XMin="left"),
         "line 2: column 'XMin' must be a number"),
        ("openimages", "validation-annotations-bbox.csv", "", lambda r: r.update(XMax="1.5"),
         "shares of the picture"),
    ],
)  # fmt: skip
def test_broken_rows_are_named(
    data: Callable[[str], Path],
    name: str,
    file: str,
    part: str,
    change: Callable[[dict[str, object]], object],
    said: str,
) -> None:
    folder = data(task_of(name))
    edit(folder / file, change, part)
    fails(name, folder, file, said)


def test_files_as_other_programs_write_them(data: Callable[[str], Path]) -> None:
    folder = data("hateful-memes")
    path = folder / "dev_seen.jsonl"
    edit(path, lambda row: row.update(text="one\u2028two"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    found = load("hateful-memes", folder)
    assert len(found) == len(rows)
    assert "one\u2028two" in found[0].question


def test_broken_tables(data: Callable[[str], Path]) -> None:
    path = data("openimages") / "validation-annotations-bbox.csv"
    good = path.read_text()
    path.write_text("")
    fails("openimages", path.parent, "is empty")
    path.write_text(good.splitlines()[0] + "\na,b\n")
    fails("openimages", path.parent, "line 2: 2 cells, but 13 columns")
    path.write_bytes(b"\xff\xfe\x00")
    fails("openimages", path.parent, "is no text in UTF-8")


def test_vqav2_keeps_what_people_said(drawn: Path) -> None:
    rows = json.loads((drawn / "vqav2" / ANNOTATIONS).read_text())["annotations"]
    example = load("vqav2", drawn / "vqav2")[0]
    assert example.id == str(rows[0]["question_id"])
    assert example.extra["human_answers"] == [a["answer"] for a in rows[0]["answers"]]
    assert example.types["answer_type"] in ("yes/no", "other")
    assert load("okvqa", drawn / "okvqa")[0].types["question_type"] in ("Objects", "Attributes")


def test_aokvqa_hides_choices_and_leaves_difficult_ones_to_the_other_setting(drawn: Path) -> None:
    direct = load("aokvqa", drawn / "aokvqa")
    choice = load("aokvqa-mc", drawn / "aokvqa")
    assert len(choice) == 10
    assert len(direct) == 9
    assert all("choices" not in e.extra for e in direct)
    assert all(e.answers == (e.extra["choices"][e.extra["right_choice"]],) for e in choice)


def test_mmbench_asks_every_rotation(drawn: Path) -> None:
    examples = load("mmbench", drawn / "mmbench")
    one = [e for e in examples if e.group == "0"]
    assert [e.id for e in one] == ["0-0", "0-1", "0-2", "0-3"]
    assert {e.extra["choices"][e.extra["right_choice"]] for e in one} == {one[0].answers[0]}
    assert sorted(e.extra["right_choice"] for e in one) == [0, 1, 2, 3]
    assert one[1].extra["choices"] == one[0].extra["choices"][1:] + one[0].extra["choices"][:1]
    assert len({e.pictures[0].id for e in one}) == 1
    assert one[0].question.startswith('Look at the "things" in the picture.\n')


def test_mmbench_with_rotations_in_the_file(data: Callable[[str], Path]) -> None:
    path = data("mmbench") / "MMBench_DEV_EN.tsv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))[:2]
    turned = dict(rows[0], index=str(1_000_000 + int(rows[0]["index"])), image=rows[0]["index"])
    turned.update(A=rows[0]["B"], B=rows[0]["A"], answer={"A": "B", "B": "A"}.get(
        rows[0]["answer"], rows[0]["answer"]))  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows([*rows, turned])
    examples = load("mmbench", path.parent)
    assert [e.id for e in examples] == ["0-0", "1-0", "0-1"]
    assert examples[2].pictures[0] is examples[0].pictures[0]
    assert examples[2].answers == examples[0].answers
    # The file itself may be named instead of its folder.
    assert [e.id for e in load("mmbench", path, "dev_en")] == ["0-0", "1-0", "0-1"]


def test_a_cell_that_is_no_base64_fails_its_own_questions(data: Callable[[str], Path]) -> None:
    path = data("mmbench") / "MMBench_DEV_EN.tsv"
    edit(path, lambda row: row.update(image="no picture"))
    edit(path, lambda row: row.update(hint=""))
    examples = load("mmbench", path.parent)
    with pytest.raises(InputError, match="no base64"):
        examples[0].pictures[0].load()
    assert base64.b64encode(examples[-1].pictures[0].read_bytes()).startswith(b"/9j/")


def test_memes_that_were_seen_are_not_taken_for_unseen_ones(
    data: Callable[[str], Path],
) -> None:
    folder = data("hateful-memes")
    (folder / "dev_seen.jsonl").rename(folder / "dev.jsonl")  # the first release
    assert load("hateful-memes", folder, "dev_seen")
    shutil.copy(folder / "dev.jsonl", folder / "test.jsonl")
    assert load("hateful-memes", folder, "test_seen")
    for split in ("dev_unseen", "test_unseen"):
        with pytest.raises(InputError, match=rf"missing file .*{split}\.jsonl\. "):
            load("hateful-memes", folder, split)


def test_mmbench_choices_keep_their_letters(data: Callable[[str], Path]) -> None:
    path = data("mmbench") / "MMBench_DEV_EN.tsv"
    edit(path, lambda row: row.update(A="a", B="", C="c", D="d", answer="D"))
    one = [e for e in load("mmbench", path.parent) if e.group == "0"]
    assert [e.extra["choices"] for e in one] == [["a", "c", "d"], ["c", "d", "a"], ["d", "a", "c"]]
    assert {e.answers for e in one} == {("d",)}
    assert [e.extra["right_choice"] for e in one] == [2, 1, 0]
    benchmark = load_benchmark("mmbench")
    assert benchmark.submission is not None
    items = [answered(benchmark, e, "d") for e in one]
    assert [item.credit for item in items] == [1.0] * 3
    rows = list(csv.DictReader(io.StringIO(benchmark.submission(items))))
    assert [[row[name] for name in ("A", "B", "C", "D", "prediction")] for row in rows] == [
        ["a", "", "c", "d", "D"], ["c", "", "d", "a", "C"], ["d", "", "a", "c", "A"],
    ]  # fmt: skip
    edit(path, lambda row: row.update(answer="B"))
    fails("mmbench", path.parent, "column 'answer' must be one of A, C, D, found 'B'")


def test_annotations_are_read_once(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def read_json(path: Path) -> object:
        read.append(path.name)
        return gqa_files.read_json(path)

    monkeypatch.setattr("vprog.benchmarks.vqa_files.read_json", read_json)
    assert load("vqav2", drawn / "vqav2")
    assert read == [VQA, ANNOTATIONS]
