"""Runs on a Ray cluster: blocks of programs stream through actors, traces stream back.

Ray Data keeps actors busy, holds back blocks where results are not taken fast enough, and repeats
the block of an actor that died. The command alone writes the run's folder, so that a run is killed
and taken up again as one in a single process is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.engine.calls import Counts
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings
from vprog.evaluation.writing import Written
from vprog.scale.worker import Worker, from_answer, to_block

if TYPE_CHECKING:
    import pyarrow as pa

INSTALL = 'pip install "vprog[ray]"'
LARGEST = 1024
"""Most examples of a block: at its end an actor waits for its last programs alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRay:
    """Runs programs in actors of Ray; see ``Workers``.

    Attributes:
        address: Of a running cluster, ``auto`` for this machine's; None starts one here and ends it
            with the run.
        actors: How many; None is one a GPU, or one a CPU core where the cluster has no GPU.
        block: Examples that travel together; None is about eight blocks an actor, of at most 1,024.
    """

    address: str | None = None
    actors: int | None = None
    block: int | None = None

    def run(
        self, settings: RunSettings, out: Path, written: Sequence[Written], fingerprints: Any
    ) -> Iterator[tuple[pa.Table, Counts]]:
        """See ``Workers``.

        Raises:
            InputError: Ray is missing or cannot start, or an actor met a fault.
        """
        if importlib.util.find_spec("ray") is None:
            raise InputError(f"--on ray needs ray, which is not installed: {INSTALL}")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        import ray.data

        # Ray tells of dead actors on stdout, which is for the command's result alone.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                self._start(ray)
                resources = ray.cluster_resources()
                gpus = resources.get("GPU", 0.0)
                actors = self.actors or int(gpus or resources.get("CPU", 1.0))
                size = self.block or max(1, min(LARGEST, -(-len(written) // (8 * actors))))
                blocks = [to_block(written[n : n + size]) for n in range(0, len(written), size)]
                memo = out / "memo.sqlite" if self.address is None else None
                answers = ray.data.from_arrow(blocks).map_batches(
                    Worker,
                    fn_constructor_args=(
                        settings,
                        Path.cwd(),
                        memo and memo.resolve(),
                        dict(fingerprints),
                    ),
                    batch_size=None,
                    batch_format="pyarrow",
                    compute=ray.data.ActorPoolStrategy(size=actors),
                    num_cpus=1 if not gpus else 0,
                    num_gpus=min(1.0, gpus / actors) or None,
                )
                for answer in answers.iter_batches(batch_size=None, batch_format="pyarrow"):
                    yield from from_answer(answer)
            except ray.exceptions.RayError as error:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                raise InputError(
                    f"Ray gave up: {lines[-1] if lines else type(error).__name__}. Finished traces "
                    "are kept; start the same command again"
                ) from None
            finally:
                ray.shutdown()

    def _start(self, ray: Any) -> None:
        try:
            ray.init(
                address=self.address,
                include_dashboard=None if self.address else False,
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
                **({} if self.address else {"num_cpus": self.actors}),
            )
        except Exception as error:  # Ray raises bare ones where a process does not start
            where = f" at {self.address}" if self.address else ""
            raise InputError(f"cannot reach a Ray cluster{where}: {error}") from None
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
