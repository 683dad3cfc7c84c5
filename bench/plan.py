"""What `vprog run --dry-run` says beside what the run then takes; prints JSON, a line a command.

``python bench/plan.py [--n 2000] [--seed 0]`` draws a world and plans and runs gold programs over
the zoo and the oracle in both languages, and programs of the zoo's own writer over the oracle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from results import vprog

COMMANDS = {
    "zoo steps": ("--toolbox", "zoo", "--language", "steps"),
    "zoo python": ("--toolbox", "zoo", "--language", "python"),
    "oracle steps": ("--toolbox", "oracle", "--language", "steps"),
    "oracle python": ("--toolbox", "oracle", "--language", "python"),
    "oracle writer": ("--toolbox", "oracle", "--writer", "zoo", "--k", "3"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=list(COMMANDS), default=list(COMMANDS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vprog-plans-") as folder:
        data = Path(folder) / "world"
        drawn = ("--task", "gqa", "--n", str(args.n), "--seed", str(args.seed))
        vprog("world", "draw", *drawn, "--out", str(data))
        for name in args.only:
            run = ("run", "world-gqa", "--data", str(data), *COMMANDS[name])
            plan = vprog(*run, "--dry-run")["plan"]
            out = Path(folder) / name.replace(" ", "-")
            began = time.perf_counter()
            done = vprog(*run, "--out", str(out))
            wall_s = time.perf_counter() - began
            stored = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
            took = {
                "requested": done["calls"]["requested"],
                "computed": done["calls"]["computed"],
                "storage_mb": stored,
                "seconds": wall_s,
            }
            said = {**plan["calls"], "storage_mb": plan["storage_mb"], "seconds": plan["seconds"]}
            usage = done["usage"]
            if usage["requests"] or plan["tokens"]["written"]:
                took["tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
                said["tokens"] = sum(plan["tokens"].values())
            ratios = {key: round(said[key] / took[key], 3) if took[key] else None for key in took}
            figures = {"command": name, "n": done["n"], "sample": plan["sample"]}
            print(json.dumps({**figures, "said_over_took": ratios, "said": said}), flush=True)


if __name__ == "__main__":
    main()
