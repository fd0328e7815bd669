"""``meshloom bench compare``: exit codes are what a build goes by."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mini_mesh.load.histogram import Histogram
from mini_mesh.load.load import Load, edge
from mini_mesh.load.result import EdgeResult, Result
from mini_mesh.smp.write import Run, write
from tests.meshloom.command import inside

FORTIO = {
    "StartTime": "2022-04-26T19:56:40.358118+05:30",
    "RequestedQPS": "max",
    "ActualQPS": 2.5838099794764338,
    "ActualDuration": 30187978458,
    "URL": "https://example.com",
    "DurationHistogram": {
        "Count": 78, "Min": 0.33, "Max": 0.51, "Sum": 30.2,
        "Data": [{"Start": 0.3, "End": 0.4, "Count": 56}, {"Start": 0.4, "End": 0.5, "Count": 22}],
    },
    "RetCodes": {"200": 78},
}  # fmt: skip


def measured(folder: Path, factor: float = 1.0, generator: str = "meshloom") -> Path:
    times = Histogram.of(int(factor * (1_000_000 + 1000 * (n % 97))) for n in range(2000))
    made = edge("http://127.0.0.1:1/")
    result = Result([EdgeResult(made.name, times, times, Counter({200: 2000}))], 200.0, 10.0)
    result.generator = generator
    write(Run("id", "a", Load((made,), 200.0, 10.0, 4), result), folder)
    return folder


def test_slower_is_exit_1(tmp_path: Path) -> None:
    old, new = measured(tmp_path / "old"), measured(tmp_path / "new", 1.5)
    done = inside("bench", "compare", old, new)
    assert done.code == 1
    assert "✗ http://127.0.0.1:1/  p99" in done.out
    assert "×1.50" in done.out
    assert done.out.endswith("3 of 5 worse\n")
    told = json.loads(inside("bench", "compare", "--json", old, new / "result.yaml").out)
    assert told["regressions"] == 3
    assert inside("bench", "compare", new, old / "details.json").code == 0


def test_a_threshold_decides_what_matters(tmp_path: Path) -> None:
    old, new = measured(tmp_path / "old"), measured(tmp_path / "new", 1.5)
    assert inside("bench", "compare", old, new, "--threshold", "60%").code == 0
    assert inside("bench", "compare", old, new, "--threshold", "x").code == 2


def test_a_run_of_fortio_can_be_compared(tmp_path: Path) -> None:
    file = tmp_path / "fortio.json"
    file.write_text(json.dumps(FORTIO))
    assert inside("bench", "compare", file, file).code == 0


def test_two_generators_are_no_comparison(tmp_path: Path) -> None:
    old, new = measured(tmp_path / "old"), measured(tmp_path / "new", 1.0, "vegeta")
    done = inside("bench", "compare", old, new)
    assert done.code == 2
    assert "measured by vegeta, the old one by meshloom" in done.err


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("a.json", "{}", "no histograms of a load"),
        ("a.json", '{"DurationHistogram": {"Data": 5}}', "no histograms of a load"),
        ("a.yaml", "actual_qps: 5", "names no file of details"),
        ("a.yaml", "actual_qps: 5\ndetails_uri: /etc/passwd", "names no file of details"),
        ("a.yaml", "actual_qps: 5\ndetails_uri: ../x", "names no file of details"),
        ("a.yaml", "hello: world", "no message of SMP"),
    ],
)
def test_what_is_no_measurement_is_exit_2(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    done = inside("bench", "compare", tmp_path / name, tmp_path / name)
    assert done.code == 2
    assert says in done.err


def test_what_is_not_there_is_exit_2(tmp_path: Path) -> None:
    done = inside("bench", "compare", tmp_path, tmp_path)
    assert done.code == 2
    assert "can't be read" in done.err
