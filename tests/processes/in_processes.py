"""A small training in every process that runs this file; ``trainings.py`` starts it.

Arguments: ``teach`` or ``distill`` (all weights, and then LoRA beside the result), the student's
folder, the folder of the result; ``sharded``; and ``die`` to fail once all steps are done, which
leaves the last state there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
for folder in ("teach", "distill"):
    sys.path.append(str(HERE.parent / folder))


def main(kind: str, student: str, out: str, sharded: bool, die: bool) -> None:
    """Trains."""
    torch.set_num_threads(1)
    if die:
        from vprog.training.folder import Folder

        def finish(*args: object) -> None:
            raise RuntimeError("as if killed")

        Folder.finish = finish  # type: ignore[method-assign]
    if kind == "teach":
        from taught import pictures, rows

        from vprog.teach.settings import TeachSettings
        from vprog.teach.train import train as teach

        settings = TeachSettings(
            method="full", steps=4, batch_size=2, accumulate=2, learning_rate=1e-3,
            validate_every=1, save_every=2, sharded=sharded,
        )  # fmt: skip
        teach(
            "vqa", student, rows("vqa"), pictures(), out, settings=settings,
            val=rows("vqa", 4), replay={"old": rows("vqa", 4)},
        )  # fmt: skip
    else:
        from students import records

        from vprog.distill.sft_settings import SftSettings
        from vprog.distill.train import train as distill

        for method, folder in (("full", out), ("lora", f"{out}-lora")):
            tuning = SftSettings(
                method=method, steps=4, batch_size=4, micro_batch=2, learning_rate=1e-3, ema=0.9,
                validate_every=1, save_every=2, choose="loss", sharded=sharded,
            )  # fmt: skip
            distill(student, records(6), folder, tuning, val=records(3))


if __name__ == "__main__":
    main(*sys.argv[1:4], "sharded" in sys.argv[4:], "die" in sys.argv[4:])
