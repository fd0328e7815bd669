"""``meshloom serve`` over HTTP, with a real Envoy that polls it and nothing of gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from meshloom.http_side import door_beside
from meshloom.serve import Door
from tests.meshloom.command import Up, get, meshloom, write
from tests.meshloom.test_serve import ANYWHERE, MESH, free_port, serving
from tests.xds_server.real_envoy import running_envoy


def polling(port: int, token: str) -> dict[str, Any]:
    """Parts of a bootstrap: listeners, clusters and, through them, routes are polled."""
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": ["xds"],
        "refresh_delay": "0.05s",
    }
    source = {"api_config_source": api, "resource_api_version": "V3"}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    filters = "envoy.extensions.filters.http"
    add_token = {
        "name": "token",
        "typed_config": {
            "@type": f"type.googleapis.com/{filters}.header_mutation.v3.HeaderMutation",
            "mutations": {
                "request_mutations": [
                    {"append": {"header": {"key": "authorization", "value": f"Bearer {token}"}}}
                ]
            },
        },
    }
    codec = {
        "name": "codec",
        "typed_config": {"@type": f"type.googleapis.com/{filters}.upstream_codec.v3.UpstreamCodec"},
    }
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    protocol = {
        "@type": f"type.googleapis.com/{options}",
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [add_token, codec],
    }
    xds = {
        "name": "xds",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "xds", "endpoints": hosts},
        "typed_extension_protocol_options": {options: protocol},
    }
    return {
        "dynamic_resources": {"cds_config": source, "lds_config": source},
        "static_resources": {"clusters": [xds]},
    }


def address_of(plane: Up) -> tuple[str, int]:
    address = plane.until("serving")["http"]
    return f"http://{address}", int(address.rpartition(":")[2])


async def test_an_envoy_that_polls_meshloom_serve_answers(tmp_path: Path) -> None:
    ingress = free_port()
    file = write(tmp_path, MESH % (ingress, "one"))
    with serving(file, *ANYWHERE, "--token", "s3cret") as plane:
        url, port = address_of(plane)
        # what is served says that routes come over ADS: of a client that polls, they are polled
        async with running_envoy(1, "ingress", "SotW", polling(port, "s3cret")) as envoy:
            await envoy.until_admin()
            await envoy.until_listening()
            names = await envoy.admin("/listeners")
            assert await envoy.get(listener=names.split("::")[0]) == (200, "one")
        assert get(f"{url}/metrics").status == 401
        seen = get(f"{url}/metrics", authorization="Bearer s3cret").text
        assert 'xds_polls_total{code="200",type="Listener"} 1.0' in seen
        assert get(f"{url}/healthz").json == {"status": "serving", "groups": 2, "clients": 0}


def test_the_http_side_can_be_turned_off(tmp_path: Path) -> None:
    with serving(write(tmp_path, MESH % (1, "one")), *ANYWHERE, "--http", "") as plane:
        assert plane.until("serving")["http"] is None


def test_an_open_address_is_refused_there_too(tmp_path: Path) -> None:
    file = write(tmp_path, MESH % (1, "one"))
    done = meshloom("serve", file, *ANYWHERE, "--http", "0.0.0.0:0")
    assert done.code == 2
    assert "--http: 0.0.0.0 is open to others" in " ".join(done.err.split())


def test_it_stands_on_the_next_port_of_the_loopback_interface() -> None:
    grpc = Door.of("0.0.0.0:18000", None, None, None, "t")
    assert door_beside(grpc, None) == Door("127.0.0.1", 18001, token="t")
    anywhere = Door.of("127.0.0.1:0", None, None, None, None)
    assert door_beside(anywhere, None) == Door("127.0.0.1", 0)
    assert door_beside(anywhere, "none") is None
    with pytest.raises(typer.BadParameter, match="wanted HOST:PORT"):
        door_beside(anywhere, "8000")
