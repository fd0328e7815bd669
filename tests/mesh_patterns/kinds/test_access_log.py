from __future__ import annotations

import pytest

from mesh_patterns.telemetry import LogCondition
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {calls: [api], ingress: true}, api: }}\npatterns:\n"


def test_a_log_is_of_all_that_somebody_gets_and_sends(read: Read) -> None:
    draft = read(MESH + "- {pattern: access_log, on: '*', file: /dev/null}")
    assert draft.logs.keys() == {"web", "api", "client", "ingress"}
    one = read(MESH + "- {pattern: access_log, on: api, file: /dev/null, when: {status: '>= 500'}}")
    (placed,) = one.logs["api"]
    assert placed.value.condition == LogCondition(status=(500, 599))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("on: web -> api, file: x", "3:29: this is of all that a service gets and sends"),
        ("on: wbe, file: x", "3:29: no service 'wbe'"),
        ("on: web, file: nowhere/x", "3:40: there is no folder "),
        ("on: web, file: x, text: '100%'", "3:49: text: a '%' is doubled, or part of an operator"),
        ("on: web, file: x, fields: {a: '%b%'}", "3:55: a: a '%' is doubled"),
        ("on: web, file: x, text: a, fields: {a: b}", "3:3: expected one of fields and text"),
        ("on: web, file: x, when: {status: 50%}", "3:49: when: a status is no percentage"),
    ],
)
def test_what_can_not_be_logged_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: access_log, {keys}}}").startswith(told)


@pytest.mark.parametrize("text", ["%%", "%REQ(:AUTHORITY)%", "%REQ(X?Y):5%", "a %DURATION% b", ""])
def test_operators_are_envoys(read: Read, text: str) -> None:
    assert read(f"{MESH}- {{pattern: access_log, on: web, file: /dev/null, text: '{text}'}}")
