"""Our protocol adapter, here and in a real Envoy: what it makes of bodies, in whatever pieces."""

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

WASM = Path(wasm_filters.__file__).parent / "filters" / "json_to_xml" / "json_to_xml.wasm"
CHAINS: dict[str, dict[str, Any]] = {
    "adapts": {"request": "json_to_xml", "response": "xml_to_json", "max_bytes": 100},
    "holds": {
        "request": "json_to_xml",
        "response": "xml_to_json",
        "max_bytes": 100,
        "hold_headers": True,
    },
}
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
DOCUMENT = '{"id": 7, "tags": ["a", null], "ü": "é"}'.encode()
AS_XML = (
    HEAD + b'<root><id type="number">7</id><tags type="array"><item>a</item>'
    b'<item type="null"></item></tags><item name="\xc3\xbc">\xc3\xa9</item></root>'
)
LIST_AS_XML = HEAD + b'<root type="array"><item type="number">1</item></root>'
WITH_TRAILERS = Request(
    "POST",
    authority="test",
    headers=Headers.of({"content-type": "application/json", "transfer-encoding": "chunked"}),
    body=Body(b"[1]"),
    trailers=Headers.of({"x-sum": "1"}),
)


@dataclass(frozen=True)
class Case:
    """A request of one kind with this ``body``, and the upstream's ``answer``.

    ``seen`` is the body that the upstream gets, None if it must not get a whole request; the client
    gets ``status`` and ``got``, or a broken response if ``status`` is None.
    """

    body: bytes
    seen: bytes | None
    status: int | None = 200
    got: bytes = b"{}"
    kind: str = "application/json"
    answer: bytes = b"<ok type='object'/>"
    answer_kind: str = "text/xml"
    chain: str = "adapts"


SPOILT = b"malformed json at 6: invalid character '}' looking for beginning of value\n"
LONG = b'{"a": "' + b"x" * 100 + b'"}'
TOO_LONG = b"the body of the request has more than 100 bytes\n"
BROKEN = b"malformed xml at 15: element <ok> closed by </no>\n"
CASES = {
    "both ways": Case(DOCUMENT, AS_XML),
    "both ways, held": Case(DOCUMENT, AS_XML, chain="holds"),
    "no JSON": Case(b"a,b\n1,2\n", b"a,b\n1,2\n", kind="text/csv"),
    "no XML back": Case(b"1", HEAD + b'<root type="number">1</root>', got=b"hi", answer=b"hi",
                        answer_kind="text/plain"),
    "nothing": Case(b"", b""),
    "nothing, held": Case(b"", b"", chain="holds"),
    "malformed": Case(b'{"a": }', None, 400, SPOILT),
    "malformed, held": Case(b'{"a": }', None, 400, SPOILT, chain="holds"),
    "too long": Case(LONG, None, 413, TOO_LONG),
    "too long, held": Case(LONG, None, 413, TOO_LONG, chain="holds"),
    "malformed answer, held": Case(b"", b"", 502, BROKEN, answer=b"<ok><a/>hi</no>", chain="holds"),
}  # fmt: skip


def request(case: Case, chunked: bool = False) -> Request:
    fields = {"content-type": case.kind}
    if chunked:
        fields["transfer-encoding"] = "chunked"
    elif case.body:
        fields["content-length"] = str(len(case.body))
    method = "POST" if case.body else "GET"
    return Request(method, "/", "test", headers=Headers.of(fields), body=Body(case.body))


def answer(case: Case) -> Response:
    fields = {"content-type": case.answer_kind, "content-length": str(len(case.answer))}
    return Response(200, Headers.of(fields), Body(case.answer))


def config(chain: str, **more: Any) -> PluginConfig:
    told = json.dumps({**CHAINS[chain], **more}).encode()
    return PluginConfig(configuration=told, stops_at_headers=chain == "holds")


def load(chain: str = "adapts", **more: Any) -> Filter:
    return Filter.load(WASM, config=config(chain, **more))


def through_host(case: Case, chunk_size: int | None = None) -> Outcome:
    outcome = load(case.chain).handle(request(case), lambda request: answer(case), chunk_size)
    assert outcome.failure is None
    return outcome


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exchanged]:
    """Every case with a length, and chunked in pieces of seven bytes, through one Envoy."""
    code = WASM.read_bytes()
    chains = {name: [WasmFilter(code, config(name))] for name in CHAINS}

    async def run() -> dict[str, Exchanged]:
        async with open_rig(needs_envoy(), Layout(chains), tmp_path_factory.mktemp("envoy")) as rig:
            whole = {name: await through_rig(rig, case) for name, case in CASES.items()}
            pieces = {
                f"{name}, in pieces": await through_rig(rig, case, 7)
                for name, case in CASES.items()
                if case.body
            }
            trailers = await rig.exchange("adapts", WITH_TRAILERS)
            return {**whole, **pieces, "trailers": trailers}

    return asyncio.run(run())


