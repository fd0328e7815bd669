"""``meshloom tap export``."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tap.har import read_har
from tests.meshloom.tap.stored import store, tap

pytestmark = pytest.mark.usefixtures("alone")


def test_a_filter_into_a_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    store()
    file = tmp_path / "a.har"
    done = tap("export", "service == reviews", "-o", file)
    assert (done.code, done.out, done.err) == (0, "", f"1 written to {file}\n")
    assert [one.request.path for one in read_har(file)] == ["/reviews/1?full=1"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_ids_and_everything() -> None:
    store()
    done = tap("export", "9f3e", "a1", "--format", "jsonl")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["9f3e", "a1"]
    assert done.err == "2 written\n"
    assert tap("export", "9f3e", "-f", "curl").out.count("curl --silent") == 1
    assert tap("export", "-n", "1", "-f", "raw").out.startswith("POST /reviews/1?full=1 HTTP/1.1")
    assert tap("export", "reviews", "-f", "jsonl").err == "1 written\n"  # a word is a filter


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    store()
    done = tap("export", "-o", tmp_path / "none" / "a.har")
    assert (done.code, "No such file or directory" in done.err) == (2, True)
    if importlib.util.find_spec("pyarrow") is None:
        file = tmp_path / "a.parquet"
        file.write_text("old")
        done = tap("export", "-o", file)
        assert (done.code, file.read_text()) == (2, "old")
        assert "pip install 'meshloom[parquet]'" in done.err
        assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-f", "hra"], "unknown format 'hra'; expected one of har, flow, curl,"),
        (["-o", "a.xyz"], "which format? the file's name does not tell; expected one of"),
        (["~z", "-f", "har"], "unknown operator '~z'"),
        (["status >= lots", "-f", "har"], "'lots' is no whole number status >= lots ^"),
    ],
)
def test_bad_input(arguments: list[str], why: str) -> None:
    store()
    done = tap("export", *arguments)
    assert done.code == 2
    assert why in " ".join(done.err.split())
