"""Tiny checkpoints and noise pictures for tests of Hugging Face backends; skipped without torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import make

from vprog.example import Picture, Region

Checkpoint = Callable[[str], Path]
SIZES = ((40, 30), (30, 40), (64, 48), (20, 20))


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """torch with one thread; a test that asks for it is skipped where torch is missing."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[hf]'")
    pytest.importorskip("transformers", reason="needs transformers: pip install 'vprog[hf]'")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Checkpoint:
    """The folder of a tiny checkpoint by the name of its maker; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny")
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made[name] = make(name, folder)
        return made[name]

    return get


@pytest.fixture(scope="session")
def pictures() -> dict[str, Picture]:
    """Six noise pictures of four sizes."""
    random = np.random.default_rng(0)
    return {
        f"p{n}": Picture(
            f"p{n}",
            array_rgb=random.integers(0, 255, (*SIZES[n % 4][::-1], 3), dtype=np.uint8),
        )
        for n in range(6)
    }


@pytest.fixture
def regions(pictures: dict[str, Picture]) -> list[Region]:
    """33 regions: whole pictures and crops with broken edges, some of them equal."""
    whole = [pictures[f"p{n % 6}"].region for n in range(33)]
    return [
        r if n % 3 else r._replace(left=3, top=2 + n % 4, right=17.4, bottom=19)
        for n, r in enumerate(whole)
    ]