async def through_rig(rig: Rig, case: Case, size: int = 0) -> Exchanged:
    chunks = [case.body[at : at + size] for at in range(0, len(case.body), size)] if size else None
    answers = {UPSTREAM: lambda seen: Script(answer(case))}
    return await rig.exchange(case.chain, request(case, chunked=size > 0), answers, chunks)


@pytest.mark.parametrize("size", [1, 7, None])
@pytest.mark.parametrize("name", CASES)
def test_a_body_becomes_what_it_should_in_any_pieces(name: str, size: int | None) -> None:
    case = CASES[name]
    outcome = through_host(case, size)
    assert (outcome.request.body.data if outcome.request else None) == case.seen
    assert outcome.status == case.status
    assert outcome.response is not None
    assert outcome.response.body.data == case.got
    assert outcome.warnings == ()


@pytest.mark.parametrize("pieces", ["", ", in pieces"], ids=["whole", "in pieces"])
@pytest.mark.parametrize("name", CASES)
def test_envoy_makes_the_same_of_it(envoy: dict[str, Exchanged], name: str, pieces: str) -> None:
    case = CASES[name]
    there = envoy[name + (pieces if case.body else "")]
    here = through_host(case, 7 if pieces else None)
    real = there.received.message
    assert real is not None
    assert (real.status, real.body) == (case.status, case.got)
    assert here.response is not None
    assert real.headers.get("content-type") == here.response.headers.get("content-type")
    whole = [seen for seen in there.upstream if seen.whole]
    assert [seen.body for seen in whole] == ([] if case.seen is None else [case.seen])
    for seen in whole:
        assert here.request is not None
        assert seen.headers.get("content-type") == here.request.headers.get("content-type")
    if case.seen is None and case.chain == "holds":
        assert there.upstream == ()


def test_a_converted_message_says_what_it_is() -> None:
    outcome = through_host(CASES["both ways"])
    assert outcome.request is not None
    assert outcome.request.headers == Headers.of({"content-type": "application/xml"})
    assert outcome.response is not None
    assert outcome.response.headers == Headers.of({"content-type": "application/json"})


@pytest.mark.parametrize("size", [1, None])
def test_a_body_before_trailers_is_converted_too(size: int | None) -> None:
    outcome = load().handle(WITH_TRAILERS, chunk_size=size)
    assert outcome.request is not None
    assert outcome.request.body.data == LIST_AS_XML
    assert outcome.request.trailers == WITH_TRAILERS.trailers


def test_so_it_is_in_envoy(envoy: dict[str, Exchanged]) -> None:
    (seen,) = envoy["trailers"].upstream
    assert seen.body == LIST_AS_XML
    assert seen.trailers == WITH_TRAILERS.trailers


def test_an_encoded_body_stays_as_it_is_and_a_log_says_so() -> None:
    fields = Headers.of({"content-type": "application/json", "content-encoding": "gzip"})
    outcome = load().handle(Request("POST", headers=fields, body=Body(b"\x1f\x8b")))
    assert outcome.request is not None
    assert outcome.request.headers == fields
    assert outcome.request.body.data == b"\x1f\x8b"
    said = "json_to_xml: the request stays as it is: its body is gzip"
    assert [log.message for log in outcome.logs] == [said]


def test_a_malformed_answer_whose_headers_are_gone_breaks_the_response() -> None:
    outcome = through_host(Case(b"", b"", None, answer=b"<ok>"))
    assert outcome.reset
    assert outcome.response is None


def test_what_goes_in_as_xml_comes_back_as_it_was() -> None:
    told = {"request": "xml_to_json", "response": "json_to_xml"}
    xml = Headers.of({"content-type": "application/soap+xml; charset=utf-8"})
    filter_ = load(max_bytes=1000, **told)
    outcome = filter_.handle(
        Request("POST", headers=xml, body=Body(AS_XML)),
        lambda request: Response(200, request.headers, request.body),
    )
    assert outcome.request is not None
    assert json.loads(outcome.request.body.data) == json.loads(DOCUMENT)
    assert outcome.response is not None
    assert outcome.response.body.data == AS_XML


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "the configuration is empty"),
        ("{}", "request, response: expected a conversion"),
        ('{"request": "to_xml"}', 'request: unknown conversion "to_xml"'),
        ('{"request": "json_to_xml", "root": "a b"}', 'root: "a b" is no name of an XML element'),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(told: str, why: str) -> None:
    with pytest.raises(PluginError) as caught:
        Filter.load(WASM, told.encode())
    assert f"its last log: json_to_xml: {why}" in str(caught.value)
