"""Figures of a blame: what to teach first, and how much it could give at most."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vprog.benchmarks.metric import mean
from vprog.evaluation.figures import describe
from vprog.evaluation.statistics import paired_difference, wilson
from vprog.teach.blame import Blame, Substitution
from vprog.tools.backends.oracle_words import ANYTHING
from vprog.trace import Call
from vprog.verify import RIGHT

_DETERMINERS = frozenset(["a", "an", "the", "any", "some", "this", "that", "these", "those", "it"])


def pattern(call: Call) -> str:
    """What a call asks for, without what is particular to it, so that calls can be counted.

    ``detect``: the phrase without its article and attributes, ``... cup``, with them where its noun
    says nothing, ``red object``. ``vqa``: the question up
    to the first determiner, ``what color is the ...``. ``match``: the options, the last word of
    each.
    """
    if call.tool == "vqa":
        words = re.sub(r"[?.!,]", "", str(call.args["question"]).lower()).split()
        for n, word in enumerate(words):
            if word in _DETERMINERS and n:
                return " ".join(words[: n + 1]) + (" ..." if n + 1 < len(words) else "")
        return " ".join(words[:2]) + (" ..." if len(words) > 2 else "")
    if call.tool == "detect":
        return _head(str(call.args["phrase"]))
    options = call.args["options"]
    assert isinstance(options, list)
    heads = list(dict.fromkeys(_head(str(option)) for option in options))
    return " | ".join(heads[:6]) + (" | ..." if len(heads) > 6 else "")


def _head(phrase: str) -> str:
    words = [w for w in phrase.lower().split() if w not in _DETERMINERS]
    if len(words) < 2 or words[-1] in ANYTHING:  # of "red object" the attribute is what is asked
        return " ".join(words)
    return f"... {words[-1]}"


def blame_figures(blame: Blame, most: int = 20) -> dict[str, Any]:
    """The object that ``vprog blame --json`` prints beside what the run is.

    Rows overlap: a trace that several calls repair counts in each of them. ``repaired`` are wrong
    traces that one call of the row repairs alone; ``ci95`` is the interval of their share of all
    wrong traces, and ``gain`` what they add to the accuracy.

    Args:
        blame: What substitution found.
        most: Arguments listed, those that repair most first.
    """
    wrong = blame.wrong
    before = [record.verdict.credit for record in blame.records]
    upper = {" + ".join(tools): _upper(before, after) for tools, after in blame.upper.items()}
    best = max(blame.upper, key=len)
    single = {s.index for s in blame.substitutions if s.repairs}
    several = {n for n in wrong if n not in single and any(
        after[n] >= RIGHT for after in blame.upper.values())}  # fmt: skip
    tools = _rows(blame, lambda s: s.call.tool)
    for row in tools:
        row["upper"] = upper.get(row["name"])
    arguments = _rows(blame, lambda s: f"{s.call.tool}({pattern(s.call)})")
    return {
        "n": len(blame.records),
        "accuracy": _accuracy(before),
        "wrong": {
            "n": len(wrong),
            "one_step": len(single),
            "several_steps": len(several),
            "not_by_teacher": len(wrong) - len(single) - len(several),
        },
        "upper": {"tools": list(best), **upper[" + ".join(best)]},
        "by_tool": tools,
        "by_argument": arguments[:most],
        "arguments": len(arguments),
        "by_type": _by_type(blame, blame.upper[best]),
        "substituted": len(blame.substitutions),
        "unanswered": dict(blame.unanswered),
    }


def _accuracy(credits: Sequence[float]) -> dict[str, Any]:
    return describe(mean(credits), list(range(len(credits))))


def _upper(before: Sequence[float], after: Sequence[float]) -> dict[str, Any]:
    paired = paired_difference(before, after)
    return {
        "accuracy": _accuracy(after),
        "gain": round(paired["difference"], 6),
        "gain_ci95": [round(paired["ci_low"], 6), round(paired["ci_high"], 6)],
        "gained": paired["gained"],
        "lost": paired["lost"],
    }


def _rows(blame: Blame, name: Any) -> list[dict[str, Any]]:
    groups: dict[str, list[Substitution]] = defaultdict(list)
    for substitution in blame.substitutions:
        groups[name(substitution)].append(substitution)
    rows = []
    for key, members in groups.items():
        repaired = {s.index for s in members if s.repairs}
        row: dict[str, Any] = {
            "name": key,
            "calls": len(members),
            "differ": sum(s.differs for s in members),
            "traces": len({s.index for s in members}),
        }
        rows.append(row | _repaired(len(repaired), len(blame.wrong), len(blame.records)))
    return sorted(rows, key=lambda r: (-r["repaired"], -r["differ"], r["name"]))


def _repaired(repaired: int, wrong: int, n: int) -> dict[str, Any]:
    low, high = wilson(repaired, wrong) if wrong else (0.0, 1.0)
    return {
        "repaired": repaired,
        "share": round(repaired / wrong, 6) if wrong else 0.0,
        "ci95": [round(low, 6), round(high, 6)],
        "gain": round(repaired / n, 6),
    }


def _by_type(blame: Blame, after: Sequence[float]) -> dict[str, dict[str, Any]]:
    """Kind and value of question type -> accuracy, wrong answers, repairs, upper bound."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for n, record in enumerate(blame.records):
        for kind, value in record.types.items():
            groups[kind, value].append(n)
    single: Mapping[int, set[str]] = defaultdict(set)
    for s in blame.substitutions:
        if s.repairs:
            single[s.index].add(s.call.tool)
    wrong = set(blame.wrong)
    figures: dict[str, dict[str, Any]] = defaultdict(dict)
    for (kind, value), members in sorted(groups.items()):
        bad = [n for n in members if n in wrong]
        row = {
            "n": len(members),
            "accuracy": _accuracy([blame.records[n].verdict.credit for n in members]),
            "wrong": len(bad),
            **_repaired(sum(bool(single[n]) for n in bad), len(bad), len(members)),
            "by_tool": {
                tool: sum(tool in single[n] for n in bad)
                for tool in sorted({t for n in bad for t in single[n]})
            },
            "upper": _accuracy([after[n] for n in members]),
        }
        figures[kind][value] = row
    return dict(figures)
