"""Whatever answers at an admin address: it is an Envoy's answer, or said not to be."""

from __future__ import annotations

import pytest

from debugger.admin import interface
from debugger.admin.interface import AdminError, interfaces
from debugger.doctor import collect
from tests.xds_server.real_envoy import upstream


@pytest.mark.parametrize("body", ["", "junk", "[]", "[" * 100_000, '{"configs": [{}]}', "{}"])
async def test_junk_is_said_to_be_junk(body: str) -> None:
    async with upstream(body) as port, interfaces({"e": f"127.0.0.1:{port}"}) as envoys:
        with pytest.raises(AdminError, match="127.0.0.1"):
            await collect.look(envoys["e"])


async def test_an_answer_without_an_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "MAX_ANSWER", 10)
    async with upstream("x" * 11) as port, interfaces({"e": f"127.0.0.1:{port}"}) as envoys:
        with pytest.raises(AdminError, match="more than 10 bytes"):
            await envoys["e"].ask("server")


async def test_where_nobody_listens_it_is_said() -> None:
    async with interfaces({"e": "127.0.0.1:1"}) as envoys:
        with pytest.raises(AdminError, match="127.0.0.1:1/server_info"):
            await envoys["e"].ask("server")


@pytest.mark.parametrize("address", ["127.0.0.1:9/quitquitquit?", "h:1#", "x", "a@b:1", ":1", ""])
async def test_an_address_is_no_path(address: str) -> None:
    with pytest.raises(AdminError, match="wanted HOST:PORT"):
        async with interfaces({"e": address}):
            pass
