"""The door to the admin interface."""

from __future__ import annotations

import socket

from mini_mesh.control.config_dump import in_effect
from tests.xds_server.playbook import a_cluster
from tests.xds_server.real_envoy import running_envoy


async def test_an_envoy_that_answers_tells_and_one_that_does_not_is_left_out() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{nobody.getsockname()[1]}"
        async with running_envoy(1, "e", "Delta") as envoy:
            await envoy.until_admin()
            admins = {"e": envoy.admin_address, "silent": silent, "not asked": silent}
            found = await in_effect(admins, ["e", "silent", "elsewhere"])
    assert list(found) == ["e"]
    assert found["e"].verdict(a_cluster("a")) == "no"


async def test_where_no_admin_address_is_known_nobody_is_asked() -> None:
    assert await in_effect({}, ["e"]) == {}
