"""Whatever patterns say, what is written of them imports as what was kept, and the rest is told."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_patterns.draft import Draft
from mesh_patterns.exporters.dialects import DIALECTS
from mesh_patterns.kinds import KINDS
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from mesh_yaml.yaml import dump
from tests.mesh_patterns.any_pattern import SERVICES, any_of_kind
from tests.mesh_patterns.exporters.law import check

# Those whose values dialects share; the others are lost as they are, or written as Envoy has them.
COMMON = (
    "route", "canary", "timeout", "retries", "fault", "mirror", "cors", "authorization", "mtls",
    "circuit_breaker", "connection_pool", "outlier_detection", "load_balancing",
)  # fmt: skip
PATTERNS = st.lists(
    st.one_of([any_of_kind(kind) for kind in COMMON])
    | st.one_of([any_of_kind(kind) for kind in sorted(KINDS)]),
    min_size=1,
    max_size=4,
)


def drafted(patterns: list[dict[str, Any]], folder: Path) -> Draft | None:
    """The draft of as many of the patterns as go together."""
    file = folder / "any.yaml"
    found: Draft | None = None
    kept: list[dict[str, Any]] = []
    for pattern in patterns:
        document = {"name": "any", "mesh": {"services": SERVICES}, "patterns": [*kept, pattern]}
        file.write_text(dump(document), encoding="utf-8")
        try:
            found = load([file])
        except DocumentError:
            continue
        kept.append(pattern)
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(patterns=PATTERNS)
def test_the_law_holds_of_any_patterns(dialect: str, patterns: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as name:
        draft = drafted(patterns, Path(name))
        if draft is not None:
            (Path(name) / "out").mkdir()
            check(draft, dialect, Path(name) / "out")
