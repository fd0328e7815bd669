"""The page over HTTP: who gets in, what can be looked at, and that nothing else can be done."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mitmproxy.tools.web import app

from mesh_traffic import Body, Headers, Response
from tap.flows import read_flows
from tests.tap.exchanges import SAMPLE, sample
from tests.tap.flows.web.asking import Asker, asking, entered

SHOWN = [
    "/",
    "/flows",
    "/flows.json",
    "/flows/dump",
    "/flows/9f3e/request/content.data",
    "/flows/9f3e/response/content/auto.json",
    "/state",
    "/options",
    "/events",
    "/commands",
    "/filter-help",
    "/read-only.js",
]


@pytest.mark.parametrize("path", [*SHOWN, "/updates"])
async def test_without_the_token_there_is_nothing(path: str) -> None:
    async with asking(SAMPLE) as somebody:
        for asked in (path, f"{path}?token=", f"{path}?token={'0' * 32}", f"{path}?token=ü"):
            status, text, _ = await somebody.ask(asked)
            assert status == 403
            assert "reviews" not in text
        assert (await somebody.ask("/flows"))[0] == 403  # nor did that give a cookie


@pytest.mark.parametrize("path", SHOWN)
async def test_with_it_all_can_be_looked_at(path: str) -> None:
    async with entered(SAMPLE) as owner:
        status, text, headers = await owner.ask(path)
        assert (status, bool(text)) == (200, True)
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"


async def test_the_token_leaves_the_address_when_it_has_served() -> None:
    async with asking() as owner:
        status, _, headers = await owner.ask(f"/?token={owner.token}", allow_redirects=False)
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
        assert owner.token not in cookie


async def test_a_program_may_send_it_as_a_header() -> None:
    async with asking(SAMPLE) as program:
        told = await program.ask("/flows", headers={"Authorization": f"Bearer {program.token}"})
        assert (told[0], json.loads(told[1])[0]["id"]) == (200, "9f3e")


CHANGES = {
    "replay": ("POST", "/flows/9f3e/replay", {}),
    "edit": ("PUT", "/flows/9f3e", {"json": {"request": {"method": "PUT"}}}),
    "comment": ("PUT", "/flows/9f3e", {"json": {"comment": "mine"}}),
    "delete": ("DELETE", "/flows/9f3e", {}),
    "duplicate": ("POST", "/flows/9f3e/duplicate", {}),
    "revert": ("POST", "/flows/9f3e/revert", {}),
    "resume one": ("POST", "/flows/9f3e/resume", {}),
    "kill one": ("POST", "/flows/9f3e/kill", {}),
    "resume all": ("POST", "/flows/resume", {}),
    "kill all": ("POST", "/flows/kill", {}),
    "replace a body": ("POST", "/flows/9f3e/response/content.data", {"data": b"mine"}),
    "load flows": ("POST", "/flows/dump", {"data": b"0:~"}),
    "clear": ("POST", "/clear", {}),
    "intercept": ("PUT", "/options", {"json": {"intercept": "~all"}}),
    "listen on a port": ("PUT", "/options", {"json": {"mode": ["regular@0.0.0.0:8080"]}}),
    "load a script": ("PUT", "/options", {"json": {"scripts": ["/tmp/mine.py"]}}),
    "write a file": ("PUT", "/options.json", {"json": {"save_stream_file": "/tmp/mine"}}),
    "serve a file": ("PUT", "/options", {"json": {"map_local": ["|//|/etc/passwd"]}}),
    "save options": ("POST", "/options/save", {}),
    "run a script": ("POST", "/commands/script.run", {"json": {"arguments": ["@all", "/x.py"]}}),
    "save to a file": ("POST", "/commands/save.file", {"json": {"arguments": ["@all", "/tmp/x"]}}),
    "open a file": ("POST", "/commands/view.flows.load", {"json": {"arguments": ["/etc/passwd"]}}),
    "export to a file": ("POST", "/commands/export.file", {"json": {"arguments": ["raw"]}}),
    "shut down": ("POST", "/commands/core.shutdown", {}),
    "list processes": ("GET", "/processes", {}),
    "read an icon": ("GET", "/executable-icon?path=/bin/sh", {}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_who_holds_the_token_can_not(change: str) -> None:
    method, path, more = CHANGES[change]
    async with entered(SAMPLE) as owner:
        before = await owner.ask("/flows"), await owner.ask("/options")
        status, text, _ = await owner.change(path, method, **more)
        assert status == 403
        assert text.startswith(f"refused: {method} {path.partition('?')[0]}: captures can be")
        after = await owner.ask("/flows"), await owner.ask("/options")
        assert [one[:2] for one in before] == [one[:2] for one in after]


async def test_of_all_that_mitmweb_has_nothing_that_changes_is_reached() -> None:
    """Also what another version of it brings."""
    allowed = {("POST", "/"), ("POST", "/commands/export")}
    paths = {_some_path(pattern) for pattern, _ in app.handlers} | {"/commands/export"}
    assert len(paths) > 20
    async with entered(SAMPLE) as owner:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            for path in paths:
                status, _, _ = await owner.ask(path, method)
                assert (status == 403) or (method, path) in allowed, (method, path, status)
        assert len(json.loads((await owner.ask("/flows"))[1])) == 1


def _some_path(pattern: str) -> str:
    named = {"flow_id": "9f3e", "message": "response", "content_view": "auto", "cmd": "replay"}
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: named[found[1]], pattern)
    return path.replace(r"(?:\.json)?", "")


async def test_what_changes_nothing_still_wants_its_own_page_to_ask() -> None:
    async with entered(SAMPLE) as owner:
        body = {"json": {"arguments": ["curl", "@9f3e"]}}
        assert (await owner.ask("/commands/export", "POST", **body))[0] == 403
        assert (await owner.change("/commands/export", **body))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/flows", "/flows/dump", "/updates", "/static/favicon.ico"])
async def test_a_page_of_another_site_gets_nothing_not_even_with_the_token(
    path: str, headers: dict[str, str]
) -> None:
    async with entered(SAMPLE) as owner:
        bearer = {"Authorization": f"Bearer {owner.token}"}
        status, text, _ = await owner.ask(path, headers={**headers, **bearer})
        assert (status, text[:9]) == (403, "refused: ")


async def test_a_page_of_another_origin_can_not_listen() -> None:
    async with entered(SAMPLE) as owner:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await owner.session.ws_connect(owner.base + "/updates", origin="http://evil.example")
        async with owner.session.ws_connect(owner.base + "/updates", origin=owner.base):
            pass


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "//etc/passwd"])
async def test_no_files_but_the_pages_own_are_served(path: str) -> None:
    async with entered() as owner:
        url = aiohttp.client.URL(owner.base + path, encoded=True)
        async with owner.session.get(url) as answer:
            assert answer.status == 403


async def test_a_body_is_shown_decoded_and_can_be_downloaded() -> None:
    headers = Headers.of({"content-type": "application/json", "content-encoding": "gzip"})
    data = gzip.compress(b'{"a":[1]}')
    async with entered(sample(response=Response(200, headers, Body(data, True, 99)))) as owner:
        shown = await _json(owner, "/flows/9f3e/response/content/Auto.json")
        assert shown["text"] == '{\n  "a": [\n    1\n  ]\n}'
        assert shown["description"].startswith(f"json; gzip undone; cut off: {len(data)} of 99")
        cut = await _json(owner, "/flows/9f3e/response/content/auto.json?lines=2")
        assert cut["text"].count("\n") <= 2
        raw = await _json(owner, "/flows/9f3e/response/content/raw.json")
        assert raw["text"] == '{"a":[1]}'
        dump = await _json(owner, "/flows/9f3e/response/content/hex%20dump.json")
        assert dump["text"].startswith("00000000  7b 22 61")
        _, text, told = await owner.ask("/flows/9f3e/response/content.data")
        assert text == '{"a":[1]}'
        assert told["Content-Disposition"] == "attachment; filename=9f3e.response"


async def _json(owner: Asker, path: str) -> Any:
    status, text, _ = await owner.ask(path)
    assert status == 200, text
    return json.loads(text)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/flows/beef/request/content.data", 404, "flow not found"),
        ("/flows/beef/request/content/auto.json", 404, "flow not found"),
        ("/flows/9f3e/response/content.data", 404, "no response was seen"),
        ("/flows/9f3e/request/content/javascript.json", 400, "expected one of auto, raw, hex dump"),
        ("/flows/dump?filter=~c", 400, "no filter: "),
        ("/flows/9f3e/messages/content/auto.json", 403, "refused: "),
    ],
)
async def test_what_is_not_there_is_said(path: str, status: int, says: str) -> None:
    async with entered(sample(response=None)) as owner:
        got, text, _ = await owner.ask(path)
        assert (got, text[: len(says)]) == (status, says)


async def test_what_is_shown_can_be_taken_along_as_a_flow_file(tmp_path: Path) -> None:
    other = sample(id="1", response=Response(200))
    async with (
        entered(SAMPLE, other) as owner,
        owner.session.get(owner.base + "/flows/dump?filter=~c 503") as answer,
    ):
        (tmp_path / "some.flow").write_bytes(await answer.read())
    (found,) = read_flows(tmp_path / "some.flow")
    assert (found.id, found.status, found.flags) == ("9f3e", 503, ("UO", "URX"))


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("curl", "# 9f3e"),
        ("httpie", "# 9f3e"),
        ("raw", "POST /reviews/1"),
        ("raw_request", "POST /reviews/1"),
        ("raw_response", "HTTP/1.1 503"),
    ],
)
async def test_a_flow_goes_to_the_clipboard(name: str, begins: str) -> None:
    async with entered(SAMPLE) as owner:
        asked = {"arguments": [name, "@9f3e"]}
        status, text, _ = await owner.change("/commands/export", json=asked)
        assert status == 200
        assert begins.lstrip("# ") in json.loads(text)["value"]


@pytest.mark.parametrize("asked", [{}, {"arguments": 1}, {"arguments": ["parquet", "@9f3e"]}, []])
async def test_nonsense_is_no_export(asked: Any) -> None:
    async with entered(SAMPLE) as owner:
        status, text, _ = await owner.change("/commands/export", json=asked)
        assert (status, text) == (400, "expected arguments: [format, @id]")


async def test_a_large_request_is_not_read() -> None:
    async with entered(SAMPLE) as owner:
        async with owner.session.post(owner.base + "/", data=b"x" * 100_000) as answer:
            assert answer.status in (400, 413)
        assert (await owner.ask("/flows"))[0] == 200
