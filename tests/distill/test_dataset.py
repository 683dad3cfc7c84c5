"""Data sets of real runs over the drawn world: records, splits, rejects, card, being killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vprog.distill.asking import Rewritten
from vprog.distill.candidates import Candidates, read_candidates
from vprog.distill.dataset import build, load_records
from vprog.distill.settings import ChoiceSettings, DistillData, PromptSettings, RationaleSettings
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.example import Picture
from vprog.program.program import Program
from vprog.writers.gold import Gold
from vprog.writers.settings import WriterSettings
from vprog.writers.writer import Sampling, Usage

datasets = pytest.importorskip("datasets", reason="needs datasets: pip install 'vprog[datasets]'")

SETTINGS = DistillData(
    rationale=RationaleSettings(grid=32), prompt=PromptSettings(plain=True), val_share=0.3, scenes=4
)
WRONG = "BOX0=LOC(image=IMAGE,object='unicorn')\nA=EVAL(expr=\"'maybe'\")\nR=RESULT(var=A)"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / ".cache")


class Candid:
    """Writes the gold program (not for every fifth question), one of its own and a broken one."""

    name = fingerprint = "candid"
    usage = Usage()

    def write(self, examples: Any, language: Any, sampling: Sampling) -> Any:
        golds = Gold().write(examples, language, sampling)
        for number, gold in enumerate(golds):
            text = gold[0].text if number % 5 else WRONG
            yield [
                Program(WRONG, language, -0.5),
                Program(text, language, -2.0),
                Program("R=RESULT(var=", language, -9.0),
            ]

    def repair(self, broken: Any, language: Any, sampling: Sampling) -> Any:
        yield from (None for _ in broken)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    import vprog.evaluation.run as running

    patch = pytest.MonkeyPatch()
    patch.setattr(running, "load_writer", lambda *_, **__: Candid())
    out = tmp_path_factory.mktemp("distill") / "run"
    settings = RunSettings(
        benchmark="world-gqa", data=drawn, split="val", writer="candid", toolbox="oracle",
        language="steps", sampling=Sampling(k=3, temperature=0.5),
    )  # fmt: skip
    run_benchmark(settings, out)
    patch.undo()
    return out


def text_of(turn: dict[str, Any]) -> str:
    text: str = turn["content"][0]["text"]
    return text


@pytest.fixture(scope="module")
def built(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    out = tmp_path_factory.mktemp("built") / "data"
    return build(run, out, SETTINGS), out


def test_counts(built: tuple[Any, Path]) -> None:
    found, _ = built
    assert found.examples == 60
    assert found.outcomes == {"label_only": 12, "verified": 48}
    assert found.rejects == {"wrong": 60, "failed": 60}
    assert sum(kinds["answer"] for kinds in found.records.values()) == 60
    assert sum(kinds["rationale"] for kinds in found.records.values()) == 48
    assert found.preferences == found.records["train"]["rationale"] < 48
    assert found.yields["1"]["value"] == pytest.approx(48 / 60 / 3, abs=1e-6)
    assert found.yields["3"]["value"] == pytest.approx(48 / 60)
    assert found.spurious == {
        "value": 0.0, "ci95": found.spurious["ci95"], "n": 48, "interval": "wilson",
        "unit": "share", "groups": 6, "ci95_groups": found.spurious["ci95_groups"],
    }  # fmt: skip


def test_records_are_ready_for_trainers(built: tuple[Any, Path]) -> None:
    _, out = built
    data = load_records(out)
    by_example: dict[str, dict[str, Any]] = {}
    for split in ("train", "val"):
        for row in data[split]:
            assert row["images"][0].size == (96, 96)
            user, said = row["messages"]
            assert [part["type"] for part in user["content"]] == ["image", "text"]
            assert (user["role"], said["role"]) == ("user", "assistant")
            by_example.setdefault(row["example_id"], {})[row["kind"]] = row
    assert len(by_example) == 60
    for rows in by_example.values():
        label = rows["answer"]["messages"][1]["content"][0]["text"]
        assert rows["answer"]["source"] == "label"
        if "rationale" in rows:
            text = rows["rationale"]["messages"][1]["content"][0]["text"]
            assert text.endswith(f"so the answer is {label} .")
            assert rows["rationale"]["verdict"] == "verified"
            assert rows["rationale"]["trace_id"].startswith("run/")
        else:
            assert rows["answer"]["verdict"] == "label_only"


def test_pictures_are_in_one_split_alone(built: tuple[Any, Path]) -> None:
    data = load_records(built[1])
    shown = [{row["images"][0].tobytes() for row in data[split]} for split in ("train", "val")]
    assert not shown[0] & shown[1]
    assert all(shown)


def test_hub_layout_and_disk(built: tuple[Any, Path], tmp_path: Path) -> None:
    out = built[1]
    whole = datasets.load_dataset(str(out))
    assert set(whole) == {"train", "val"}
    rejects = datasets.load_dataset(str(out), "rejects")
    assert {row["reject"] for row in rejects["train"]} == {"wrong", "failed"}
    pairs = datasets.load_dataset(str(out), "preferences")
    pair = pairs["train"][0]
    assert pair["rejected"][0]["content"][0]["text"].endswith("so the answer is maybe .")
    whole.save_to_disk(str(tmp_path / "disk"))
    again = load_records(tmp_path / "disk")
    assert again["val"][0]["messages"] == load_records(out)["val"][0]["messages"]


def test_preferences_are_rendered_ones_of_train(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rewrite(pairs: Any, *_: Any) -> Rewritten:
        new = tuple(replace(r, text=f"in other words , {r.text}") for _, r in pairs)
        return Rewritten(rationales=new, refused={}, kept=len(new), usage=Usage())

    monkeypatch.setattr("vprog.distill.dataset.rewrite_rationales", rewrite)
    build(run, tmp_path / "data", replace(SETTINGS, scenes=0, rewriter=WriterSettings(model="m")))
    train = load_records(tmp_path / "data")["train"]
    told = {r["example_id"]: text_of(r["messages"][1]) for r in train if r["kind"] == "rationale"}
    pairs = datasets.load_dataset(str(tmp_path / "data"), "preferences")["train"]
    assert {pair["example_id"] for pair in pairs} == set(told)
    for pair in pairs:
        chosen = text_of(pair["chosen"][0])
        assert told[pair["example_id"]] == f"in other words , {chosen}"


def test_files_end_before_their_pictures_are_too_many_bytes(
    run: Path, built: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_records(built[1])["train"]
    size = len(whole.with_format("arrow")[0]["images"][0][0]["bytes"].as_py())
    monkeypatch.setattr("vprog.teach.arrow.PICTURES_MB", 10 * size / 1e6)
    build(run, tmp_path / "data", SETTINGS)
    files = sorted((tmp_path / "data" / "data").glob("train-*.parquet"))
    assert len(files) > len(whole) / 20
    assert load_records(tmp_path / "data")["train"]["messages"][:] == whole["messages"][:]


def test_the_card_says_what_is_in_it(built: tuple[Any, Path]) -> None:
    card = (built[1] / "README.md").read_text("utf-8")
    for said in ("world-gqa val", "verified 48", "label only 12", "not checked", "| 3 | 0.800"):
        assert said in card


def test_the_same_again_is_the_same(run: Path, built: tuple[Any, Path], tmp_path: Path) -> None:
    again = tmp_path / "data"
    killed: list[str] = []

    def kill(what: str) -> None:
        if what == "writing":
            killed.append(what)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(run, again, SETTINGS, kill)
    assert killed
    assert not [path for path in tmp_path.iterdir() if path.name != ".cache"]
    build(run, again, SETTINGS)
    build(run, again, SETTINGS)
    for file in sorted(built[1].rglob("*.parquet")):
        assert (again / file.relative_to(built[1])).read_bytes() == file.read_bytes()


def test_fewer_labels_are_a_part_of_more(run: Path, tmp_path: Path) -> None:
    ids = []
    for labels in (10, 30):
        build(run, tmp_path / "data", DistillData(labels=labels, val_share=0))
        ids.append({row["example_id"] for row in load_records(tmp_path / "data")["train"]})
    assert [len(i) for i in ids] == [10, 30]
    assert ids[0] < ids[1]


def test_unverified_rationales_end_in_their_own_answer(run: Path, tmp_path: Path) -> None:
    settings = DistillData(choice=ChoiceSettings(mode="unverified"), val_share=0)
    build(run, tmp_path / "data", settings)
    rows = [r for r in load_records(tmp_path / "data")["train"] if r["kind"] == "rationale"]
    assert len(rows) == 60
    assert all(
        r["messages"][1]["content"][0]["text"].endswith("so the answer is maybe .") for r in rows
    )
    answers = [r for r in load_records(tmp_path / "data")["train"] if r["kind"] == "answer"]
    assert all(r["messages"][1]["content"][0]["text"] != "maybe" for r in answers)
    unlabelled = DistillData(choice=ChoiceSettings(mode="unlabelled"), val_share=0)
    found = build(run, tmp_path / "data", unlabelled)
    assert found.outcomes == {"unverified": 60}
    row = load_records(tmp_path / "data")["train"][0]
    assert (row["messages"][1]["content"][0]["text"], row["source"]) == ("maybe", "program")


def test_a_wrong_program_with_a_right_answer_is_found(run: Path) -> None:
    from vprog.benchmarks import load_benchmark
    from vprog.distill.candidates import read_candidates
    from vprog.distill.spurious import find_spurious

    pairs = [(c.example, c.records[1]) for c in read_candidates(run) if c.right]
    lucky = []
    for example, record in pairs:
        trace = type(record.trace)(
            example.id, 7, "steps", f"R=RESULT(var={example.answers[0]!r})", [], None
        )
        fields = {f: getattr(record, f) for f in type(record).__slots__}
        lucky.append((example, type(record)(**fields | {"trace": trace})))
    found = find_spurious([*pairs, *lucky], load_benchmark("world-gqa"), scenes=24)
    honest = [found.verdicts[e.id, r.trace.candidate] for e, r in pairs]
    assert honest == [False] * len(pairs)
    assert found.canonical == len(pairs)
    caught = [found.verdicts[e.id, 7] for e, _ in lucky if (e.id, 7) in found.verdicts]
    assert sum(caught) / len(caught) > 0.5


def test_other_things_are_not_overwritten(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="holds something else"):
        build(run, tmp_path / "mine")
    with pytest.raises(InputError, match="no data set"):
        load_records(tmp_path / "mine")
    with pytest.raises(InputError, match="is no run"):
        build(tmp_path / "mine", tmp_path / "out")


def test_pictures_in_an_archive_cannot_be_referred_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def archived(run: Path) -> list[Candidates]:
        zipped = Picture("a", path=tmp_path / "images.zip", member="a.png")
        return [
            replace(c, example=replace(c.example, pictures=(zipped,))) for c in read_candidates(run)
        ]

    monkeypatch.setattr("vprog.distill.dataset.read_candidates", archived)
    with pytest.raises(InputError, match=r"lie in the archive .*images\.zip.* leave --reference"):
        build(run, tmp_path / "out", replace(SETTINGS, embed=False))
    assert not (tmp_path / "out").exists()


def test_the_command(run: Path, tmp_path: Path, inside: Callable[..., Any]) -> None:
    done = inside("export", "distill", run, "--grid", 32, "--out", tmp_path / "d", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["outcomes"]["verified"] == 48
    assert inside("export", "distill", run, "--mode", "best").code == 2
    nobody = inside("export", "distill", run, "--base-url", "http://here", "--out", tmp_path / "f")
    assert nobody.message == "--base-url is for --judge or --rewriter, and neither is given"
    for share, said in ((0.0001, "none (too few pictures)"), (0, "none")):
        done = inside("export", "distill", run, "--val-share", share, "--out", tmp_path / "e")
        assert f"\nval: {said}\n" in done.out


@pytest.mark.filterwarnings("default")
def test_trl_trains_on_it_as_it_is(built: tuple[Any, Path], tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="needs trl: pip install trl")
    import sys

    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    sys.path.append(str(Path(__file__).parents[1] / "tools" / "hf"))
    from tiny import make

    folder = make("idefics3", tmp_path)
    torch.set_num_threads(1)
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=2, use_cpu=True,
        report_to=[], max_length=None, bf16=False, logging_steps=1,
    )  # fmt: skip
    trainer = trl.SFTTrainer(
        model=AutoModelForImageTextToText.from_pretrained(folder),
        args=settings,
        train_dataset=load_records(built[1])["train"],
        processing_class=AutoProcessor.from_pretrained(folder, backend="pil"),
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(losses) == 2
    assert all(0 < loss < 20 for loss in losses)
