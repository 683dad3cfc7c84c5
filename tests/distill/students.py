"""Tiny students and records for tests of tuning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "tools" / "hf"))

KINDS = ("idefics3", "smolvlm", "paligemma", "llava", "qwen2_5_vl")
ASKED = ("what color is the cup", "how many", "is this a dog")
TOLD = ("red", "two", "yes")
EXPLAINED = ("cup : red . yes", "dog : two left right . two", "a dog is in the picture . yes")
ANSWER, EXPLAIN = "answer with one word or short phrase", "describe this"


@pytest.fixture(scope="session", name="world")
def draw_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of world-gqa with the splits train and test."""
    from vprog.world import write

    root = tmp_path_factory.mktemp("distill") / "world"
    write("gqa", "generalist", 40, 1, root, split="train", workers=1)
    write("gqa", "generalist", 10, 1, root, split="test", workers=1)
    return root


@pytest.fixture(scope="session", name="student")
def make_student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The folder of a tiny checkpoint by the name of its maker; torch has one thread."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
    pytest.importorskip("peft", reason="needs peft: pip install 'vprog[teach]'")
    pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")
    from tiny import make

    folder = tmp_path_factory.mktemp("vlms")
    made: dict[str, Path] = {}

    def get(name: str) -> str:
        if name not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.manual_seed(0)
                made[name] = make(name, folder)
        return str(made[name])

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield get
    torch.set_num_threads(threads)


def images(n: int) -> list[Image.Image]:
    """Noise pictures of one size."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for _ in range(n)]


def record(
    pictures: list[Any], question: str, target: str, kind: str, **more: Any
) -> dict[str, Any]:
    """A record as data sets have it."""
    instruction = ANSWER if kind == "answer" else EXPLAIN
    places: list[dict[str, Any]] = [{"type": "image", "text": None} for _ in pictures]
    text = {"type": "text", "text": f"{question}\n{instruction}"}
    return {
        "images": pictures,
        "messages": [
            {"role": "user", "content": [*places, text]},
            {"role": "assistant", "content": [{"type": "text", "text": target}]},
        ],
        "kind": kind,
        "weight": 1.0,
        **more,
    }


def records(n: int = 6, pictures: int = 1) -> list[dict[str, Any]]:
    """Answers to ``n`` questions, and rationales of all but every third."""
    shown = images(n * pictures)
    found = []
    for number in range(n):
        some = shown[number * pictures : (number + 1) * pictures]
        which = number % 3
        id = {"example_id": f"q{number}"}
        found.append(record(some, ASKED[which], TOLD[which], "answer", **id))
        if which != 2:
            found.append(
                record(some, ASKED[which], EXPLAINED[which], "rationale", weight=0.5, **id)
            )
    return found
