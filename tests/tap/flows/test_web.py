"""When the page is served at all."""

from __future__ import annotations

import socket
import sys

import pytest

from tap.flows import web
from tap.flows.web import WebError, check, serving

needs_12 = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="Python 3.11 gets mitmproxy 11, whose page stays off"
)


@pytest.mark.parametrize("installed", ["11.0.2", "11.1.3", "9.0", "dev"])
def test_a_mitmproxy_without_authentication_stays_off_and_says_what_to_do(installed: str) -> None:
    with pytest.raises(WebError) as refused:
        check(installed)
    assert str(refused.value) == (
        f"the web interface of mitmproxy {installed} has no authentication: anybody on this machine"
        " could read the captures, so it stays off; run meshloom on Python 3.12 or later, which"
        " gets mitmproxy 12, or watch without --web"
    )


@pytest.mark.parametrize("installed", ["12.2.0", "12.3.1", "13.0"])
def test_one_with_a_token_is_served(installed: str) -> None:
    check(installed)


async def test_what_is_installed_decides_and_nothing_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def version(package: str) -> str:
        asked.append(package)
        return "11.0.2"

    monkeypatch.setattr(web, "version", version)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(WebError, match=r"mitmproxy 11\.0\.2 has no authentication"):
        async with serving(port=port):
            pass
    assert asked == ["mitmproxy"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@needs_12
async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WebError, match=f"127.0.0.1:{port}: Address already in use"):
            async with serving(port=port):
                pass


@needs_12
async def test_it_listens_on_loopback_alone_and_each_time_with_another_token() -> None:
    async with serving() as one, serving() as other:
        assert one.url.startswith("http://127.0.0.1:")
        tokens = {page.url.partition("token=")[2] for page in (one, other)}
        assert len(tokens) == 2
        assert {len(token) for token in tokens} == {32}
