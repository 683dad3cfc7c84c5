"""Hateful Memes: is a picture with its text hateful? (Kiela et al., NeurIPS 2020).

Scored by AUROC: how well the belief in "yes" ranks hateful memes before the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.drawn import drawn_programs
from vprog.benchmarks.gqa_files import read_jsonl, require, typed
from vprog.benchmarks.metric import Metric, Whole
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.errors import InputError
from vprog.example import Example
from vprog.trace import Step, Trace
from vprog.verify import answer_text

SOURCE = "Hateful Memes is published at https://hatefulmemeschallenge.com (registration needed)"
QUESTION = 'The picture is a meme that says "{}". Is it hateful?'


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the memes of a split in the order of the file; test splits may have no labels.

    ``extra["text"]`` is the text on the picture, which the question quotes.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    names = [f"{split}.jsonl"]
    if split.endswith("_seen"):  # in the first release, which had no unseen ones: dev.jsonl
        names.append(f"{split.removesuffix('_seen')}.jsonl")
    path = find_file(data, names, SOURCE)
    pictures = Photographs(data, (), scenes_beside(data, split), SOURCE)
    for number, row in enumerate(read_jsonl(path), 1):
        where = f"{path}, row {number}"
        require(row, ("id", "img", "text"), where)
        label = row.get("label")
        if label not in (0, 1, None):
            raise InputError(f"{where}: column 'label' must be 0 or 1, found {label!r}")
        text = typed(row["text"], str, "text", where)
        yield Example(
            id=str(row["id"]),
            pictures=(pictures.picture(typed(row["img"], str, "img", where), where),),
            question=QUESTION.format(text),
            answers=() if label is None else ("yes" if label else "no",),
            programs=drawn_programs(row, where),
            extra={"text": text},
        )


def belief(trace: Trace) -> float:
    """How sure a program is of "yes", in [0, 1].

    Its answer must be that of the last call of ``vqa`` for this to be more than 0 or 1. Where the
    model gave a distribution with both answers it is the share of "yes" of the two; where it gave
    the probability of its own words, that, or what is left of 1. A program that failed or answered
    neither knows nothing: 0.5.
    """
    answer = answer_text(trace.answer) if trace.failure is None else None
    if answer not in ("yes", "no"):
        return 0.5
    asked = [step for step in trace.steps if step.tool == "vqa"]
    said = _said(asked[-1], answer) if asked else 1.0
    return said if answer == "yes" else 1.0 - said


def _said(step: Step, answer: str) -> float:
    """The probability that a model gave to its answer; 1 where the answer is not its own."""
    if answer_text(step.value) != answer:
        return 1.0
    told = step.info.get("distribution")
    if isinstance(told, Mapping):
        other = "no" if answer == "yes" else "yes"
        pair = [float(told.get(name, 0.0)) for name in (answer, other)]
        return pair[0] / sum(pair) if sum(pair) > 0 else 1.0
    score = step.info.get("score")
    return float(score) if isinstance(score, int | float) else 1.0


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The area under the ROC curve: how often a true one is before a false one, ties half.

    From the ranks of all scores (Mann and Whitney 1947), exact with ties.

    Returns:
        In [0, 1]; None where there are only true ones or only false ones.
    """
    true = sum(labels)
    false = len(labels) - true
    if not true or not false:
        return None
    order = sorted(range(len(scores)), key=scores.__getitem__)
    twice_ranks = 0  # of the true ones; equal scores share the mean of their ranks
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        hits = sum(labels[index] for index in order[start:end])
        twice_ranks += hits * (start + 1 + end)
        start = end
    return (twice_ranks - true * (true + 1)) / (2 * true * false)


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """The AUROC of ``belief``."""
    scores = [belief(a.trace) for a in answers.items]
    labels = [a.example.answers[0] == "yes" for a in answers.items]

    def of(indices: Sequence[int]) -> float | None:
        return auroc([scores[i] for i in indices], [labels[i] for i in indices])

    return {"auroc": Whole(of, len(scores))}


def submission(answers: Sequence[Answered]) -> str:
    """The challenge's table: ``id,proba,label``."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["id", "proba", "label"])
    for answered in answers:
        sure = belief(answered.trace)
        label = int(answered.text == "yes")
        table.writerow([answered.example.id, f"{sure:.6g}", label])
    return file.getvalue()


BENCHMARK = Benchmark(
    name="hateful-memes",
    doc="Is a picture with its text hateful? AUROC (Kiela et al. 2020)",
    splits=("dev_seen", "train", "dev_unseen", "test_seen", "test_unseen"),
    load=load,
    metrics=metrics,
    binary=True,
    submission=submission,
    submission_file="submission.csv",
)
