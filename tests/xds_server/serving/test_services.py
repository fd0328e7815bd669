"""The table of services is Envoy's own, and every method of it is served."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import CLUSTER, ROUTE, a_cluster, snapshot
from tests.xds_server.serving.test_server import NODE, refusal, serving
from xds_server import mirror
from xds_server.cache import Cache
from xds_server.events import Event, StreamOpened
from xds_server.protos import discovery
from xds_server.resource import SENT_WHOLE
from xds_server.serving.services import DELTA, SERVICES, Service
from xds_server.snapshot import Snapshot

METHODS = [
    (service, method, variant) for service in SERVICES for method, variant in service.methods()
]


def test_all_services_have_both_variants_but_virtual_hosts() -> None:
    methods = [method for _, method, _ in METHODS]
    assert len(SERVICES) == 10
    assert len(methods) == 19
    assert [m for m in methods if "VirtualHosts" in m] == ["DeltaVirtualHosts"]
    assert {service.type for service in SERVICES} >= {None, CLUSTER, ROUTE}


@pytest.mark.parametrize(("service", "method", "variant"), METHODS, ids=lambda v: str(v))
async def test_every_method_answers_in_its_type(
    service: Service, method: str, variant: str
) -> None:
    cache = Cache()
    cache.set("node", Snapshot.of([]))
    kind = service.type or CLUSTER
    silent = "" if service.type else kind.type_url
    message: discovery.DeltaDiscoveryRequest | discovery.DiscoveryRequest
    if variant == DELTA:
        message = discovery.DeltaDiscoveryRequest(node=NODE, type_url=silent)
    else:
        message = discovery.DiscoveryRequest(node=NODE, type_url=silent, resource_names=["*"])
    async with serving(cache) as channel:
        stream = channel.stream_stream(f"/{service.name}/{method}")()
        await stream.write(mirror.serialize(message))
        if variant == DELTA or kind in SENT_WHOLE:
            answers = discovery.DeltaDiscoveryResponse, discovery.DiscoveryResponse
            answer = mirror.parse(answers[variant != DELTA], await stream.read())
            assert (answer.type_url, answer.nonce) == (kind.type_url, "1")
        else:
            other = discovery.DiscoveryRequest(type_url=CLUSTER.type_url)
            code, told = await refusal(stream, mirror.serialize(other))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert told == f"a stream of {kind.title}: got a request of {CLUSTER.type_url!r}"


async def test_an_event_tells_the_type_of_a_stream_that_is_about_one() -> None:
    events: list[Event] = []
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    async with serving(cache, events) as channel:
        for service in SERVICES[:2]:
            stream = channel.stream_stream(f"/{service.name}/Stream{service.noun}")()
            first = discovery.DiscoveryRequest(node=NODE, type_url=CLUSTER.type_url)
            await stream.write(mirror.serialize(first))
            await stream.read()
    assert [e.type for e in events if isinstance(e, StreamOpened)] == [None, CLUSTER]
