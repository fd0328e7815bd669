"""``meshloom up`` as people run it: started, asked, changed, and ended in every way."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mini_mesh.ports import Ports
from tests.meshloom.command import (
    PATIENCE,
    get,
    inside,
    mark_of,
    marks_below,
    meshloom,
    orphans,
    up,
    write,
)
from tests.mini_mesh.live import needs_envoy, server
from tests.wasm_filters.guests import guest, on_request_headers

WEB = "mesh: {services: {web: {ingress: true}}}\n"
SPLIT = """
mesh: {{services: {{web: {{versions: {{v1: , v2: }}, ingress: true}}}}}}
patterns:
  - {{pattern: canary, on: web, weights: {{v1: {}, v2: {}}}}}
"""
NO_RE2 = """
  - pattern: route
    on: web
    rules: [{match: {path: {regex: "/(?!x).*"}}, respond: {status: 201}}]
"""
NACK = "virtual_hosts[0].routes[0].match.safe_regex.regex: invalid perl operator: (?!"
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def reply(status: int) -> bytes:
    """A filter that answers every request with ``status``."""
    call = f"(drop (call $reply (i32.const {status}) {'(i32.const 0) ' * 7}))"
    function = f"(func $reply (param {'i32 ' * 8}) (result i32))"
    imports = f'(import "env" "proxy_send_local_response" {function})'
    return guest(on_request_headers(call, answer=1), imports=imports)


class TestTheReadyDemo:
    def test_is_answered_at_its_ingress_by_services_that_call_each_other(
        self, demo: dict[str, Any]
    ) -> None:
        page = get(demo["ingress"] + "/productpage", end_user="mary")
        assert page.status == 200
        details, reviews = page.json["calls"]
        assert (page.json["service"], details["answer"]["service"]) == ("productpage", "details")
        assert reviews["answer"]["version"] in ("v2", "v3")
        (ratings,) = reviews["answer"]["calls"]
        assert (ratings["status"], ratings["answer"]["service"]) == (200, "ratings")
        assert ["end-user", "mary"] in ratings["answer"]["headers"]

    def test_has_every_service_at_the_address_that_it_tells(self, demo: dict[str, Any]) -> None:
        assert list(demo["services"]) == ["productpage", "details", "reviews", "ratings"]
        for name, service in demo["services"].items():
            assert get(service["url"]).json["service"] == name
            for version, at in service["versions"].items():
                for address in (at["workload"], at["inbound"]):
                    answer = get(f"http://{address}").json
                    assert (answer["service"], answer["version"]) == (name, version)

    def test_has_an_envoy_for_each_version_and_one_at_the_edge(self, demo: dict[str, Any]) -> None:
        envoys = {
            "productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3",
            "ratings-v1", "ingress",
        }  # fmt: skip
        assert demo["envoys"].keys() == envoys
        assert len({envoy["pid"] for envoy in demo["envoys"].values()}) == 7
        for node, envoy in demo["envoys"].items():
            info = json.loads(get(envoy["admin"] + "/server_info").text)
            assert (info["state"], info["node"]["id"]) == ("LIVE", node)

    def test_sends_a_call_through_the_callers_envoy_and_the_callees(
        self, demo: dict[str, Any]
    ) -> None:
        before = _requests(demo, "productpage-v1", "outbound"), _requests(demo, "details-v1")
        get(demo["ingress"] + "/productpage")
        after = _requests(demo, "productpage-v1", "outbound"), _requests(demo, "details-v1")
        assert (after[0] - before[0], after[1] - before[1]) == (2, 1)

    def test_runs_our_filter_in_envoy(self, demo: dict[str, Any]) -> None:
        reviews = demo["services"]["reviews"]["url"]
        assert get(reviews).headers["x-filter"] == "header_policy"
        denied = get(reviews + "/admin")
        assert (denied.status, denied.text) == (403, "not for readers\n")

    def test_tells_its_control_plane(self, demo: dict[str, Any]) -> None:
        host, port = demo["control_plane"].split(":")
        socket.create_connection((host, int(port)), timeout=5).close()


def _requests(demo: dict[str, Any], node: str, direction: str = "inbound") -> int:
    stats = get(f"{demo['envoys'][node]['admin']}/stats").text.splitlines()
    counts = [line for line in stats if line.startswith(f"http.{direction}")]
    return sum(int(c.split(": ")[1]) for c in counts if ".downstream_rq_total: " in c)


def test_it_ends_after_its_time_and_says_so(tmp_path: Path) -> None:
    done = meshloom("up", write(tmp_path, WEB), "--for", "100ms", "--json")
    assert (done.code, done.err) == (0, "")
    names = [event["event"] for event in done.events]
    assert names == ["starting", "applied", "applied", "in_effect", "ready", "stopped"]


def test_people_are_told_the_addresses(tmp_path: Path) -> None:
    done = inside("up", write(tmp_path, WEB), "--for", "100ms")
    assert (done.code, done.err) == (0, "")
    assert "  web " in done.out
    assert "  ingress " in done.out
    assert "\nready in " in done.out


def test_people_are_told_who_has_no_envoy(tmp_path: Path) -> None:
    file = write(tmp_path, "mesh: {services: {web: {dataplane: grpc}, api: {protocol: grpc}}}")
    done = meshloom("up", file, "--for", "0.1s")
    web, api = (line.split() for line in done.out.splitlines()[1:3])
    assert (web[0], web[-2:], api[0], api[-4:-2]) == (
        "web",
        ["no", "Envoy"],
        "api",
        ["in", "effect"],
    )


def test_ports_are_the_same_at_every_start_and_the_asked_ones_are_kept(tmp_path: Path) -> None:
    with Ports() as ports:
        asked = ports.take()
    file = write(tmp_path, f"mesh: {{services: {{web: {{ingress: {asked}}}, shop: }}}}")
    states = []
    for _ in range(2):
        with up(file, "--ports-from", "24310") as mesh:
            states.append(mesh.ready())
            assert get(f"http://127.0.0.1:{asked}/").json["service"] == "web"
    first, second = states
    assert first["ingress"] == f"http://127.0.0.1:{asked}"
    assert first["control_plane"] == "127.0.0.1:24310"
    for key in ("control_plane", "ingress", "services"):
        assert first[key] == second[key]


def test_several_files_are_one_mesh_on_the_envoy_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "my-envoy"
    link.symlink_to(needs_envoy().path)
    one = write(tmp_path, "mesh: {services: {web: {calls: [shop], ingress: true}}}", "one.yaml")
    two = write(tmp_path, "mesh: {services: {shop: {versions: {v9: }}}}", "two.yaml")
    monkeypatch.setenv("MESHLOOM_ENVOY", str(link))
    with up(one, two) as mesh:
        assert mesh.until("starting")["envoy"].endswith(f" ({link}; wasm: v8)")
        (call,) = get(mesh.ready()["ingress"]).json["calls"]
        assert (call["service"], call["answer"]["version"]) == ("shop", "v9")
    monkeypatch.setenv("MESHLOOM_ENVOY", "/no/envoy")
    done = inside("up", one, two, "--envoy", link, "--for", "1ms", "--json")
    assert (done.code, done.events[0]["mesh"]) == (0, "one")


def test_grpc_services_call_each_other(tmp_path: Path) -> None:
    text = """
