"""What Envoy's own answers tell, compared with the real Envoy."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_traffic import Body, Headers, Response
from tap.flags import TOLD, WORDS, in_words, told_by
from tests.tap.watched import ask, shown, watching


async def test_envoys_own_answers_tell_their_flag(envoy: Any) -> None:
    expected = {"/no-host": "UH", "/refused": "UF", "/full": "UO", "/hold": "UT", "/drop": "UC"}
    async with watching(envoy) as (_, viewer):
        for path, flag in {**expected, "/fault": "FI"}.items():
            await ask(envoy.outbound, path)
            assert (path, (await shown(viewer)).flags) == (path, (flag,))


def test_an_answer_that_was_passed_on_tells_nothing() -> None:
    passed_on = Headers.of({"x-envoy-upstream-service-time": "3"})
    assert told_by(Response(503, passed_on, Body(b"no healthy upstream"))) == ()
    assert told_by(Response(503, body=Body(b"no healthy upstream"))) == ("UH",)


@pytest.mark.parametrize(
    "response",
    [None, Response(503, body=Body(b"we have no healthy upstream")), Response(200), Response(504)],
)
def test_other_answers_tell_nothing(response: Response | None) -> None:
    assert told_by(response) == ()


def test_every_flag_that_is_told_has_words() -> None:
    assert {flag for _, _, flag in TOLD} <= set(WORDS)
    assert in_words("UO") == "circuit breaker open"
    assert in_words("XX") == ""
