"""Hosts, origins and other sites, as browsers say them."""

from __future__ import annotations

import pytest

from tap.flows.web.gate import refusal

HOST = {"Host": "127.0.0.1:8081"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost:8081", "LOCALHOST", "127.0.0.1", "[::1]:8081"]
)
def test_names_of_loopback_pass_at_any_port(host: str) -> None:
    assert refusal("GET", "/flows", {"Host": host}) == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example:8081",
        "evil.example:8081",
        "localhost.evil.example",
        "127.0.0.1:8081@evil.example",
        "127.0.0.1:8081\n",
        "a.localhost:8081",
        "0.0.0.0:8081",
        "192.168.1.2:8081",
        "x" * 10_000,
    ],
)
def test_another_host_is_refused_also_if_its_name_resolves_to_loopback(host: str) -> None:
    told = refusal("GET", "/", {"Host": host})
    assert told == f"host {host[:80]!r}, expected a name of this machine's loopback"


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:9999", "http://evil.example", "null", "https://127.0.0.1:8081"]
)
def test_another_origin_is_refused_be_it_another_port_of_this_machine(origin: str) -> None:
    told = refusal("GET", "/updates", {**HOST, "Origin": origin})
    assert told == f"origin {origin!r}, expected http://127.0.0.1:8081"


def test_the_own_origin_passes() -> None:
    headers = {**HOST, "Origin": "http://127.0.0.1:8081", "Sec-Fetch-Site": "same-origin"}
    assert refusal("POST", "/commands/export", headers) == ""


@pytest.mark.parametrize("site", ["cross-site", "same-site", "?"])
def test_what_another_site_embeds_or_fetches_is_refused(site: str) -> None:
    headers = {**HOST, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert refusal("GET", "/flows", headers) == f"asked by a page of another site ({site})"
    assert refusal("GET", "/", headers)


def test_a_link_of_another_page_leads_to_the_first_page_and_to_nothing_else() -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    top, frame = {**link, "Sec-Fetch-Dest": "document"}, {**link, "Sec-Fetch-Dest": "iframe"}
    assert refusal("GET", "/", {**HOST, **top}) == ""
    assert refusal("GET", "/flows/dump", {**HOST, **top})
    assert refusal("POST", "/", {**HOST, **top})
    assert refusal("GET", "/", {**HOST, **frame})
