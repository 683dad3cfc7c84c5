"""GQA's official figures (Hudson and Manning 2019, section 4.4, and its evaluation script)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from vprog.benchmarks.benchmark import Answered, Answers
from vprog.benchmarks.gqa_files import read_json, require
from vprog.benchmarks.metric import Metric, Missing, Whole, mean
from vprog.benchmarks.official_files import find_file
from vprog.errors import InputError
from vprog.example import Region
from vprog.trace import Trace, Value
from vprog.verify import answer_text

IN_COMMON = ("color", "material", "shape")
"""What two things can have in common: the choices of such questions in GQA's evaluation script."""

Box: TypeAlias = Sequence[float]
"""Left, top, right, bottom in pixels."""


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Accuracy, consistency, validity, plausibility, grounding and distribution.

    As in the official script all but consistency's entailed questions are balanced ones; open
    questions are those of structural type ``query``. Grounding is ours, see ``grounding``.
    """
    items = answers.items
    balanced = [bool(a.example.extra.get("balanced", True)) for a in items]

    def over_balanced(values: Iterable[float | None]) -> list[float | None]:
        return [v if b else None for v, b in zip(values, balanced, strict=True)]

    query = [a.example.types.get("structural") == "query" for a in items]
    pairs = list(zip(items, query, strict=True))
    return {
        "accuracy": mean(over_balanced(a.credit for a in items)),
        "accuracy_binary": mean(over_balanced(None if q else a.credit for a, q in pairs)),
        "accuracy_open": mean(over_balanced(a.credit if q else None for a, q in pairs)),
        "consistency": mean(over_balanced(_consistency(items))),
        **_choices(answers, balanced),
        "grounding": _grounding(items, balanced),
        "distribution": _distribution(items, balanced),
    }


def _consistency(items: Sequence[Answered]) -> list[float | None]:
    """For a question that was answered right and entails others: the share of those right.

    Entailed questions that the run does not hold do not count: the official figure needs a run over
    the split with all questions.
    """
    credit = {a.example.id: a.credit for a in items}
    shares: list[float | None] = []
    for a in items:
        ids = [i for i in a.example.extra.get("entailed", ()) if i in credit and i != a.example.id]
        right = a.credit == 1 and ids
        shares.append(sum(credit[i] for i in ids) / len(ids) if right else None)
    return shares


def _choices(answers: Answers, balanced: Sequence[bool]) -> dict[str, Metric]:
    """Validity (an answer that the question allows at all) and plausibility (one that occurs)."""
    tier = answers.split.partition("-")[0]
    try:
        path = find_file(
            answers.data, (f"{tier}_choices.json",), "It is in GQA's evaluation archive"
        )
        known = require(read_json(path), (), str(path))
        for id, choices in known.items():
            require(choices, ("valid", "plausible"), f"{path}, question {id!r}")
    except InputError as error:
        why = Missing(f"needs GQA's choices file: {error}")
        return {"validity": why, "plausibility": why}

    def share(kind: str) -> Metric:
        return mean(
            float(a.text in _allowed(a, known[a.example.id][kind]))
            if b and a.example.id in known
            else None
            for a, b in zip(answers.items, balanced, strict=True)
        )

    return {"validity": share("valid"), "plausibility": share("plausible")}


def _allowed(answered: Answered, choices: Iterable[str]) -> set[str | None]:
    """The choices of a question; what things have in common has its own in GQA's evaluation."""
    if "Common" in answered.example.types.get("detailed", ""):
        return set(IN_COMMON)
    return {answer_text(choice) for choice in choices}


def _distribution(items: Sequence[Answered], balanced: Sequence[bool]) -> Metric:
    """How far answers are from the labels' distribution; lower is better.

    Without an interval: resamples of labels and answers are further apart than these are.
    """
    rows = [
        (a.example.extra.get("group") if b else None, answer_text(a.example.answers[0]), a.text)
        for a, b in zip(items, balanced, strict=True)
    ]
    return Whole(
        lambda indices: _chi_square([rows[i] for i in indices]),
        len(rows),
        is_share=False,
        counts=[group is not None for group, *_ in rows],
        has_interval=False,
    )


def _chi_square(rows: Iterable[tuple[str | None, str | None, str | None]]) -> float | None:
    """The statistic of every global group, weighted by the group's questions, over 100.

    Args:
        rows: Group (None takes no part), label and answer of every question.
    """
    gold: dict[str, Counter[str | None]] = defaultdict(Counter)
    given: dict[str, Counter[str | None]] = defaultdict(Counter)
    for group, label, answer in rows:
        if group is not None:
            gold[group][label] += 1
            given[group][answer] += 1
    total = sum(counts.total() for counts in gold.values())
    if not total:
        return None
    weighted = 0.0
    for group, counts in gold.items():
        chi_square = sum((given[group][word] - n) ** 2 / n for word, n in counts.items())
        weighted += chi_square * counts.total()
    return weighted / total / 100


def _grounding(items: Sequence[Answered], balanced: Sequence[bool]) -> Metric:
    if not any(a.example.extra.get("gold_boxes") for a in items):
        return Missing("needs the scene graphs of the split beside its questions")
    return mean(
        grounding(a.trace, a.example.extra.get("gold_boxes") or ()) if b else None
        for a, b in zip(items, balanced, strict=True)
    )


def grounding(trace: Trace, gold: Sequence[Box]) -> float | None:
    """How much of what a program looked at belongs to what the question is about.

    GQA weighs the cells of an attention map by the share of each that lies in the gold objects'
    boxes. A program has no attention map, so this figure is ours: every box it looked at has the
    same weight (see ``looked_at``), and the gold region is the union of the gold boxes, so that a
    share never exceeds 1.

    Args:
        trace: Of the program.
        gold: Gold boxes.

    Returns:
        A share in [0, 1]; None without gold boxes or without a box looked at.
    """
    shares = [covered(box, gold) for box in looked_at(trace)]
    return sum(shares) / len(shares) if shares and gold else None


def looked_at(trace: Trace) -> list[Box]:
    """The boxes that a program looked at: what ``detect`` found, and what other tools were given.

    A tool that was given the whole picture looked at the whole picture. Steps that failed and
    inline modules do not count.
    """
    boxes: list[Box] = []
    for step in trace.steps:
        if step.tool is not None and not step.error:
            source: Value = step.value if step.tool == "detect" else list(step.args.values())
            boxes += [region.box_xyxy for region in _regions(source)]
    return [b for b in boxes if b[2] > b[0] and b[3] > b[1]]


def _regions(value: Any) -> list[Region]:
    if isinstance(value, Region):
        return [value]
    return [r for item in value for r in _regions(item)] if isinstance(value, list) else []


def covered(box: Box, regions: Sequence[Box]) -> float:
    """The share of a box's area that lies in the union of some regions."""
    left, top, right, bottom = box
    clipped = [
        (max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)) for x0, y0, x1, y1 in regions
    ]
    inside = [c for c in clipped if c[2] > c[0] and c[3] > c[1]]
    columns = sorted({x for c in inside for x in (c[0], c[2])})
    area = 0.0
    for x0, x1 in pairwise(columns):
        reached = top
        for _, y0, _, y1 in sorted(
            (c for c in inside if c[0] <= x0 and c[2] >= x1), key=lambda c: c[1]
        ):
            area += (x1 - x0) * max(0.0, y1 - max(reached, y0))
            reached = max(reached, y1)
    return area / ((right - left) * (bottom - top))
