"""How fast the world draws: pictures a second, drawn and saved as PNG files; prints JSON.

``python bench/world.py [--n 4000] [--workers 2] [--domain generalist] [--size 96]``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import tempfile
import time
from pathlib import Path

from vprog.world.domains import get_domain
from vprog.world.scene import draw_scene, sample_specs


def draw_share(work: tuple[str, str, int, int, int]) -> tuple[int, float]:
    """Draws and saves pictures ``start`` to ``stop``; returns how many, and the CPU seconds."""
    domain_name, folder, start, stop, size = work
    from PIL import Image

    began, domain, drawn = time.process_time(), get_domain(domain_name), 0
    for index in range(start, stop):
        rng = random.Random(index)
        specs = None
        while specs is None:
            specs = sample_specs(rng, domain)
        pixels, _ = draw_scene(specs, domain, rng, size)
        Image.fromarray(pixels).save(Path(folder) / f"{index}.png", compress_level=1)
        drawn += 1
    return drawn, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--domain", default="generalist")
    parser.add_argument("--size", type=int, default=96)
    args = parser.parse_args()
    share = args.n // args.workers
    with tempfile.TemporaryDirectory() as folder:
        work = [
            (args.domain, folder, k * share, (k + 1) * share, args.size)
            for k in range(args.workers)
        ]
        with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
            pool.map(draw_share, [(args.domain, folder, -1, 0, args.size)] * args.workers * 4)
            start = time.perf_counter()
            results = pool.map(draw_share, work, chunksize=1)
            wall_s = time.perf_counter() - start
        written = len(list(Path(folder).glob("*.png")))
    assert written == sum(drawn for drawn, _ in results) + 1
    cpu_s = sum(cpu for _, cpu in results)
    figures = {
        "pictures": args.workers * share,
        "workers": args.workers,
        "domain": args.domain,
        "size": args.size,
        "wall_s": round(wall_s, 2),
        "pictures_per_s": round(args.workers * share / wall_s, 1),
        "cpu_ms_per_picture": round(1000 * cpu_s / (args.workers * share), 3),
        "load_average_1min": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
