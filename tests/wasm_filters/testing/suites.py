"""Test files for tests: written to a folder beside a filter, loaded, and run."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import wasm_filters
from tests.wasm_filters.probe import Probe
from wasm_filters.testing.cases import cases
from wasm_filters.testing.load import Suite, load
from wasm_filters.testing.runner import Result, Runner

POLICY = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"


def suite(folder: Path, text: str, code: Probe | bytes | None = None) -> Suite:
    """A test file ``tests.yaml``; ``filter.wasm`` beside it is ``code``, or header_policy."""
    wasm = code.code() if isinstance(code, Probe) else code or POLICY.read_bytes()
    (folder / "filter.wasm").write_bytes(wasm)
    file = folder / "tests.yaml"
    file.write_text(dedent(text).lstrip())
    return load(file, "tests.yaml")


def run(folder: Path, text: str, code: Probe | bytes | None = None) -> list[Result]:
    runner = Runner()
    return [runner.run(case) for case in cases(suite(folder, text, code))]


def findings(folder: Path, text: str, code: Probe | bytes | None = None) -> list[str]:
    """What the tests of a file find, line by line."""
    return [str(finding) for result in run(folder, text, code) for finding in result.findings]