mesh:
  services:
    web: {calls: [greeter], ingress: true}
    greeter: {protocol: grpc, calls: [clock]}
    clock: {protocol: grpc}
"""
    with up(write(tmp_path, text)) as mesh:
        (call,) = get(mesh.ready()["ingress"]).json["calls"]
        assert (call["status"], call["answer"]["service"]) == (0, "greeter")
        (second,) = call["answer"]["calls"]
        assert (second["status"], second["answer"]["service"]) == (0, "clock")


def test_a_changed_weight_is_served_by_those_whom_it_concerns(tmp_path: Path) -> None:
    file = write(tmp_path, SPLIT.format(100, 0))
    with up(file) as mesh:
        url = mesh.ready()["ingress"]
        assert get(url).json["version"] == "v1"
        file.write_text(SPLIT.format(0, 100))
        assert mesh.until("changed")["files"] == [str(file)]
        assert mesh.until("in_effect")["nodes"] == 1
        assert get(url).json["version"] == "v2"
        assert mesh.stop().code == 0


def test_a_changed_filter_is_served(tmp_path: Path) -> None:
    filter_ = tmp_path / "f.wasm"
    filter_.write_bytes(reply(418))
    patterns = "patterns: [{pattern: wasm, on: web, file: f.wasm}]\n"
    with up(write(tmp_path, WEB + patterns)) as mesh:
        url = mesh.ready()["ingress"]
        assert get(url).status == 418
        filter_.write_bytes(reply(429))
        mesh.until("changed")
        mesh.until("in_effect", nodes=1)
        assert 429 in (get(url).status for _ in range(100))  # a listener is replaced after its ACK
        filter_.write_bytes(b"no wasm at all")
        (problem,) = mesh.until("rejected")["problems"]
        assert problem["line"] == 2
        assert get(url).status == 429
        assert mesh.stop().code == 1


def test_a_bad_change_is_told_with_its_place_and_the_last_good_config_stays(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, SPLIT.format(100, 0))
    with up(file) as mesh:
        url = mesh.ready()["ingress"]
        file.write_text(SPLIT.format(90, 20))
        (problem,) = mesh.until("rejected")["problems"]
        assert (problem["file"], problem["line"], problem["column"]) == (str(file), 4, 32)
        assert problem["message"] == (
            "weights add up to 110, expected 100 (v1: 90 at 4:46, v2: 20 at 4:54)"
        )
        assert get(url).json["version"] == "v1"
        assert mesh.stop().code == 1


def test_what_envoy_refuses_is_told_with_its_line_and_a_good_change_is_in_effect_again(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, SPLIT.format(100, 0))
    with up(file) as mesh:
        url = mesh.ready()["ingress"]
        file.write_text(SPLIT.format(0, 100) + NO_RE2)
        refused = mesh.until("refused")
        assert (refused["node"], refused["place"]) == ("ingress", f"{file}:8:13")
        assert refused["text"].endswith(NACK)
        assert get(url).json["version"] == "v1"
        file.write_text(SPLIT.format(0, 100))
        mesh.until("changed")
        mesh.until("in_effect")
        assert get(url).json["version"] == "v2"
        assert mesh.stop().code == 0


def test_what_envoy_refuses_to_the_end_is_exit_code_1(tmp_path: Path) -> None:
    file = write(tmp_path, SPLIT.format(100, 0))
    with up(file) as mesh:
        mesh.ready()
        file.write_text(SPLIT.format(100, 0) + NO_RE2)
        mesh.until("refused")
        done = mesh.stop(signal.SIGTERM)
        assert (done.code, done.err) == (1, "")


def test_what_dies_while_it_runs_is_told_with_its_last_lines(tmp_path: Path) -> None:
    text = f"mesh: {{services: {{web: {{run: 'echo hello; {server(tmp_path)} me'}}}}}}"
    with up(write(tmp_path, text)) as mesh:
        pid = get(mesh.ready()["services"]["web"]["url"]).json["pid"]
        os.kill(pid, signal.SIGKILL)
        died = mesh.until("exited", name="web")
        assert (died["reason"], died["last_lines"]) == ("ended by SIGKILL", ["hello"])
        mesh.until("restarted", name="web")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_is_left_by(number: int, tmp_path: Path, runtime: Path) -> None:
    text = f"mesh: {{services: {{web: , own: {{run: '{server(tmp_path)} me & wait'}}}}}}"
    with up(write(tmp_path, text)) as mesh:
        pids = [envoy["pid"] for envoy in mesh.ready()["envoys"].values()]
        (mark,) = {mark_of(pid) for pid in pids}
        assert len(orphans(mark, seconds=0)) >= 6  # three Envoys, the echo, a shell, a server
        done = mesh.stop(number)
        assert done.code == (-number if number == signal.SIGKILL else 0)
        assert orphans(mark) == set()
        assert done.err == ""


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_is_left_while_it_starts_by(number: int, tmp_path: Path) -> None:
    text = "mesh: {services: {web: , slow: {run: sleep 60}}}"
    with up(write(tmp_path, text)) as mesh:
        mesh.until("applied", node="web")
        (mark,) = marks_below(mesh.process.pid)
        done = mesh.stop(number)
        assert done.code == (-number if number == signal.SIGKILL else 0)
        assert orphans(mark) == set()
        assert done.err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_has_just_begun_ends_without_a_word(number: int, tmp_path: Path) -> None:
    with up(write(tmp_path, WEB)) as mesh:
        mesh.until("starting")
        done = mesh.stop(number)
        assert (done.code, done.err) == (0, "")


def test_a_killed_mesh_is_no_mesh(tmp_path: Path, runtime: Path) -> None:
    with up(write(tmp_path, WEB)) as mesh:
        mesh.ready()
        mesh.process.kill()
        mesh.process.wait(timeout=PATIENCE)
    done = meshloom("tap", "--mesh", "mesh")
    assert (done.code, done.out) == (2, "")
    assert done.err == "meshloom: no mesh called 'mesh' is running; start one with 'meshloom up'\n"
