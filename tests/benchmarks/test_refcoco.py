"""RefCOCO's files, in both forms, and gold programs about drawn scenes in it."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks import load_benchmark, refcoco
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.example import Example
from vprog.program import Program
from vprog.tools.toolboxes import load_toolbox
from vprog.world import refer


def load(data: Path, split: str = "val", name: str = "refcoco") -> list[Example]:
    return list(load_benchmark(name).load(data, split))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refer")
    for split, n in (("val", 120), ("test", 5)):
        assert refer.write("generalist", n, 3, folder, split=split)["n"] == n
    return folder


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "data"))


@pytest.mark.parametrize("language", ["steps", "python"])
def test_gold_programs_find_what_is_meant(drawn: Path, language: Any) -> None:
    examples = load(drawn, name="world-refer")
    assert len({e.id for e in examples}) == 120
    assert any(" of the " in e.question for e in examples)
    by_id = {e.id: e for e in examples}
    with Engine(load_toolbox("oracle")) as engine:
        tasks = [Task(e, Program(e.programs[language], language)) for e in examples]
        for trace in engine.run(tasks):
            example = by_id[trace.example_id]
            verdict = refcoco.BENCHMARK.verify(trace, example)
            assert verdict.judgement == "right", (example.question, trace.program, trace.failure)


def test_the_command_line_draws_them(inside, drawn: Path) -> None:
    args = ("world", "draw", "--task", "refer", "--n", 5, "--seed", 3, "--split", "test")
    written = inside(*args, "--out", "w", "--json").json
    assert (written["task"], written["n"]) == ("refer", 5)
    assert [e.id for e in load(Path("w"), "test")] == [e.id for e in load(drawn, "test")]


def test_splits_lie_side_by_side(drawn: Path) -> None:
    assert [len(load(drawn, split)) for split in ("val", "test", "train")] == [120, 5, 0]
    again = load(drawn)
    refer.write("generalist", 5, 3, drawn, split="test")
    assert [(e.id, e.question, e.answers) for e in load(drawn)] == [
        (e.id, e.question, e.answers) for e in again
    ]


def test_the_pickle_of_the_release_reads_as_the_json(data: Path) -> None:
    expected = load(data)
    rows = json.loads((data / "refs.json").read_text())
    release = data / "refcoco+"
    release.mkdir()
    (release / "refs(unc).p").write_bytes(pickle.dumps(rows, protocol=0))
    for name in ("instances.json", "val_sceneGraphs.json"):
        (data / name).rename(release / name)
    (data / "refs.json").unlink()
    found = load(data, name="refcoco+")
    assert [(e.id, e.question, e.answers, e.extra) for e in found] == [
        (e.id, e.question, e.answers, e.extra) for e in expected
    ]


def test_text_that_python_2_pickled(data: Path) -> None:
    rows = json.loads((data / "refs.json").read_text())[:1]
    rows[0]["sentences"][0]["sent"] = "SENTENCE"
    # A byte string of Python 2, as protocol 0 writes it.
    text = pickle.dumps(rows, protocol=0).replace(b"VSENTENCE\n", b"S'caf\\xc3\\xa9'\n")
    (data / "refs(unc).p").write_bytes(text)
    (data / "refs.json").unlink()
    assert load(data)[0].question == "café"


class Hostile:
    """What would run a command when it is read."""

    def __reduce__(self) -> Any:
        return (print, ("read",))


def test_a_pickle_is_only_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "refs.json").unlink()
    for content, said in (
        (pickle.dumps([Hostile()]), r"it wants builtins\.print, not plain data alone"),
        (b"nothing", "cannot read"),
        (b"", "cannot read"),
        (pickle.dumps({"a": 1}), r"\(the whole file\)"),
    ):
        (data / "refs(unc).p").write_bytes(content)
        with pytest.raises(InputError, match=said):
            load(data)
    assert capsys.readouterr().out == ""


def test_scenes_of_annotated_objects_where_there_are_no_graphs(data: Path) -> None:
    graphs = {Path(p.id).stem: p.scene for e in load(data) for p in e.pictures}
    (data / "val_sceneGraphs.json").unlink()
    for example in load(data):
        scene = example.pictures[0].scene
        gold = graphs[Path(example.pictures[0].id).stem]
        assert scene is not None
        assert gold is not None
        assert [o.name for o in scene.objects] == [o.name for o in gold.objects]
        assert [o.box_xyxy for o in scene.objects] == [o.box_xyxy for o in gold.objects]
        assert example.types["category"] in {o.name for o in scene.objects}


def test_what_is_missing_is_named(data: Path) -> None:
    rows = json.loads((data / "refs.json").read_text())

    def fails(said: str, change: Any = None) -> None:
        if change is not None:
            copy = json.loads(json.dumps(rows))
            change(copy)
            (data / "refs.json").write_text(json.dumps(copy))
        with pytest.raises(InputError, match=said):
            load(data)

    fails("row 0 has no column 'ann_id'", lambda r: r[0].pop("ann_id"))
    fails("row 0: annotation or image is not in", lambda r: r[0].update(ann_id=-1))
    fails("no column 'sent'", lambda r: r[0]["sentences"][0].pop("sent"))
    fails("'semantic' is malformed", lambda r: r[0]["sentences"][0].update(semantic={"image": "x"}))
    (data / "refs.json").write_text(json.dumps(rows))
    shutil.rmtree(data / "images")
    fails("missing picture")
    (data / "instances.json").unlink()
    fails("missing file .*instances.json")
    (data / "refs.json").unlink()
    fails(r"missing file .*refs\.json \(or refs\(unc\)\.p")
    with pytest.raises(InputError, match="at least one expression"):
        refer.write("flat", 0, 0, data)
    with pytest.raises(InputError, match="size is 9; pictures have"):
        refer.write("flat", 1, 0, data, size=9)
    with pytest.raises(InputError, match="have no other words"):
        refer.write("flat", 1, 0, data, phrasing="train")
    with pytest.raises(InputError, match="unknown split 'vla'"):
        refer.write("flat", 1, 0, data, split="vla")


def released(drawn: Path, folder: Path, *names: str) -> None:
    """Files of a release in a folder, with references of these names."""
    folder.mkdir(parents=True)
    rows = json.loads((drawn / "refs.json").read_text())
    for name in names:
        (folder / name).write_bytes(pickle.dumps(rows, protocol=0))
    shutil.copy(drawn / "instances.json", folder)


def test_another_variant_is_not_taken_for_the_one_asked_for(drawn: Path, tmp_path: Path) -> None:
    released(drawn, tmp_path / "refcoco+", "refs(unc).p")
    (tmp_path / "images").symlink_to(drawn / "images")
    expected = load(drawn)
    assert len(load(tmp_path, name="refcoco+")) == len(expected)
    for data in (tmp_path, tmp_path / "refcoco+"):
        with pytest.raises(InputError) as error:
            load(data)
        for words in (
            "missing the references of refcoco: ",
            f"found {tmp_path / 'refcoco+' / 'refs(unc).p'}, which are of refcoco+",
            "Name the folder of refcoco with --data",
        ):
            assert words in str(error.value)
    released(drawn, tmp_path / "refcoco", "refs(unc).p", "refs(google).p")
    assert len(load(tmp_path)) == len(expected)


def test_refcocog_does_not_take_the_split_that_it_does_not_have(
    drawn: Path, tmp_path: Path
) -> None:
    released(drawn, tmp_path / "mine", "refs(unc).p")
    (tmp_path / "images").symlink_to(drawn / "images")
    with pytest.raises(InputError, match=r"missing file .*refs\(umd\)\.p.*Found .*refs\(unc\)\.p"):
        load(tmp_path, name="refcocog")
    (tmp_path / "mine" / "refs(unc).p").rename(tmp_path / "mine" / "refs(umd).p")
    assert load(tmp_path, name="refcocog")
    with pytest.raises(InputError, match=r"Found .*refs\(umd\)\.p, which is not of refcoco$"):
        load(tmp_path)
