"""What a node was served is told whole, as of a time, without its secrets."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from mini_mesh.control import served
from mini_mesh.control.served import moment, resources, settled
from tests.mini_mesh.control.test_answers import asked
from tests.xds_server.playbook import a_cluster, snapshot
from tests.xds_server.resources import answering, rds_listener, weighted
from xds_server.clients.journal import Entry
from xds_server.errors import RemoteXdsError
from xds_server.mirror import parse
from xds_server.protos import core, route, tls
from xds_server.resource import Resource

ORIGINS = {"virtual_hosts[0].routes[0]": "mesh.yaml:3:7"}


async def test_what_was_served_is_told_as_of_a_time_with_its_lines() -> None:
    async with asked() as ask:
        before = time.time()
        first = (await ask("Served", node="e"))["version"]
        await ask.serve(rds_listener(), weighted({"a": 1}, origins=ORIGINS))
        now = await ask("Served", node="e")
        assert now["version"] != first
        assert now["until"] is None
        assert now["refused"] == ""
        assert now["since"] <= now["settled"] <= time.time()
        table = next(each for each in now["resources"] if each["type"] == "RouteConfiguration")
        assert table["origins"] == ORIGINS
        message = parse(route.RouteConfiguration, base64.b64decode(table["body"]))
        assert message.name == "routes"
        then = await ask("Served", node="e", at=before)
        assert (then["version"], then["until"]) == (first, now["since"])
        assert (await ask("Served", node="e", at=1.0))["resources"] is None


async def test_what_a_node_refused_is_told() -> None:
    async with asked() as ask:
        await ask.serve(rds_listener(), weighted({"a": 0}))
        assert "RouteConfiguration" in (await ask("Served", node="e"))["refused"]
        await ask.serve(rds_listener(), answering("new"))
        assert (await ask("Served", node="e"))["refused"] == ""


async def test_questions_that_are_none_are_refused() -> None:
    async with asked() as ask:
        status, text = await ask.refusal("Served", b'{"node": "x"}')
        assert (status, text) == ("NOT_FOUND", "x: no such node, wanted e")
        status, text = await ask.refusal("Served", b'{"node": "e", "at": "noon"}')
        assert (status, text) == (
            "INVALID_ARGUMENT",
            "at: got 'noon', wanted seconds since the epoch",
        )


@pytest.mark.parametrize("given", [True, "1", [], float("nan"), float("inf")])
def test_a_time_is_a_number(given: object) -> None:
    with pytest.raises(RemoteXdsError):
        moment(given)


async def test_secrets_stay_here() -> None:
    key = core.DataSource(inline_string="private")
    secret = tls.Secret(name="s", tls_certificate=tls.TlsCertificate(private_key=key))
    found = await resources("e", snapshot(a_cluster("a"), Resource.of(secret)))
    assert [each["name"] for each in found] == ["a"]


async def test_more_than_can_be_told_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "MAX_RESOURCES", 1)
    with pytest.raises(RemoteXdsError, match="e has 2 resources"):
        await resources("e", snapshot(a_cluster("a"), a_cluster("b")))


def test_a_node_is_settled_when_it_had_accepted_the_last_of_it() -> None:
    def entries(*told: tuple[float, str]) -> list[Any]:
        return [Entry(at, what) for at, what in told]

    book = entries((1, "acked"), (2, "sent"), (2.5, "acked"), (2.6, "current"), (9, "acked"))
    assert settled(book, 2, None) == 9
    assert settled(book, 2, 5) == 2.6
    assert settled(book, 3, 5) is None
