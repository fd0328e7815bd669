"""What an Envoy says to a gate, and a gate for tests that nobody has to run."""

from __future__ import annotations

from itertools import count
from typing import Any

from debugger.breakpoints.breakpoint import Breakpoint
from debugger.breakpoints.sentence import read_sentence
from debugger.gate.gate import Close, Command, Gate, Reply, Told
from debugger.gate.hold import Held
from tap.ext_proc.opening import Opening
from tap.topology import Endpoint, Listener, Topology
from xds_server.mirror import parse, serialize
from xds_server.protos import core
from xds_server.protos import ext_proc_service as service

INBOUND, OUTBOUND = "127.0.0.1:1001", "127.0.0.1:1002"
TOPOLOGY = Topology(
    {
        INBOUND: Listener("reviews-v2", "inbound", "reviews", "v2"),
        OUTBOUND: Listener("productpage", "outbound", "productpage", "v1"),
        "127.0.0.1:1003": Listener("reviews-v1", "inbound", "reviews", "v1"),
        "127.0.0.1:1004": Listener("ingress", "ingress", "ingress"),
    },
    {"127.0.0.1:2001": Endpoint("reviews", "v2"), "127.0.0.1:2002": Endpoint("details")},
)


def headers(**fields: str) -> core.HeaderMap:
    named = {":method": "GET", ":path": "/a", ":authority": "reviews", **fields}
    return core.HeaderMap(
        headers=[core.HeaderValue(key=k, raw_value=v.encode()) for k, v in named.items()]
    )


def request(end: bool = True, cluster: str = "", **fields: str) -> bytes:
    told = service.HttpHeaders(headers=headers(**fields), end_of_stream=end)
    message = parse(
        service.ProcessingRequest, serialize(service.ProcessingRequest(request_headers=told))
    )
    if cluster:
        message.attributes["envoy.filters.http.ext_proc"]["xds.cluster_name"] = cluster
    return bytes(message.SerializeToString())


def request_body(data: bytes, end: bool = True) -> bytes:
    told = service.HttpBody(body=data, end_of_stream=end)
    return serialize(service.ProcessingRequest(request_body=told))


def response(status: int = 200, end: bool = False, **fields: str) -> bytes:
    made = core.HeaderMap(
        headers=[
            core.HeaderValue(key=k, raw_value=v.encode())
            for k, v in {":status": str(status), **fields}.items()
        ]
    )
    told = service.HttpHeaders(headers=made, end_of_stream=end)
    return serialize(service.ProcessingRequest(response_headers=told))


def response_body(data: bytes, end: bool = True) -> bytes:
    told = service.HttpBody(body=data, end_of_stream=end)
    return serialize(service.ProcessingRequest(response_body=told))


def gate() -> Gate:
    return Gate(TOPOLOGY, map(str, count(1)))


def broken(at: Gate, sentence: str, **more: Any) -> Breakpoint:
    said = read_sentence(sentence, TOPOLOGY.services())
    return at.add(Breakpoint("", sentence, said.place, said.match, said.phase, **more))


def opened(at: Gate, key: object = "s", listener: str = INBOUND) -> object:
    owner = TOPOLOGY.listeners[listener].node
    at.open(key, owner, Opening("10.0.0.1:5000", listener, 100.0))
    return key


def held(commands: list[Command]) -> Held:
    """The one hold that they tell of."""
    (found,) = [one.event for one in told(commands) if isinstance(one.event, Held)]
    return found


def told(commands: list[Command]) -> list[Told]:
    return [one for one in commands if isinstance(one, Told)]


def replies(commands: list[Command]) -> list[Any]:
    """The messages for the Envoy."""
    return [
        parse(service.ProcessingResponse, one.data) for one in commands if isinstance(one, Reply)
    ]


def closes(commands: list[Command]) -> bool:
    return any(isinstance(one, Close) for one in commands)
