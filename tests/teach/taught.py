"""Tiny students, noise pictures and supervision for tests of training."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vprog.example import Picture, Region
from vprog.teach.supervision import Supervised

sys.path.append(str(Path(__file__).parents[1] / "tools" / "hf"))

TOOLS = {
    "owlvit": "detect",
    "owlv2": "detect",
    "grounding_dino": "detect",
    "vilt": "vqa",
    "blip": "vqa",
    "idefics3": "vqa",
    "clip": "match",
    "siglip": "match",
}
SIZES = ((40, 30), (30, 40), (64, 48))


@pytest.fixture(scope="session", name="checkpoint")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The folder of a tiny checkpoint by the name of its maker; torch has one thread."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
    pytest.importorskip("peft", reason="needs peft: pip install 'vprog[teach]'")
    pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")
    from tiny import make

    folder = tmp_path_factory.mktemp("students")
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


def pictures() -> dict[str, Picture]:
    """Six noise pictures of three sizes."""
    random = np.random.default_rng(0)
    return {
        f"p{n}": Picture(
            f"p{n}",
            array_rgb=random.integers(0, 255, (*SIZES[n % 3][::-1], 3), dtype=np.uint8),
        )
        for n in range(6)
    }


def rows(tool: str, n: int = 12) -> list[Supervised]:
    """Mixed supervision: views of several sizes, texts of several lengths, soft and hard answers.

    Among them are crops, phrases without boxes, rows of a weight, and distributions.
    """
    shown = pictures()
    found = []
    for number in range(n):
        region = shown[f"p{number % 6}"].region
        if number % 4 == 3:
            region = region._replace(left=3, top=2, right=25, bottom=27)
        boxes, distribution = None, None
        argument: str | tuple[str, ...]
        if tool == "detect":
            argument = ("red cup", "a blue dog", "cat")[number // 2 % 3]
            one = Region(region.picture, 5, 4, 17, 20, str(argument), 0.9)
            two = Region(region.picture, 14, 12, 26, 25, str(argument), 0.6)
            boxes = ((one,), (one, two), ())[number % 3]
        elif tool == "vqa":
            argument = ("what color is the cup", "how many", "is this a dog")[number // 2 % 3]
            distribution = ({"red": 1.0}, {"blue": 0.7, "no": 0.3}, {"2": 1.0})[number % 3]
        else:
            argument = (("red cup", "blue dog", "cat"), ("red cup",))[number // 2 % 2]
            beliefs = ((0.9, 0.1, 0.2), (0.1, 0.8, 0.1))[number % 2]
            distribution = dict(zip(argument, beliefs, strict=False))
        found.append(
            Supervised(
                tool=tool,
                region=region,
                argument=argument,
                boxes=boxes,
                distribution=distribution,
                confidence=(1.0, 0.5)[number % 2],
                weight=(1.0, 3.0)[number % 5 == 0],
            )
        )
    return found
