"""Worked examples for prompts, and the choice of those that are like a question.

Four families, as VisProg prompts for four tasks (GQA, NLVR2, knowledge tagging, editing), the first
two in ViperGPT's language too; all texts are vprog's own. Choice is by overlap of words (Okapi
BM25), so equal questions get equal prompts.
"""

from __future__ import annotations

import ast
import math
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

from vprog.program.program import Language
from vprog.tools.catalogue import MODULES
from vprog.writers.reference import tools_of_names

FAMILIES = ("gqa", "nlvr2", "tagging", "editing")
_MODULE = re.compile(r"=\s*([A-Z_]+)\(")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A question with a program that answers it.

    Attributes:
        family: File that it comes from.
        question: As a person would write it.
        pictures: How many its program takes.
        programs: By language; the editing modules exist in ``steps`` only.
    """

    family: str
    question: str
    pictures: int = 1
    programs: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def all_shots() -> tuple[Shot, ...]:
    """Every worked example, in the order of the files."""
    shots = []
    for family in FAMILIES:
        text = resources.files("vprog.writers").joinpath("shots", f"{family}.toml").read_text()
        for row in tomllib.loads(text)["shot"]:
            programs = {k: row[k].strip() for k in ("steps", "python") if k in row}
            shots.append(
                Shot(
                    family=family,
                    question=row["question"],
                    pictures=row.get("pictures", 1),
                    programs=programs,
                )
            )
    return tuple(shots)


def tools_called(text: str, language: Language) -> set[str]:
    """Names of the tools that a worked example's program calls."""
    if language == "steps":
        modules = [MODULES[name] for name in _MODULE.findall(text)]
        return {m.tool for m in modules if m.tool is not None}
    known = tools_of_names()
    names = {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
    names |= {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    return {tool for name in names for tool in known.get(name, ())}


def fitting_shots(tools: Collection[str], language: Language, pictures: int) -> list[Shot]:
    """The worked examples that could run: in that language, with those tools and pictures."""
    return [
        s
        for s in all_shots()
        if s.pictures == pictures
        and language in s.programs
        and tools_called(s.programs[language], language) <= set(tools)
    ]


class Retriever:
    """Finds the worked examples that are most like a question."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        """Counts the words of the shots' questions."""
        self._shots = shots
        self._counts = [Counter(words(s.question)) for s in shots]
        found_in = Counter(word for counts in self._counts for word in counts)
        n = len(shots)
        self._weights = {w: math.log(1 + (n - c + 0.5) / (c + 0.5)) for w, c in found_in.items()}
        lengths = [sum(c.values()) for c in self._counts]
        self._mean = sum(lengths) / n if n else 1.0

    def find(self, question: str, most: int) -> list[Shot]:
        """At most ``most`` shots, the best last: the model reads it just before the question."""
        asked = set(words(question))
        scores = [self._score(asked, counts) for counts in self._counts]
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:most]
        return [self._shots[i] for i in reversed(order)]

    def _score(
        self, asked: set[str], counts: Counter[str], k1: float = 1.2, b: float = 0.75
    ) -> float:
        length = k1 * (1 - b + b * sum(counts.values()) / self._mean)
        # In the order of the shot's words, not of the set: sums must not depend on hashing.
        return sum(
            self._weights[word] * count * (k1 + 1) / (count + length)
            for word, count in counts.items()
            if word in asked
        )


def words(text: str) -> list[str]:
    """Its words in lower case, plural endings cut."""
    return [w[:-1] if len(w) > 3 and w.endswith("s") else w for w in _WORD.findall(text.lower())]
