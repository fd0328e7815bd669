"""What a line of an access log may hold."""

from __future__ import annotations

import pytest

from mesh_patterns.telemetry import LogCondition
from tests.mesh_patterns.conftest import Read, Refusal

PATTERN = "mesh: {services: {web: }}\npatterns:\n- {pattern: access_log, on: web, file: log"
GOOD = ["%RESPONSE_CODE%", "100%%", "%REQ(X-A?:B):20%|%START_TIME(%s)%", "", "no command"]


@pytest.mark.parametrize("text", GOOD)
def test_a_line_is_made_of_commands_and_words(read: Read, text: str) -> None:
    assert read(f"{PATTERN}, text: '{text}'}}").logs["web"][0].value.text == text


@pytest.mark.parametrize(
    ("text", "told"), [("a % b", "'% b'"), ("%request%", "'%request%'"), ("%REQ(X%", "'%REQ(X%'")]
)
def test_what_is_no_command_is_refused_where_it_stands(
    refusal: Refusal, text: str, told: str
) -> None:
    wanted = "expected a command such as %RESPONSE_CODE% or %REQ(HOST)%"
    end = "%% is a per cent sign"
    assert refusal(f"{PATTERN}, text: '{text}'}}").endswith(f"{wanted}, got {told}; {end}")
    of_a_field = refusal(f"{PATTERN}, fields: {{a: '{text}'}}}}")
    assert of_a_field.startswith("3:57: a: expected a command")


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
        ("on: web, file: x, text: a, fields: {a: b}", "3:3: expected one of fields and text"),
        ("on: web, file: x, when: {status: 50%}", "3:49: when: a status is no percentage"),
    ],
)
def test_what_can_not_be_logged_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: access_log, {keys}}}").startswith(told)
