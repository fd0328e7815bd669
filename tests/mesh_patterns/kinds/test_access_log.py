"""What a line of an access log may hold."""

from __future__ import annotations

import pytest

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
