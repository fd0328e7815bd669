from __future__ import annotations

import json
from pathlib import Path

from tests.meshloom.command import inside, write

RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
"""


def test_what_is_imported_is_written_and_told(tmp_path: Path) -> None:
    file, output = write(tmp_path, RULE), tmp_path / "out.yaml"
    done = inside("import", file, "-o", output)
    assert (done.code, done.out) == (0, f"{output}: 1 services, 1 patterns: 1 warning\n")
    assert done.err == f"{file}:4:14: warning: no file has the service 'a': the echo stands in\n"
    assert "- pattern: load_balancing\n  on: a\n  policy: random\n" in output.read_text()
    assert inside("check", output).out == "1 services, 1 patterns, 0 claims: no problems\n"


def test_without_an_output_it_is_printed(tmp_path: Path) -> None:
    done = inside("import", write(tmp_path, RULE))
    assert done.code == 0
    assert done.out.startswith("# Imported from:\n")


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    file, output = write(tmp_path, RULE), tmp_path / "out.yaml"
    told = json.loads(inside("import", file, "--json").out)
    assert (told["ok"], told["services"], told["patterns"]) == (True, 1, 1)
    assert [problem["severity"] for problem in told["problems"]] == ["warning"]
    assert told["text"].startswith("# Imported from:\n")
    assert json.loads(inside("import", file, "-o", output, "--json").out)["output"] == str(output)


def test_our_own_language_is_nothing_to_import(tmp_path: Path) -> None:
    file = write(tmp_path, "mesh: {services: {a: }}")
    done = inside("import", file)
    message = "is in meshloom's own language already: there is nothing to import"
    assert (done.code, done.err) == (2, f"{file}:1:1: {message}\n1 error\n")


def test_nothing_is_written_over_what_is_read_or_where_nothing_can_be(tmp_path: Path) -> None:
    file = write(tmp_path, RULE)
    done = inside("import", file, "-o", file)
    assert done.err == (f"{file}:1:1: is one of the files to import; name another\n1 error\n")
    nowhere = tmp_path / "no" / "out.yaml"
    done = inside("import", file, "-o", nowhere)
    assert (done.code, done.err) == (
        2, f"{nowhere}:1:1: can't be written: no such file or directory\n1 error\n"
    )  # fmt: skip
    assert file.read_text() == RULE
