"""OK-VQA: questions that ask for outside knowledge (Marino et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.vqa_answers import normalise
from vprog.benchmarks.vqa_files import credit, read_questions
from vprog.benchmarks.vqav2 import PHOTOGRAPHS
from vprog.example import Example

SOURCE = "OK-VQA is published at https://okvqa.allenai.org/download.html"


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split as ``vqav2`` does; types are the ten kinds of knowledge.

    People's answers are those of the column ``answer``, in which the authors brought the forms of a
    word together ("racing", "race"); what a program answers is compared as it is.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    year = f"{split}2014"
    questions = find_file(data, [f"OpenEnded_mscoco_{year}_questions.json"], SOURCE)
    annotations = find_file(data, [f"mscoco_{year}_annotations.json"], SOURCE)
    pictures = Photographs(
        data, (year, f"images/{year}", "images"), scenes_beside(data, split), PHOTOGRAPHS
    )
    yield from read_questions(questions, annotations, pictures, f"COCO_{year}_{{}}.jpg")


BENCHMARK = Benchmark(
    name="okvqa",
    doc="Questions that ask for outside knowledge, scored as VQAv2 (Marino et al. 2019)",
    splits=("val", "train"),
    load=load,
    normalise=normalise,
    credit=credit,
)
