"""Runs ``meshloom prove`` on many files, two at a time: most of a proof is waiting."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
AT_A_TIME = 2
SECONDS = 90

Files = tuple[Path, ...]
Done = subprocess.CompletedProcess[str]


def prove(files: Files, tries: int = 2) -> Done:
    """``meshloom prove`` of these files together.

    A share that a pattern promises by itself fails by luck about three times in a thousand, so a
    proof that fails has a second try: luck runs out, a defect does not mend itself.
    """
    done = _prove(files)
    return done if done.returncode != 1 or tries == 1 else prove(files, tries - 1)


def _prove(files: Files) -> Done:
    command = [sys.executable, "-m", "meshloom", "prove", *map(str, files)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def prove_all(sets: Iterable[Files], tries: int = 2) -> Mapping[Files, Done]:
    """The outcome of each set of files."""
    wanted = list(sets)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip(wanted, pool.map(lambda each: prove(each, tries), wanted), strict=True))
