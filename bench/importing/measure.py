"""What other people's files cost: ``python bench/importing/measure.py FOLDER [--runs 7]``.

Prints one JSON object. Every YAML file below the folder is imported and compiled to the bytes of
all snapshots, in one process whose imports are done (a first one warms it up); seconds of wall
clock, the median of the runs, of the largest file and of the slowest, and how many were refused.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

# the root has to be on the path before these
from mesh_patterns.compile import compile_mesh  # noqa: E402
from mesh_patterns.load import load  # noqa: E402
from mesh_patterns.placement import Placement  # noqa: E402
from mesh_yaml.place import DocumentError  # noqa: E402


def seconds(file: Path) -> float:
    """From the file to the bytes of all snapshots."""
    start = time.perf_counter()
    draft = load([file])
    for snapshot in compile_mesh(draft, Placement.imagined(draft.mesh)).values():
        for each in snapshot:
            _ = each.body
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    found: dict[Path, float] = {}
    refused = 0
    for file in sorted(given.folder.rglob("*.yaml")):
        try:
            seconds(file)
        except DocumentError:
            refused += 1
            continue
        found[file] = statistics.median(seconds(file) for _ in range(given.runs))
    largest = max(found, key=lambda file: file.stat().st_size)
    slowest = max(found, key=lambda file: found[file])
    told = {
        name: {"file": file.name, "bytes": file.stat().st_size, "seconds": round(found[file], 4)}
        for name, file in (("largest", largest), ("slowest", slowest))
    }
    print(json.dumps({"imported": len(found), "refused": refused, **told}, indent=2))


if __name__ == "__main__":
    main()
