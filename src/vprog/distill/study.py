"""A blind study with people, as VPD's: two models' answers and rationales side by side.

Raters get ``study.html`` (or ``study.csv``) and say of every answer whether it is correct, and of
every explanation whether there is one, whether it is factual and whether it is consistent with the
answer (Hu et al., CVPR 2024, section 4.4). Which model is A changes from item to item; ``key.json``
knows and stays with whoever asks.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks.metric import Ratio
from vprog.console import note
from vprog.distill.explained import Explanation, grid_of, read_explanations
from vprog.distill.study_page import page
from vprog.errors import InputError, PictureError, known_names
from vprog.evaluation.figures import cluster_of, describe
from vprog.evaluation.score import over_groups
from vprog.evaluation.statistics import grouped_difference, paired_difference
from vprog.runs.folder import read_settings, write_atomically

CRITERIA: Mapping[str, str] = {
    "correct": "Is the answer correct?",
    "explained": "Is there an explanation?",
    "factual": "Is all of the explanation true of the picture?",
    "consistent": "Does the explanation lead to the answer?",
}
"""What is rated, and the question that raters read."""
SIDES = ("A", "B")
_COLUMNS = ("item", "side", "question", "answer", "rationale", *CRITERIA)
_RATINGS = {
    "yes": 1.0, "y": 1.0, "1": 1.0, "true": 1.0, "no": 0.0, "n": 0.0, "0": 0.0, "false": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One example of a study.

    Attributes:
        number: From 1, as raters see it.
        sides: What A and B say.
        models: Which run A and B are, 0 or 1.
    """

    number: int
    sides: tuple[Explanation, Explanation]
    models: tuple[int, int]


