"""What is not as in a running mesh is told, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.exporters.envoy_static.exported import bootstrap, export, named

CAPTURES = "captures (meshloom tap, breakpoints) need a running mesh: left out"


def told(read: Read, text: str, folder: Path | None = None) -> list[tuple[int, str]]:
    found = export(read(text), folder).warnings
    return [(each.place.line, each.message) for each in found if each.message != CAPTURES]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (
            "{pattern: canary, on: a, weights: {v1: 90, v2: 10}, steps: [50, 100], every: 1m}",
            "nobody takes these steps: the split stays at the first one",
        ),
        ("{pattern: tracing, on: a}", "spans go to who captures, and here is nobody: left out"),
    ],
)
def test_what_nobody_does_any_more(read: Read, pattern: str, wanted: str) -> None:
    text = f"mesh: {{services: {{a: {{versions: {{v1: , v2: }}}}}}}}\npatterns:\n- {pattern}"
    assert told(read, text) == [(3, wanted)]


def test_a_service_beside_is_asked_in_the_folder(read: Read, tmp_path: Path) -> None:
    text = """\
    mesh: {services: {a: }}
    patterns: [{pattern: rate_limit, on: a, scope: global, limits: {default: 5/hour}}]
    """
    at = tmp_path / "rate_limit.sock"
    ((line, message),) = told(read, text, tmp_path)
    assert (line, f"the Envoys ask one at {at} " in message) == (2, True)
    assert list(named(bootstrap(export(read(text), tmp_path), "a"), "path")).count(str(at)) == 1


def test_a_workload_without_an_envoy_has_no_file(read: Read) -> None:
    text = "mesh: {services: {a: {protocol: grpc, dataplane: grpc}}}"
    message = "'a' has no Envoy, its processes ask a control plane: left out"
    assert told(read, text) == [(1, message)]


def test_private_keys_are_told_with_how_long_they_are_good_for(read: Read) -> None:
    text = "mesh: {services: {a: }}\npatterns: [{pattern: mtls, on: a, cert_ttl: 2h}]"
    ((_, message),) = told(read, text)
    assert message == (
        "3 private keys are written out: who has one is taken for its holder; "
        "their certificates last 2 h and nobody renews them"
    )


def test_that_nobody_captures_is_told_of_every_mesh(read: Read) -> None:
    assert [each.message for each in export(read("mesh: {services: {a: }}")).warnings] == [CAPTURES]
