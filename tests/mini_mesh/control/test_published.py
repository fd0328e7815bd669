"""What a node is given while it runs."""

from __future__ import annotations

import asyncio

import pytest

from mini_mesh.control.plane import ControlPlane
from mini_mesh.control.published import Published
from xds_server.clients.status import Status
from xds_server.events import Acked, Nacked, NackRecord, Sent, StreamClosed, StreamOpened
from xds_server.node import NodeInfo
from xds_server.protos import core, protobuf
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

KIND = ResourceType.EXTENSION_CONFIG
NODE = NodeInfo("a", user_agent_name="envoy")


def config(name: str, value: str) -> Resource:
    packed = protobuf.Any(type_url="type.googleapis.com/x.Y", value=value.encode())
    return Resource.of(core.TypedExtensionConfig(name=name, typed_config=packed))


OFF, ON = config("capture", "off"), config("capture", "on")
SNAPSHOT = Snapshot.of([OFF, config("other", "x")])


def test_it_takes_the_place_of_what_has_its_name() -> None:
    published = Published(Status())
    assert published.over("a", SNAPSHOT) is SNAPSHOT
    published.put("a", ON)
    assert published.over("a", SNAPSHOT).resources(KIND)["capture"] == ON
    assert published.over("b", SNAPSHOT) is SNAPSHOT
    empty = Snapshot()
    assert published.over("a", empty) is empty  # nothing there refers to it


async def test_where_a_node_stands_is_said_in_words_and_news_wake() -> None:
    status = Status()
    published = Published(status)

    async def after(event: StreamOpened | Sent | Acked | Nacked | StreamClosed) -> str:
        changed = published.changed()
        status.record(event)
        published.heard(event)
        if not isinstance(event, Sent):
            await asyncio.wait_for(changed.wait(), 1)
        return published.standing("a", KIND, SNAPSHOT)

    version = SNAPSHOT.version(KIND)
    assert published.standing("a", KIND, None) == "it is not connected to the control plane"
    assert "not connected" in await after(StreamOpened(NODE, "Delta", 0.0))
    assert await after(Sent(NODE, KIND, version, (), 0.0)) == "it has not taken its new config yet"
    assert await after(Acked(NODE, KIND, version, 0.0)) == ""
    record = NackRecord(NODE, KIND.type_url, version, "bad field")
    assert await after(Nacked(record, 0.0)) == "it refused its new config: bad field"
    assert "not connected" in await after(StreamClosed(NODE, 0.0))


@pytest.mark.parametrize("serve_again", [False, True])
async def test_the_control_plane_serves_it_whatever_the_files_say(serve_again: bool) -> None:
    control = ControlPlane(lambda event: None)
    control.serve({"a": SNAPSHOT, "b": SNAPSHOT})
    control.publish("a", ON)
    if serve_again:
        control.serve({"a": Snapshot.of([OFF, config("other", "y")]), "b": SNAPSHOT})
    for node, wanted in (("a", ON), ("b", OFF)):
        snapshot = control.snapshot(node)
        assert snapshot is not None
        assert snapshot.resources(KIND)["capture"] == wanted
    assert len(control.releases) == 1 + serve_again
