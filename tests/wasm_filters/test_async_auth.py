"""Our authoriser by http_call, here and in a real Envoy: how it waits, what it makes of answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wasm_filters
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.config import UPSTREAM, Layout, WasmFilter
from mini_mesh.filter_rig.rig import Exchanged, Rig, open_rig
from mini_mesh.filter_rig.upstream import Script
from tests.mini_mesh.live import needs_envoy
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.services.upstream import NEVER, REFUSED, Answer, Upstream
from wasm_filters.worker import Worker

WASM = Path(wasm_filters.__file__).parent / "filters" / "async_auth" / "async_auth.wasm"
ASKS = {"cluster": "auth", "authority": "auth.internal", "path_prefix": "/check"}
HURRIES = {"timeout_milliseconds": 100}
ALLOWS = {"on_failure": "allow"}
CHAINS: dict[str, dict[str, Any]] = {
    "asks": {},
    "hurries": HURRIES,
    "hurries and lets pass": {**HURRIES, **ALLOWS},
    "asks nobody": {"cluster": "nobody"},
    "asks nobody and lets pass": {"cluster": "nobody", **ALLOWS},
    "asks what is not there": {"cluster": "missing"},
    "asks what is not there and lets pass": {"cluster": "missing", **ALLOWS},
}


def response(status: int, body: bytes = b"", **fields: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Response(
        status, Headers.of({**named, "content-length": str(len(body))}), Body(body)
    )  # fmt: skip


OK = response(200, b"ok")
GOOD = response(200, b"welcome", x_user="jo", x_secret="1")
BAD = response(401, b'{"who": "?"}', www_authenticate="Basic", content_type="application/json")


@dataclass(frozen=True)
class Case:
    """A request through ``chain``; the authoriser answers ``verdict``, or nothing at all."""

    chain: str
    verdict: Response | None
    status: int
    answer: bytes
    body: bytes = b""


NO_VERDICT = b"no answer from the authoriser\n"
CASES = {
    "allowed": Case("asks", GOOD, 200, b"ok"),
    "allowed with a body": Case("asks", GOOD, 200, b"ok", b"0123456789" * 5000),
    "denied": Case("asks", BAD, 401, b'{"who": "?"}'),
    "denied with a body": Case("asks", BAD, 401, b'{"who": "?"}', b"a body"),
    "sent elsewhere": Case("asks", response(302, location="/login"), 302, b""),
    "broken": Case("asks", response(500, b"stack trace"), 503, NO_VERDICT, b"a body"),
    "late": Case("hurries", None, 503, NO_VERDICT),
    "late, and passes": Case("hurries and lets pass", None, 200, b"ok", b"a body"),
    "refused": Case("asks nobody", None, 503, NO_VERDICT),
    "refused, and passes": Case("asks nobody and lets pass", None, 200, b"ok", b"a body"),
    "no cluster": Case("asks what is not there", None, 503, NO_VERDICT),
    "no cluster, and passes": Case("asks what is not there and lets pass", None, 200, b"ok"),
}


def configuration(chain: str) -> bytes:
    return json.dumps({**ASKS, "copy": ["x-user"], **CHAINS[chain]}).encode()


def request(body: bytes = b"") -> Request:
    fields = {"authorization": "Bearer x", "x-user": "root", "x-other": "1"}
    lengths = {"content-length": str(len(body))} if body else {}
    method = "POST" if body else "GET"
    return Request(
        method, "/pull?x=1", "test", headers=Headers.of({**fields, **lengths}), body=Body(body)
    )


def load(chain: str = "asks", auth: Upstream = lambda request: GOOD) -> Filter:
    clusters: dict[str, Upstream] = {"auth": auth, "nobody": lambda request: REFUSED}
    return Filter.load(WASM, configuration(chain), worker=Worker(clusters=clusters))


def through_host(case: Case) -> Outcome:
    filter_ = load(case.chain, lambda request: NEVER if case.verdict is None else case.verdict)
    return filter_.handle(request(case.body), lambda request: OK)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exchanged]:
    """Every case, through one Envoy."""
    code = WASM.read_bytes()
    layout = Layout(
        {
            name: [WasmFilter(code, PluginConfig(configuration=configuration(name)))]
            for name in CHAINS
        },
        clusters=["auth"],
        refusing=["nobody"],
    )

    async def run() -> dict[str, Exchanged]:
        async with open_rig(needs_envoy(), layout, tmp_path_factory.mktemp("envoy")) as rig:
            return {name: await through_rig(rig, case) for name, case in CASES.items()}

    return asyncio.run(run())


async def through_rig(rig: Rig, case: Case) -> Exchanged:
    verdict = Script(silent=True) if case.verdict is None else Script(case.verdict)
    answers = {"auth": lambda seen: verdict, UPSTREAM: lambda seen: Script(OK)}
    return await rig.exchange(case.chain, request(case.body), answers)


@pytest.mark.parametrize("name", CASES)
def test_both_engines_make_the_same_of_an_answer(envoy: dict[str, Exchanged], name: str) -> None:
    case, there = CASES[name], envoy[name]
    here = through_host(case)
    assert here.failure is None
    assert here.response is not None
    assert (here.status, here.response.body.data) == (case.status, case.answer)
    real = there.received.message
    assert real is not None
    assert (real.status, real.body) == (case.status, case.answer)
    codec = (
        ("connection", "close"),
        ("content-length", "0"),
    )  # an empty reply gets its length there
    got = [pair for pair in real.headers if pair[0] != "date" and pair not in codec]
    assert got == [pair for pair in here.response.headers if pair not in codec]
    assert len(there.upstream) == (here.request is not None)
    for seen in there.upstream:
        assert here.request is not None
        assert seen.body == here.request.body.data == case.body
        added = ("host", "x-forwarded-proto")
        assert [pair for pair in seen.headers if pair[0] not in added] == list(here.request.headers)


def test_the_authoriser_sees_the_request_and_only_the_chosen_headers(
    envoy: dict[str, Exchanged],
) -> None:
    outcome = through_host(CASES["allowed with a body"])
    (callout,) = outcome.callouts
    asked = callout.request
    assert (asked.method, asked.path, asked.authority) == (
        "POST",
        "/check/pull?x=1",
        "auth.internal",
    )
    assert asked.headers == Headers.of({"authorization": "Bearer x"})
    assert asked.body.data == b""
    (seen,) = envoy["allowed with a body"].callouts["auth"]
    assert seen.start == "POST /check/pull?x=1 HTTP/1.1"
    assert seen.headers.get("host") == "auth.internal"
    assert seen.headers.get("authorization") == "Bearer x"
    assert "x-other" not in seen.headers
    assert "x-user" not in seen.headers
    assert seen.body == b""


def test_only_the_authoriser_says_who_the_user_is() -> None:
    allowed = through_host(CASES["allowed"]).request
    assert allowed is not None
    assert [value for name, value in allowed.headers if name == "x-user"] == ["jo"]
    assert "x-secret" not in allowed.headers
    unasked = through_host(CASES["late, and passes"]).request
    assert unasked is not None
    assert "x-user" not in unasked.headers


@pytest.mark.parametrize("chunk_size", [1, 7, None])
def test_a_body_waits_whatever_its_pieces(chunk_size: int | None) -> None:
    filter_ = load(auth=lambda request: Answer(GOOD, after=0.5))
    exchange = filter_.chain.send(request(b"0123456789" * 5), lambda request: OK, chunk_size)
    filter_.worker.advance(0.4)
    assert exchange.to_upstream.fields is None
    filter_.worker.advance(0.2)
    assert exchange.to_upstream.request().body.data == b"0123456789" * 5


def test_requests_wait_side_by_side_and_each_gets_its_own_answer() -> None:
    answers = {"/check/slow": Answer(GOOD, after=0.3), "/check/quick": Answer(BAD, after=0.1)}
    filter_ = load(auth=lambda request: answers[request.path])
    slow, quick = (
        filter_.chain.send(Request(path=path), lambda request: OK) for path in ("/slow", "/quick")
    )
    filter_.worker.advance(0.2)
    assert (quick.code, slow.code) == (401, None)
    filter_.worker.advance(0.2)
    assert slow.code == 200


def test_what_the_authoriser_decided_is_counted() -> None:
    answers = iter([GOOD, GOOD, BAD, response(500)])
    filter_ = load(auth=lambda request: next(answers))
    for _ in range(4):
        filter_.handle(request())
    counted = {name: one.value for name, one in filter_.worker.metrics().items()}
    assert counted == {"async_auth.allowed": 2, "async_auth.denied": 1, "async_auth.failed": 1}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "missing field `cluster`"),
        ({"cluster": "auth", "copy": [":path"]}, 'copy[0]: ":path": expected a header'),
        ({"cluster": "auth", "on_failure": "pass"}, "on_failure: unknown variant `pass`"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(told: object, why: str) -> None:
    with pytest.raises(PluginError) as caught:
        Filter.load(WASM, json.dumps(told).encode())
    assert f"its last log: async_auth: {why}" in str(caught.value)