def export_study(
    first: Path, second: Path, out: Path, n: int = 100, seed: int = 0, grid: int | None = None
) -> int:
    """Writes ``study.html``, ``study.csv`` and ``key.json``.

    Args:
        first: A run.
        second: Another run over the same examples.
        out: Folder to write.
        n: Items, drawn from the examples that both runs answered.
        seed: Of the draw, the order and the sides.
        grid: Places a side of the boxes; see ``grid_of``.

    Returns:
        The number of items.

    Raises:
        InputError: No runs, nothing in common, or the folder holds another study or cannot be
            written.
    """
    if n < 1:
        raise InputError(f"--n must be at least 1 item, got {n}")
    names = [str(read_settings(run)["benchmark"]) for run in (first, second)]
    if names[0] != names[1]:
        raise InputError(f"cannot compare {first} of {names[0]} with {second} of {names[1]}")
    answers = [read_explanations(run, grid_of(run, grid)) for run in (first, second)]
    common = [id for id in answers[0] if id in answers[1]]
    if not common:
        raise InputError(f"{first} and {second} have no example in common")
    rng = random.Random(seed)
    items: list[Item] = []
    for id in rng.sample(common, min(n, len(common))):
        models = (0, 1) if rng.random() < 0.5 else (1, 0)
        one, two = (answers[m][id] for m in models)
        try:
            for picture in one.example.pictures:
                picture.load()
        except PictureError as error:
            note(f"{id} is left out: {error}")
            continue
        items.append(Item(number=len(items) + 1, sides=(one, two), models=models))
    if not items:
        raise InputError(f"{first} and {second} have no example whose pictures can be read")
    key = {
        "runs": [str(first), str(second)],
        "benchmark": names[0],
        "seed": seed,
        "items": [
            {
                "item": item.number,
                "id": item.sides[0].example.id,
                "cluster": cluster_of(item.sides[0].example),
                **dict(zip(SIDES, item.models, strict=True)),
            }
            for item in items
        ],
    }
    told = json.dumps(key, indent=1)
    if (out / "key.json").exists() and (out / "key.json").read_text("utf-8") != told:
        raise InputError(
            f"{out} holds another study, whose ratings are scored by its key.json; choose another "
            "--out"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    write_atomically(out / "study.html", page(items, CRITERIA).encode("utf-8"))
    write_atomically(out / "study.csv", _sheet(items).encode("utf-8"))
    write_atomically(out / "key.json", told.encode("utf-8"))
    return len(items)


def _sheet(items: Sequence[Item]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in items:
        for side, said in zip(SIDES, item.sides, strict=True):
            row = (said.example.question, said.answer or "", said.text)
            writer.writerow([item.number, side, *map(_harmless, row), *[""] * len(CRITERIA)])
    return text.getvalue()


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


Ratings = dict[tuple[int, str], dict[str, float]]
"""Item and side -> criterion -> 1 or 0; what was left open is not there."""


def score_study(sheets: Sequence[Path], key: Path | None = None) -> dict[str, Any]:
    """Figures of filled sheets, one a rater.

    Args:
        sheets: CSV files, from the page or a spreadsheet.
        key: Of the study; None is ``key.json`` beside the first sheet.

    Returns:
        ``runs``, ``n`` (items that somebody rated), ``raters``; for each criterion the figures of
        both runs (mean over raters, then over items; 95 % interval over pictures) and the paired
        difference, second minus first, over items where both were rated; ``agreement``: the share
        of ratings in which two raters agree, where there are several.

    Raises:
        InputError: A file cannot be read or is none of this study, with its line.
    """
    where = key or sheets[0].parent / "key.json"
    known = _read_key(where)
    sides = {(row["item"], side): row[side] for row in known["items"] for side in SIDES}
    raters = [_read_sheet(sheet, set(sides)) for sheet in sheets]
    clusters = {row["item"]: row["cluster"] for row in known["items"]}
    criteria = {}
    for criterion in CRITERIA:
        means: list[dict[int, float]] = [{}, {}]
        for (item, side), model in sides.items():
            said = [
                r[item, side][criterion] for r in raters if criterion in r.get((item, side), {})
            ]
            if said:
                means[model][item] = sum(said) / len(said)
        criteria[criterion] = _compare(means, clusters)
    rated = {item for rater in raters for (item, _), said in rater.items() if said}
    return {
        "runs": known["runs"],
        "benchmark": known["benchmark"],
        "n": len(rated),
        "raters": len(raters),
        "criteria": criteria,
        "agreement": _agreement(raters),
    }


def _compare(means: Sequence[Mapping[int, float]], clusters: Mapping[int, str]) -> dict[str, Any]:
    figures = []
    for one in means:
        values = Ratio(list(one.values()), [1.0] * len(one))
        figures.append(describe(values, [clusters[item] for item in one]))
    both = [item for item in means[0] if item in means[1]]
    difference: dict[str, Any] | None = None
    if both:
        first, second = ([said[i] for i in both] for said in means)
        paired = paired_difference(first, second)
        grouped = grouped_difference(first, second, [clusters[i] for i in both])
        difference = {
            "value": round(paired["difference"], 6),
            "ci95": [round(paired["ci_low"], 6), round(paired["ci_high"], 6)],
            "n": len(both),
            "gained": int(paired["gained"]),
            "lost": int(paired["lost"]),
            "p_value": float(f"{paired['p_value']:.6g}"),
            **over_groups(grouped),
        }
    return {"first": figures[0], "second": figures[1], "difference": difference}


def _agreement(raters: Sequence[Ratings]) -> float | None:
    same = total = 0
    for n, one in enumerate(raters):
        for other in raters[n + 1 :]:
            for place, said in one.items():
                for criterion, rating in said.items():
                    if criterion in other.get(place, {}):
                        total += 1
                        same += rating == other[place][criterion]
    return round(same / total, 6) if total else None


def _read_key(path: Path) -> dict[str, Any]:
    try:
        key: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for row in key["items"]:
            if {row["A"], row["B"]} != {0, 1} or type(row["item"]) is not int:
                raise ValueError
            str(row["cluster"])
        if len(key["runs"]) != 2 or not isinstance(key["benchmark"], str):
            raise ValueError
    except OSError as error:
        raise InputError(
            f"cannot read the study's key {path}: {error.strerror}. `vprog export study` wrote it "
            "beside study.html; name it with --key"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is no key of `vprog export study`") from None
    return key


def _read_sheet(path: Path, known: set[tuple[int, str]]) -> Ratings:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; save the sheet as CSV UTF-8") from None
    # Spreadsheets of some countries save with semicolons.
    header = text.partition("\n")[0]
    mark = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
    missing = [c for c in ("item", "side", *CRITERIA) if c not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path} is no sheet of a study: column {missing[0]!r} is missing")
    ratings: Ratings = {}
    for row in reader:
        here = f"{path}, line {reader.line_num}"
        place = (_number(row["item"], here), str(row["side"]).strip().upper())
        if place not in known:
            raise InputError(f"{here}: the study has no item {place[0]} with a side {place[1]!r}")
        if place in ratings:
            raise InputError(f"{here}: item {place[0]} {place[1]} is there twice")
        ratings[place] = {}
        for criterion in CRITERIA:
            said = str(row[criterion] or "").strip().lower()
            if said in ("", "-", "n/a", "?"):
                continue
            if said not in _RATINGS:
                raise InputError(
                    f"{here}: {criterion} is {said!r}; write yes or no, or leave it empty. "
                    f"{known_names(said, _RATINGS)}"
                )
            ratings[place][criterion] = _RATINGS[said]
    return ratings


def _number(text: str | None, where: str) -> int:
    try:
        return int(str(text).strip())
    except ValueError:
        raise InputError(f"{where}: {text!r} is no number of an item") from None
