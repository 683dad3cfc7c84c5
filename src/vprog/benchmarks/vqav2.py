"""VQAv2: open questions about photographs, ten answers each (Goyal et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.vqa_answers import normalise
from vprog.benchmarks.vqa_files import credit, read_questions, submission
from vprog.example import Example

SOURCE = "VQAv2 is published at https://visualqa.org/download.html"
PHOTOGRAPHS = "The photographs are COCO's: https://cocodataset.org/#download"

_FILES = {"train": "train2014", "val": "val2014", "test-dev": "test-dev2015", "test": "test2015"}
_FOLDERS = {"train": "train2014", "val": "val2014", "test-dev": "test2015", "test": "test2015"}


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split in the order of the file; test splits have no answers.

    ``extra["human_answers"]`` holds what the ten people wrote; ``answers`` are their different
    normal forms, the most frequent first.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    name, folder = _FILES.get(split, split), _FOLDERS.get(split, split)
    questions = find_file(data, [f"v2_OpenEnded_mscoco_{name}_questions.json"], SOURCE)
    annotations = None
    if split not in ("test", "test-dev"):
        annotations = find_file(data, [f"v2_mscoco_{name}_annotations.json"], SOURCE)
    pictures = Photographs(
        data, (folder, f"images/{folder}", "images"), scenes_beside(data, split), PHOTOGRAPHS
    )
    yield from read_questions(questions, annotations, pictures, f"COCO_{folder}_{{}}.jpg")


BENCHMARK = Benchmark(
    name="vqav2",
    doc="Open questions about photographs, soft accuracy over ten answers (Goyal et al. 2017)",
    splits=("val", "train", "test-dev", "test"),
    load=load,
    normalise=normalise,
    credit=credit,
    submission=submission,
    submission_file="vqa_OpenEnded_mscoco_results.json",
)
