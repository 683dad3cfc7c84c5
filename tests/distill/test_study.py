"""Studies with people: what raters see, and what comes back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vprog.distill.study import CRITERIA, export_study, score_study
from vprog.errors import InputError, PictureError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.example import Picture

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("study")
    made = []
    for language in ("steps", "python"):
        settings = RunSettings(
            benchmark="world-gqa", data=drawn, split="val", writer="gold", toolbox="oracle",
            language=language, limit=12,
        )  # fmt: skip
        made.append(folder / f"secret-{language}")
        run_benchmark(settings, made[-1])
    return made[0], made[1]


@pytest.fixture
def study(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    assert export_study(*runs, tmp_path / "study", n=8, seed=3) == 8
    return tmp_path / "study"


def sheet(study: Path) -> list[dict[str, str]]:
    with (study / "study.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill(study: Path, rate: Callable[[int, str, str], str], name: str = "filled.csv") -> Path:
    """Rates by item, model (``first`` or ``second``) and criterion."""
    key = json.loads((study / "key.json").read_text())
    models = {(i["item"], side): i[side] for i in key["items"] for side in "AB"}
    rows = sheet(study)
    for row in rows:
        item = int(row["item"])
        model = ("first", "second")[models[item, row["side"]]]
        row.update({c: rate(item, model, c) for c in CRITERIA})
    with (study / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return study / name


def test_the_sheets_are_blind(study: Path) -> None:
    page = (study / "study.html").read_text("utf-8")
    rows = sheet(study)
    assert len(rows) == 16
    for text in (page, (study / "study.csv").read_text("utf-8")):
        assert "secret" not in text
        assert "oracle" not in text
    key = json.loads((study / "key.json").read_text())
    assert {i["A"] for i in key["items"]} == {0, 1}
    assert [i["item"] for i in key["items"]] == list(range(1, 9))
    for row in rows:
        assert row["rationale"].endswith(f"so the answer is {row['answer']} .")


def test_the_page_needs_nothing_else(study: Path) -> None:
    class Page(HTMLParser):
        radios = rects = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            self.radios += given.get("type") == "radio"
            self.rects += tag == "rect"
            for name in ("src", "href"):
                assert (given.get(name) or "data:").startswith("data:")

    page = Page()
    page.feed((study / "study.html").read_text("utf-8"))
    assert page.radios == 8 * 2 * len(CRITERIA) * 2
    assert page.rects > 8


def test_the_same_seed_is_the_same_study(study: Path, runs: tuple[Path, Path]) -> None:
    again = study.parent / "again"
    export_study(*runs, again, n=8, seed=3)
    for name in ("study.html", "study.csv", "key.json"):
        assert (again / name).read_bytes() == (study / name).read_bytes()


def test_a_study_is_not_replaced_by_another(study: Path, runs: tuple[Path, Path]) -> None:
    """Its ratings would be scored by the other one's key."""
    assert export_study(*runs, study, n=8, seed=3) == 8
    with pytest.raises(InputError, match="holds another study"):
        export_study(*runs, study, n=8, seed=4)


def test_lines_end_where_csv_says(study: Path) -> None:
    path = fill(study, lambda *_: "yes")
    asked = sheet(study)[0]["question"]
    path.write_text(path.read_text("utf-8").replace(asked, asked[:4] + "\x85\u2028" + asked[4:]))
    assert score_study([path])["n"] == 8


