"""Bytes of Envoy's check requests in, bytes of its check responses out."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from mesh_patterns.ext_authz.decision import Asked
from mesh_patterns.ext_authz.rules import POLICY, Allow, CheckPolicy, CheckRule, Deny, Function
from mesh_patterns.policy import Access
from mesh_yaml.matching import StringMatch
from mini_mesh.beside.ext_authz.authorizer import CHECK, HEALTH, Authorizer
from mini_mesh.beside.unary import Refused
from xds_server.mirror import mirror_class, parse
from xds_server.protos import auth_service as messages

DENIED = CheckPolicy()
ADMIN = Access(headers=(("x-role", StringMatch("exact", "admin")),))
RULED = CheckPolicy(
    (
        CheckRule(ADMIN, allow=Allow((("x-a", "1"),), (("x-b", "2"),), ("x-c",), (("x-d", "3"),))),
        CheckRule(deny=Deny(402, "pay", (("x-price", "1"),), {"why": {"list": [1, True]}})),
    )
)


def question(policy: str, **http: Any) -> bytes:
    made: Any = mirror_class(messages.CheckRequest)()
    about = made.attributes
    about.context_extensions[POLICY] = policy
    about.source.principal = "spiffe://shop/web"
    about.source.address.socket_address.address = "10.1.2.3"
    for name, value in {"method": "GET", "path": "/a?b", "host": "shop", **http}.items():
        if name == "headers":
            about.request.http.headers.update(value)
        else:
            setattr(about.request.http, name, value)
    said: bytes = made.SerializeToString()
    return said


def answer(authorizer: Authorizer, message: bytes) -> Any:
    found = authorizer.check(message)
    assert isinstance(found, bytes)
    return parse(messages.CheckResponse, found)


def test_a_denial_is_a_status_with_an_answer() -> None:
    authorizer = Authorizer()
    authorizer.tell([RULED, DENIED])
    said = answer(authorizer, question(RULED.name))
    assert said.status.code == 7
    denied = said.denied_response
    assert (denied.status.code, denied.body) == (402, "pay")
    assert [(each.header.key, each.header.value) for each in denied.headers] == [("x-price", "1")]
    assert said.dynamic_metadata["why"]["list"][1] is True
    assert answer(authorizer, question(DENIED.name)).denied_response.status.code == 403
    assert authorizer.counts == {"denied": 2}


def test_a_yes_may_change_both_ways() -> None:
    authorizer = Authorizer()
    authorizer.tell([RULED])
    said = answer(authorizer, question(RULED.name, headers={"x-role": "admin"}))
    assert said.status.code == 0
    fine = said.ok_response
    added = [(each.header.key, each.header.value, each.append_action) for each in fine.headers]
    assert added == [("x-a", "1", 2), ("x-b", "2", 0)]
    assert list(fine.headers_to_remove) == ["x-c"]
    assert [each.header.key for each in fine.response_headers_to_add] == ["x-d"]


def test_a_policy_of_before_is_known_until_the_next(tmp_path: object) -> None:
    authorizer = Authorizer()
    for told in ([RULED], [DENIED]):
        authorizer.tell(told)
    assert answer(authorizer, question(RULED.name)).denied_response.status.code == 402
    authorizer.tell([DENIED])
    with pytest.raises(Refused, match="no policy"):
        authorizer.check(question(RULED.name))


def test_one_that_is_alone_is_there_for_everybody() -> None:
    authorizer = Authorizer(only=True)
    authorizer.tell([RULED])
    assert answer(authorizer, question("")).denied_response.status.code == 402
    assert answer(authorizer, question("anything")).denied_response.status.code == 402


async def _later(asked: Asked) -> Any:
    return asked.path == "/yes"


@pytest.mark.parametrize(
    ("path", "code"), [("/yes", 0), ("/no", 7)],
)  # fmt: skip
async def test_a_function_may_answer_later(path: str, code: int) -> None:
    called = CheckPolicy(function=Function("m", "f"))
    authorizer = Authorizer(loader=lambda wanted: _later)  # type: ignore[arg-type, return-value]
    authorizer.tell([called])
    waiting = authorizer.check(question(called.name, path=path))
    assert isinstance(waiting, Awaitable)
    assert parse(messages.CheckResponse, await waiting).status.code == code


@pytest.mark.parametrize(
    ("said", "code"), [(True, 0), (False, 7), (None, 0), (Allow(), 0), (Deny(), 7)]
)
def test_a_function_says_yes_no_or_nothing(said: Any, code: int) -> None:
    called = CheckPolicy(function=Function("m", "f"), otherwise=CheckRule(allow=Allow()))
    authorizer = Authorizer(loader=lambda wanted: lambda asked: said)
    authorizer.tell([called])
    assert answer(authorizer, question(called.name)).status.code == code


def test_a_function_that_fails_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    called = CheckPolicy(function=Function("m", "f"))
    authorizer = Authorizer(loader=lambda wanted: lambda asked: "maybe")  # type: ignore[arg-type, return-value]
    authorizer.tell([called])
    with pytest.raises(Refused, match="expected Allow, Deny, a bool or None, got str") as refused:
        authorizer.check(question(called.name))
    assert refused.value.status == 13
    assert authorizer.counts == {"failed": 1}
    assert "TypeError" in capsys.readouterr().err


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05abc", b""])
def test_what_is_no_question_is_refused(message: bytes) -> None:
    with pytest.raises(Refused):
        Authorizer().check(message)


def test_its_methods_are_envoys_and_the_health_services() -> None:
    assert set(Authorizer().methods) == {CHECK, HEALTH}
