"""The bootstrap of a gRPC process; that real ones take it is told wherever one runs."""

from __future__ import annotations

import json

from mini_mesh.grpc_bootstrap import GrpcNode, bootstrap, environment

NODE = {
    "id": "web-v1",
    "cluster": "shop",
    "locality": {"region": "local", "zone": "", "sub_zone": ""},
}


def test_a_process_is_told_who_it_is_and_where_the_control_plane_is() -> None:
    assert bootstrap(GrpcNode("web-v1", "shop", 18000)) == {
        "xds_servers": [
            {
                "server_uri": "127.0.0.1:18000",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": NODE,
        "server_listener_resource_name_template": "inbound:%s",
    }


def test_its_certificates_are_files_that_are_named_there() -> None:
    files = {"mesh": {"plugin_name": "file_watcher", "config": {"certificate_file": "a.pem"}}}
    told = bootstrap(GrpcNode("web", "shop", 1, certificates=files))
    assert told["certificate_providers"] == files


def test_it_stands_in_the_environment() -> None:
    (pair,) = environment(GrpcNode("web-v1", "shop", 1)).items()
    assert (pair[0], json.loads(pair[1])["node"]) == ("GRPC_XDS_BOOTSTRAP_CONFIG", NODE)
