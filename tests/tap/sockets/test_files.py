"""Files that a real Envoy's socket taps wrote, in every format, buffered and streamed."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest

from mesh_traffic import Exchange
from tap.sources.files import Report, read_files
from tests.tap.conftest import Envoy
from tests.tap.sockets.secured import Secured, free_ports, said
from tests.tap.sources.test_files import FORMATS, tapping

CASES = [(form, streamed) for form in FORMATS for streamed in (False, True)]
GET = b"GET /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"


def talk(connect: Callable[[], ssl.SSLSocket]) -> None:
    with connect() as client:
        for number in (1, 2):
            said(client, GET % number, b"hello")
    with connect() as client:
        said(client, b"no http\n", b"Bad")


@pytest.fixture(scope="module")
def written(envoy: Envoy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each format and kind, of a listener each, which passes on what it gets."""
    root = tmp_path_factory.mktemp("sockets")
    secured = Secured(envoy, root, envoy.upstream)
    config = json.loads((root / "envoy.json").read_text())
    *_, raw = config["static_resources"]["listeners"]
    listeners, ports = [], free_ports(len(CASES), {secured.admin})
    for (form, streamed), port in zip(CASES, ports, strict=True):
        folder = root / f"{form}-{streamed}"
        folder.mkdir()
        made = deepcopy(raw)
        made["name"] = folder.name
        made["address"]["socket_address"]["port_value"] = port
        socket = made["filter_chains"][0]["transport_socket"]["typed_config"]
        socket["common_config"] = tapping(folder, form, streamed)
        listeners.append(made)
    config["static_resources"]["listeners"] = listeners
    (root / "envoy.json").write_text(json.dumps(config))
    try:
        secured.start()
        for port in ports:
            talk(partial(secured.connect, port, "http/1.1"))
        time.sleep(0.2)  # buffered traces are written when Envoy has seen the close
    finally:
        secured.kill()
    return root


def read(path: Path) -> tuple[list[Exchange], Report]:
    report = Report()
    found = list(read_files([path], report))
    return sorted(found, key=lambda one: one.started), report


@pytest.mark.parametrize(("form", "streamed"), CASES)
def test_what_envoy_writes_is_read_with_its_times(written: Path, form: str, streamed: bool) -> None:
    found, report = read(written / f"{form}-{streamed}")
    assert (report.files, report.errors, report.problems, report.incomplete) == (2, 0, [], 0)
    one, two, opaque = found
    assert [each.request.path for each in (one, two)] == ["/1", "/2"]
    assert (one.request.body.data, one.status) == (b"hello", 200)
    assert opaque.request.body.data == b"no http\n"
    assert opaque.response is not None
    assert b"Bad" in opaque.response.body.data
    assert all(abs(each.started - time.time()) < 60 for each in found)
    assert one.duration is not None
    assert 0 < one.duration < 5
    assert {each.sources for each in found} == {("socket tap",)}
    assert all(each.source.address.startswith("127.0.0.1:") for each in found)