def test_a_broken_picture_is_left_out(
    study: Path, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    load, key = Picture.load, json.loads((study / "key.json").read_text())

    def broken(picture: Picture) -> Any:
        if picture.id == key["items"][2]["cluster"]:
            raise PictureError("broken picture")
        return load(picture)

    monkeypatch.setattr(Picture, "load", broken)
    left = sum(item["cluster"] != key["items"][2]["cluster"] for item in key["items"])
    assert export_study(*runs, study.parent / "less", n=8, seed=3) == left < 8
    assert f"{key['items'][2]['id']} is left out: broken picture" in capsys.readouterr().err
    made = json.loads((study.parent / "less" / "key.json").read_text())["items"]
    assert [item["item"] for item in made] == list(range(1, left + 1))


def test_figures_by_hand(study: Path) -> None:
    def rate(item: int, model: str, criterion: str) -> str:
        if criterion == "explained":
            return "" if item > 4 else "Yes"
        if criterion == "factual":
            return "yes" if model == "second" or item <= 2 else "no"
        return "1" if model == "second" else "0"

    scored = score_study([fill(study, rate)])
    assert (scored["n"], scored["raters"], scored["agreement"]) == (8, 1, None)
    factual = scored["criteria"]["factual"]
    assert (factual["first"]["value"], factual["second"]["value"]) == (0.25, 1.0)
    assert factual["first"]["n"] == 8
    assert factual["difference"]["value"] == 0.75
    assert (factual["difference"]["gained"], factual["difference"]["lost"]) == (6, 0)
    assert factual["difference"]["p_value"] == pytest.approx(2 * 0.5**6)
    assert scored["criteria"]["explained"]["difference"]["n"] == 4
    assert scored["criteria"]["correct"]["second"]["value"] == 1.0


def test_items_about_one_picture_go_together(study: Path) -> None:
    key = json.loads((study / "key.json").read_text())
    for row in key["items"]:
        row["cluster"] = f"picture {row['item'] % 2}"
    (study / "key.json").write_text(json.dumps(key))

    def rate(item: int, model: str, criterion: str) -> str:
        del criterion
        return "yes" if model == "second" and item % 2 else "no"

    found = score_study([fill(study, rate)])["criteria"]["correct"]
    assert found["second"]["groups"] == 2
    assert found["difference"]["groups"] == 2
    assert found["difference"]["p_value"] < 0.2 < found["difference"]["p_value_groups"]
    low, high = found["difference"]["ci95_groups"]
    assert high - low > found["difference"]["ci95"][1] - found["difference"]["ci95"][0]


def test_several_raters(study: Path) -> None:
    sheets = [
        fill(study, lambda *_: "yes", "one.csv"),
        fill(study, lambda item, *_: "yes" if item <= 4 else "no", "two.csv"),
    ]
    scored = score_study(sheets)
    assert (scored["raters"], scored["agreement"]) == (2, 0.5)
    assert scored["criteria"]["correct"]["first"]["value"] == 0.75


def test_nothing_rated_is_no_figure(study: Path) -> None:
    scored = score_study([study / "study.csv"])
    assert scored["n"] == 0
    assert scored["criteria"]["correct"]["first"]["value"] is None
    assert scored["criteria"]["correct"]["difference"] is None


def test_what_the_page_saves_and_what_spreadsheets_save_is_read(study: Path) -> None:
    saved = study / "ratings.csv"
    saved.write_text(f"item,side,{','.join(CRITERIA)}\n1,A,yes,no,,yes\n", "utf-8")
    assert score_study([saved])["n"] == 1
    saved.write_text(f"\ufeffitem;side;{';'.join(CRITERIA)}\r\n1;a;yes;no;;yes\r\n", "utf-8")
    assert score_study([saved])["n"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "column 'item' is missing"),
        ("{head}\n99,A,yes,,,\n", "line 2: the study has no item 99"),
        ("{head}\nx,A,yes,,,\n", "line 2: 'x' is no number"),
        ("{head}\n1,A,perhaps,,,\n", "line 2: correct is 'perhaps'"),
        ("{head}\n1,A,yes,,,\n1,A,no,,,\n", "line 3: item 1 A is there twice"),
        ("", "column 'item' is missing"),
    ],
)
def test_wrong_sheets(study: Path, text: str, said: str) -> None:
    file = study / "wrong.csv"
    file.write_text(text.replace("{head}", f"item,side,{','.join(CRITERIA)}"), "utf-8")
    with pytest.raises(InputError, match=said):
        score_study([file])


def test_wrong_keys_and_runs(study: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        score_study([study / "none.csv"])
    with pytest.raises(InputError, match="name it with --key"):
        score_study([study / "study.csv"], tmp_path / "none.json")
    for text in ("[]", "{", '{"runs": ["a", "b"], "benchmark": "x", "items": [{"item": 1}]}'):
        (tmp_path / "key.json").write_text(text)
        with pytest.raises(InputError, match="is no key"):
            score_study([study / "study.csv"], tmp_path / "key.json")
    with pytest.raises(InputError, match="at least 1"):
        export_study(*runs, tmp_path, n=0)
    with pytest.raises(InputError, match="is no run"):
        export_study(runs[0], tmp_path, tmp_path / "out")


def test_hostile_text_stays_text(study: Path, runs: tuple[Path, Path]) -> None:
    from dataclasses import replace

    from vprog.distill import study as studies
    from vprog.distill.explained import read_explanations
    from vprog.distill.study_page import page

    one = next(iter(read_explanations(runs[0], 100).values()))
    bad = replace(one, answer="=HYPERLINK(1)", text=HOSTILE)
    item = studies.Item(number=1, sides=(bad, bad), models=(0, 1))
    assert HOSTILE not in page([item], CRITERIA)
    assert "'=HYPERLINK(1)" in studies._sheet([item])


def test_the_commands(runs: tuple[Path, Path], tmp_path: Path, inside: Callable[..., Any]) -> None:
    out = tmp_path / "s"
    done = inside("export", "study", *runs, "--n", 4, "--out", out, "--json")
    assert (done.code, json.loads(done.out)["items"]) == (0, 4)
    filled = fill(out, lambda *_: "yes")
    done = inside("score", filled, "--json")
    assert (done.code, json.loads(done.out)["n"]) == (0, 4)
    assert "second - first" in inside("score", filled).out
    done = inside("score", runs[0], "--rationales", "--programs", runs[1], "--json")
    said = json.loads(done.out)
    assert (said["n"], said["facts"]["value"], said["consistent"]["value"]) == (12, 1.0, 1.0)
    assert "box f1 scene" in inside("score", runs[0], "--rationales").out
    assert inside("score", *runs, "--rationales").code == 2
    assert inside("score", runs[0], "--rationales", "--grid", 1).code == 2
