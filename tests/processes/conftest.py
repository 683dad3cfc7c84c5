"""A small training in one process, which those in several are compared with."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

STUDENTS = {"teach": "vilt", "distill": "idefics3"}


@pytest.fixture(scope="module", params=sorted(STUDENTS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is trained, the student, and the folder of a training in one process."""
    sys.path.append(str(Path(__file__).parents[1] / "tools" / "hf"))
    import torch
    from tiny import make
    from trainings import run

    kind = str(request.param)
    folder = tmp_path_factory.mktemp(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        student = make(STUDENTS[kind], folder)
    done = run(kind, student, folder / "one", 1)
    assert done.returncode == 0, done.stderr
    return kind, student, folder / "one"
