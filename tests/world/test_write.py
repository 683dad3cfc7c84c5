"""Files: the same bytes again, splits apart, official columns, balanced answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from vprog.errors import InputError
from vprog.world import TASKS, refer, write, write_official


def content(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def gqa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gqa")
    write("gqa", "generalist", 3000, 4, folder, workers=1)
    return folder


def questions(folder: Path, split: str = "val") -> dict[str, Any]:
    return json.loads((folder / f"{split}_balanced_questions.json").read_text())


@pytest.mark.parametrize("task", TASKS)
def test_the_same_arguments_write_the_same_bytes(task: Any, tmp_path: Path) -> None:
    first, second, other = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    write(task, "generalist", 60, 1, first, workers=1)
    write(task, "generalist", 60, 1, second, workers=2)
    write(task, "generalist", 60, 2, other, workers=1)
    assert content(first) == content(second)
    pictures = [
        {name: data for name, data in content(f).items() if name.endswith("png")}
        for f in (first, other)
    ]
    assert not set(pictures[0].values()) & set(pictures[1].values())
    write(task, "generalist", 60, 1, first, workers=1)
    assert content(first) == content(second)


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_a_folder_and_no_picture(task: Any, tmp_path: Path) -> None:
    names: dict[str, set[bytes]] = {}
    for split in ("train", "val", "test"):
        before = set(content(tmp_path))
        settings = write(task, "flat", 24, 1, tmp_path, split=split, workers=1)
        new = {k: v for k, v in content(tmp_path).items() if k not in before}
        names[split] = {data for name, data in new.items() if name.endswith(".png")}
        assert len(names[split]) == settings["pictures"]
        assert json.loads((tmp_path / f"{split}_world.json").read_text()) == settings
    assert not names["train"] & names["val"]
    assert not names["train"] & names["test"]
    assert not names["val"] & names["test"]


def test_gqa_files_have_the_full_schema(gqa: Path) -> None:
    graphs = json.loads((gqa / "val_sceneGraphs.json").read_text())
    rows = questions(gqa)
    assert len(rows) == 3000
    for graph in graphs.values():
        assert set(graph) >= {"width", "height", "objects"}
        for thing in graph["objects"].values():
            assert set(thing) >= {"name", "x", "y", "w", "h", "attributes", "relations"}
    for id, row in rows.items():
        assert set(row) == {
            "semantic", "entailed", "equivalent", "question", "imageId", "isBalanced", "groups",
            "answer", "semanticStr", "annotations", "types", "fullAnswer",
        }  # fmt: skip
        assert set(row["types"]) == {"detailed", "semantic", "structural"}
        assert set(row["annotations"]) == {"answer", "question", "fullAnswer"}
        assert set(row["groups"]) == {"global", "local"}
        objects = graphs[row["imageId"]]["objects"]
        named = [i for part in row["annotations"].values() for i in part.values()]
        assert set(named) <= set(objects)
        assert (gqa / "images" / f"{row['imageId']}.png").is_file()
        assert id in row["equivalent"]
        for other in row["equivalent"]:
            assert rows[other]["answer"] == row["answer"]
        assert {rows[e]["imageId"] for e in row["entailed"]} <= {row["imageId"]}
    assert sum(bool(row["entailed"]) for row in rows.values()) > 300
    structural = Counter(row["types"]["structural"] for row in rows.values())
    assert set(structural) == {"verify", "query", "choose", "logical", "compare"}
    assert min(structural.values()) > 150
    assert {r["types"]["semantic"] for r in rows.values()} == {
        "attr",
        "obj",
        "rel",
        "cat",
        "global",
    }


def majority(answers: Iterable[str]) -> float:
    counts = Counter(answers)
    return max(counts.values()) / sum(counts.values())


def test_gqa_answers_cannot_be_guessed(gqa: Path) -> None:
    rows = list(questions(gqa).values())
    binary = [row for row in rows if row["answer"] in ("yes", "no")]
    other = [row for row in rows if row["answer"] not in ("yes", "no")]
    assert majority(row["answer"] for row in binary) <= 0.55
    assert majority(row["answer"] for row in other) <= 0.35
    kinds = defaultdict(list)
    for row in rows:
        kinds[row["types"]["detailed"]].append(row["answer"])
    for kind, answers in kinds.items():
        if len(answers) >= 40:
            assert majority(answers) <= 0.6, kind


@pytest.mark.parametrize("same", ["question", "semantic"])
def test_what_was_learnt_from_texts_does_not_help(gqa: Path, same: str) -> None:
    rows = list(questions(gqa).values())
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    right = asked = 0
    for row in rows:
        if same == "question":
            key = row["question"]
        else:
            key = row["groups"]["local"] + row["types"]["detailed"]
        if row["answer"] in ("yes", "no") and seen[key]:
            asked += 1
            right += seen[key].most_common(1)[0][0] == row["answer"]
        seen[key][row["answer"]] += 1
    assert asked > 30
    assert right / asked <= 0.55


def test_nlvr2_files(tmp_path: Path) -> None:
    write("nlvr2", "generalist", 120, 3, tmp_path, workers=1)
    rows = [json.loads(line) for line in (tmp_path / "val.jsonl").read_text().splitlines()]
    labels = defaultdict(list)
    for row in rows:
        assert set(row) >= {"sentence", "left_url", "right_url", "label", "identifier"}
        split, group, pair, zero = row["identifier"].split("-")
        assert (split, zero) == ("val", "0")
        for side, url in enumerate((row["left_url"], row["right_url"])):
            assert url == f"images/val-{group}-{pair}-img{side}.png"
            assert (tmp_path / url).is_file()
        labels[group, row["sentence"]].append(row["label"])
    assert len(labels) == 30
    assert all(sorted(some) == ["False", "False", "True", "True"] for some in labels.values())
    assert len({row["phenomenon"] for row in rows}) >= 5


def test_tally_files(tmp_path: Path) -> None:
    write("tally", "generalist", 400, 3, tmp_path, workers=1)
    rows = json.loads((tmp_path / "val.json").read_text())
    for row in rows:
        assert set(row) >= {
            "answer", "data_source", "image", "image_id", "issimple", "question", "question_id",
        }  # fmt: skip
        assert isinstance(row["answer"], int)
        assert (tmp_path / row["image"]).is_file()
    assert len({row["question_id"] for row in rows}) == 400
    for simple in (True, False):
        answers = [str(row["answer"]) for row in rows if row["issimple"] is simple]
        assert len(answers) > 80
        assert majority(answers) <= 0.35


def test_pope_files(tmp_path: Path) -> None:
    write("pope", "generalist", 1080, 3, tmp_path, workers=1)
    graphs = json.loads((tmp_path / "val_sceneGraphs.json").read_text())
    overlap: dict[str, int] = {}
    for setting in ("random", "popular", "adversarial"):
        path = tmp_path / f"val_pope_{setting}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["question_id"] for row in rows] == list(range(1, 361))
        assert Counter(row["label"] for row in rows) == {"yes": 180, "no": 180}
        absent = []
        by_text: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            by_text[row["text"]][row["label"]] += 1
            noun = row["text"].removeprefix("Is there a").removeprefix("n").split()[0]
            things = graphs[Path(row["image"]).stem]["objects"].values()
            kinds = {thing["name"] for thing in things}
            assert (noun in kinds) == (row["label"] == "yes")
            if row["label"] == "no":
                absent.append(noun)
        assert sum(max(c.values()) for c in by_text.values()) / len(rows) <= 0.6
        overlap[setting] = len(set(absent))
    assert overlap["popular"] < overlap["random"]


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'gqa'"):
        write("gqq", "flat", 10, 1, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown domain"):
        write("gqa", "nowhere", 10, 1, tmp_path)
    with pytest.raises(InputError, match="unknown split"):
        write("gqa", "flat", 10, 1, tmp_path, split="dev")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="n is 0"):
        write("gqa", "flat", 0, 1, tmp_path)
    with pytest.raises(InputError, match="size is 8"):
        write("gqa", "flat", 1, 1, tmp_path, size=8)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to"):
        write("gqa", "flat", 1, 1, tmp_path / "file")


def test_what_lies_in_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    write("gqa", "generalist", 4, 0, tmp_path / "drawn")
    before = content(tmp_path / "drawn")
    write("gqa", "generalist", 4, 0, tmp_path / "drawn")  # the same again
    assert content(tmp_path / "drawn") == before
    with pytest.raises(InputError, match=r"another drawing of val: seed was 0, now 1\. Choose"):
        write("gqa", "generalist", 4, 1, tmp_path / "drawn")
    reworded = json.loads(before["val_world.json"]) | {"phrasing": "train"}
    (tmp_path / "drawn" / "val_world.json").write_text(json.dumps(reworded))
    with pytest.raises(InputError, match="another drawing of val: phrasing was train, now None"):
        write("gqa", "generalist", 4, 0, tmp_path / "drawn")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "val.jsonl").write_text("my labels")
    for draw in (
        lambda: write("gqa", "generalist", 4, 0, mine),
        lambda: write_official("own", "generalist", 4, 0, mine),
        lambda: refer.write("generalist", 4, 0, mine),
    ):
        with pytest.raises(InputError, match="mine holds other files; choose another --out"):
            draw()
    assert content(mine) == {"val.jsonl": b"my labels"}
    write_official("own", "generalist", 4, 0, tmp_path / "own", split="val")
    # Folders of earlier versions, which said nothing else of some drawings, take other splits.
    (tmp_path / "own" / "val_world.json").unlink()
    write_official("own", "generalist", 4, 0, tmp_path / "own", split="test")
    write_official("own", "generalist", 4, 0, tmp_path / "own", split="val")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".gitkeep").touch()
    write("gqa", "generalist", 4, 0, tmp_path / "hidden")
    with pytest.raises(InputError, match="n was 4, now 5"):
        write_official("own", "generalist", 5, 0, tmp_path / "own", split="val")


def test_a_script_without_a_main_part_is_told_so_and_does_not_hang(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from vprog.errors import InputError\n"
        "from vprog.world import write\n"
        f"try:\n    write('gqa', 'generalist', 600, 1, {str(tmp_path / 'data')!r})\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=True
    )
    assert '`if __name__ == "__main__":`' in done.stdout
