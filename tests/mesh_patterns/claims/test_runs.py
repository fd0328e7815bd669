from __future__ import annotations

import pytest

from mesh_patterns.claims.runs import RunSpec
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: }}\nexpect:\n- "


def test_a_command_alone_is_the_whole(read: Read) -> None:
    (claim,) = read(MESH + "{to: web, send: 0, runs: xds status}").mesh.claims
    assert [each.meshloom for each in claim.runs] == ["xds status"]
    assert (claim.runs[0].exits, claim.runs[0].types, claim.runs[0].ready) == (0, {}, None)


def test_words_are_those_of_a_shell_and_what_is_meant_has_no_say_in_them() -> None:
    run = RunSpec(meshloom="debug break 'a when b == c' {file} x={scratch}")
    meant = {"{file}": "/my files/a.yaml", "{scratch}": "/tmp/'s"}
    assert run.arguments(meant) == [
        *("debug", "break", "a when b == c", "/my files/a.yaml", "x=/tmp/'s"),
    ]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("to: web, runs: ' '", "expected a command of meshloom's, such as 'xds status'"),
        ('to: web, runs: "a \'b"', "No closing quotation"),
        ("to: web, runs: [{exits: 1}]", "'meshloom' is missing"),
        ("to: web, runs: {meshloom: graph, exits: 256}", "exits"),
        ("to: web, send: 0, status: 200", "sends nothing"),
        ("to: web, send: 0, runs: graph, during: push 1", "sends nothing"),
    ],
)
def test_what_can_not_be_is_told(refusal: Refusal, claim: str, message: str) -> None:
    assert message in refusal(MESH + f"{{{claim}}}")
