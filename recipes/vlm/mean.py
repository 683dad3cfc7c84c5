"""Writes the mean of two checkpoints of one shape, as ``vlm-shapes`` is one.

    python recipes/vlm/mean.py BEFORE AFTER OUT

Folders all; OUT is AFTER with other weights. Wortsman et al., "Model soups", ICML 2022.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"


def main() -> None:
    """Reads both and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("before", "after", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    before, after = (load_file(folder / WEIGHTS) for folder in (given.before, given.after))
    mean = {
        name: ((before[name].float() + value.float()) / 2).to(value.dtype)
        for name, value in after.items()
    }
    with safe_open(given.after / WEIGHTS, "pt") as file:
        about = file.metadata()
    shutil.copytree(given.after, given.out)
    save_file(mean, given.out / WEIGHTS, metadata=about)


if __name__ == "__main__":
    main()
