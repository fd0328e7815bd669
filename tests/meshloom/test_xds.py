"""``meshloom xds`` against meshes and control planes that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.meshloom.command import inside, up, write
from tests.meshloom.test_serve import ANYWHERE, port_of, serving
from tests.xds_server.certificates import Authority

MESH = """
mesh: {services: {web: {ingress: true}}}
patterns:
  - {pattern: route, on: web, rules: [{match: {path: {%s}}, respond: {status: 201}}]}
"""
GOOD, OTHER, BAD = MESH % "prefix: /a", MESH % "prefix: /b", MESH % "regex: '/(?!x).*'"


def told(*arguments: str | Path, code: int = 0) -> str:
    """What a command says, versions and times left out."""
    done = inside(*arguments)
    assert (done.code, done.err) == (code, "")
    return re.sub(r"\b[0-9a-f]{6}\b", "VVVVVV", re.sub(r"\d\d:\d\d:\d\d", "TT:TT:TT", done.out))


@pytest.mark.usefixtures("alone")
def test_where_the_nodes_of_a_mesh_stand_and_what_happened_to_them(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    with up(file) as mesh:
        server = mesh.ready()["control_plane"]
        at = ("--server", server)
        assert told("xds", "status", *at) == (
            "NODE     KIND   VERSION  SENT  ACCEPTED  IN EFFECT\n"
            "ingress  envoy  VVVVVV   yes   yes       yes\n"
            "web      envoy  VVVVVV   yes   yes       yes\n"
            "version VVVVVV since TT:TT:TT: good\n"
        )
        one = told("xds", "status", "ingress", *at).splitlines()
        assert one[0].startswith("ingress  envoy  Delta from ipv4:127.0.0.1:")
        assert one[1:] == [
            "TYPE                   RESOURCES  VERSION  SENT  ACCEPTED  IN EFFECT",
            "Cluster                1          VVVVVV   yes   yes       yes",
            "ClusterLoadAssignment  1          VVVVVV   yes   yes       yes",
            "TypedExtensionConfig   1          VVVVVV   yes   yes       yes",
            "Listener               2          VVVVVV   yes   yes       yes",
            "RouteConfiguration     2          VVVVVV   yes   yes       yes",
        ]
        assert told("xds", "diff", "ingress", *at) == "ingress: nothing differs (version VVVVVV)\n"
        file.write_text(BAD)
        mesh.until("refused")
        mesh.until("in_effect")
        assert f"\n{file}:4:39: NACK from ingress: RouteConfiguration 'ingress-any': invalid" in (
            told("xds", "status", *at)
        )
        differs = told("xds", "diff", "ingress", *at, code=1)
        assert (
            "RouteConfiguration  ingress-any      VVVVVV  VVVVVV  VVVVVV    no         changed\n"
            "    virtual_hosts[0].routes[0].match.prefix: '/a' → nothing"
        ) in differs
        assert f"\n    {file}:4:39: invalid perl operator: (?!\n" in differs
        happened = told("xds", "history", "ingress", *at).splitlines()
        assert re.fullmatch(
            r"TT:TT:TT\.\d{3}  nacked  RouteConfiguration +VVVVVV +\d+\.\d ms +ingress-any   "
            rf"{re.escape(str(file))}:4:39: invalid perl operator: \(\?!",
            happened[-1],
        )
        assert inside("xds", "history", "ingress", "--json", *at).events[0]["dropped"] == 0
        assert told("xds", "loads", *at).startswith(("CLUSTER", "nobody has reported"))
        assert inside("xds", "status", "nobody", *at).err == (
            f"meshloom xds status: {server}: nobody: no such node, wanted ingress or web\n"
        )


@pytest.mark.usefixtures("alone")
async def test_a_server_elsewhere_is_asked_with_a_token_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.sign("server")
    file = write(tmp_path, GOOD)
    options = ("--tls-cert", cert, "--tls-key", key, "--token", "s3cret", "--http", "none")
    with serving(file, *ANYWHERE, *options) as plane:
        server = f"127.0.0.1:{port_of(plane)}"
        come = ("--server", server, "--tls-ca", authority.ca)
        assert told("xds", "status", *come, "--token", "s3cret") == (
            "NODE     KIND   VERSION  SENT  ACCEPTED  IN EFFECT\n"
            "ingress  envoy  VVVVVV   -     -         not connected\n"
            "web      envoy  VVVVVV   -     -         not connected\n"
            "version VVVVVV since TT:TT:TT: open\n"
        )
        assert told("xds", "diff", "web", *come, "--token", "s3cret", code=1) == (
            "web is not connected\n"
        )
        wrong = inside("xds", "status", *come, "--token", "guess")
        assert wrong.code == 2
        assert "wanted the metadata 'authorization: Bearer TOKEN'" in wrong.err
