"""A mesh on the real Envoy: brought up, changed under traffic, wounded, and refused things."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from mesh_yaml.place import DocumentError
from mini_mesh.events import Applied, Exited, InEffect, Ready, Refused, Restarted
from mini_mesh.mesh import ECHO
from mini_mesh.ports import Ports
from tests.mini_mesh.live import ask, opened, server, started, traffic

TWO = """
mesh:
  services:
    web: {calls: [shop], ingress: true}
    shop: {versions: {v1: , v2: }}
patterns:
  - pattern: canary
    on: shop
    weights: {v1: 100, v2: 0}
"""
NO_RE2 = """
  - pattern: route
    on: shop
    rules:
      - match: {path: {regex: "/(?!x).*"}}
        respond: {status: 201}
"""
ONE = "mesh: {services: {web: {run: '%s'}}}"


async def test_a_mesh_answers_when_its_start_returns(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live:
        status, answer = await live.ask("web", "/page")
        assert (status, answer["service"], answer["path"]) == (200, "web", "/page")
        (call,) = answer["calls"]
        assert (call["status"], call["answer"]["version"]) == (200, "v1")
        (ready,) = live.all(Ready)
        assert {event.node for event in live.all(Applied)} == set(ready.state["envoys"])
        assert live.events[-1] is ready  # nothing of the start is told after it


async def test_weights_change_and_versions_come_and_go_without_a_failed_request(
    tmp_path: Path,
) -> None:
    three = TWO.replace("v2: }", "v2: , v3: }").replace("v1: 100, v2: 0", "v3: 100")
    async with started(tmp_path, TWO) as live, traffic(live, "shop") as flow:
        assert await flow.more() == {(200, "v1")}
        await live.change(TWO.replace("v1: 100, v2: 0", "v2: 100"))
        await flow.more()
        await live.change(three)
        await flow.more()
        before = live.mesh.state()["envoys"]
        await live.change(TWO.replace(", v2: }", "}").replace(", v2: 0", ""))
        assert await flow.more(but=20) == {(200, "v1")}
        after = live.mesh.state()["envoys"]
        assert before.keys() - after.keys() == {"shop-v2", "shop-v3"}
        assert all(before[node] == after[node] for node in after)  # nobody was restarted
    assert flow.failed == []
    assert {version for _, version in flow.seen} == {"v1", "v2", "v3"}


async def test_a_service_comes_and_goes(tmp_path: Path) -> None:
    more_services = TWO.replace("calls: [shop]", "calls: [shop, tax]").replace(
        "    shop:", "    tax: {protocol: grpc}\n    shop:"
    )
    async with started(tmp_path, TWO) as live:
        await live.change(more_services)
        _, answer = await live.ask("web")
        assert {call["service"]: call["status"] for call in answer["calls"]} == {
            "shop": 200,
            "tax": 0,
        }
        await live.change(TWO)
        _, answer = await live.ask("web")
        assert [call["service"] for call in answer["calls"]] == ["shop"]
        assert "tax" not in live.mesh.state()["services"]


async def test_a_changed_command_restarts_that_workload_only(tmp_path: Path) -> None:
    run = server(tmp_path)
    text = f"mesh: {{services: {{a: {{run: '{run} a'}}, b: {{run: '{run} b'}}}}}}"
    async with started(tmp_path, text) as live:
        (_, a), (_, b) = await live.ask("a"), await live.ask("b")
        await live.change(text.replace(f"{run} b", f"{run} other"))
        (_, same), (_, other) = await live.ask("a"), await live.ask("b")
        assert (same["said"], same["pid"]) == ("a", a["pid"])
        assert (other["said"], other["pid"] == b["pid"]) == ("other", False)
        assert not live.all(Exited)


async def test_a_command_finds_its_port_and_whom_it_calls(tmp_path: Path) -> None:
    text = f"""
mesh:
  services:
    web:
      calls: [book-shop]
      env: {{COLOUR: blue}}
      versions: {{v7: {{run: '{server(tmp_path)} hello', cwd: run}}}}
    book-shop:
"""
    async with started(tmp_path, text) as live:
        _, answer = await live.ask("web")
        env, version = answer["env"], live.mesh.state()["services"]["web"]["versions"]["v7"]
        assert f"127.0.0.1:{env['PORT']}" == version["workload"]
        assert (env["MESHLOOM_SERVICE"], env["MESHLOOM_VERSION"]) == ("web", "v7")
        assert env["COLOUR"] == "blue"
        assert env["PWD"] == str(tmp_path / "run")
        assert env["BOOK_SHOP_URL"] == f"http://{env['BOOK_SHOP_ADDR']}"
        assert env["BOOK_SHOP_ADDR"] == f"{env['BOOK_SHOP_HOST']}:{env['BOOK_SHOP_PORT']}"
        async with aiohttp.ClientSession() as session:
            status, called = await ask(session, env["BOOK_SHOP_URL"] + "/x")
        assert (status, called["service"]) == (200, "book-shop")


async def test_what_an_envoy_refuses_leaves_the_mesh_as_it_was_until_a_good_change(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, TWO) as live, traffic(live, "shop") as flow:
        await live.change(TWO + NO_RE2)
        refused = await live.until(Refused, lambda event: event.node == "ingress")
        assert refused.place == f"{live.file}:14:9"
        assert "invalid perl operator: (?!" in refused.text
        assert set(live.mesh.control.refused) == {"ingress", "web"}
        assert await flow.more() == {(200, "v1")}
        await live.change(TWO.replace("v1: 100, v2: 0", "v2: 100"))
        assert not live.mesh.control.refused
        assert await flow.more(but=20) == {(200, "v2")}
    assert flow.failed == []


async def test_nobody_ends_to_whom_a_refusing_envoy_may_still_send(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live, traffic(live, "shop") as flow:
        only_v2 = TWO.replace("v1: , v2:", "v2:").replace("v1: 100, v2: 0", "v2: 100")
        await live.change(only_v2 + NO_RE2)
        assert await flow.more() == {(200, "v1")}
        await live.change(only_v2)
        assert await flow.more(but=20) == {(200, "v2")}
        assert "shop-v1" not in live.mesh.state()["envoys"]
    assert flow.failed == []


async def test_a_start_with_a_refused_resource_fails_at_its_line(tmp_path: Path) -> None:
    async with opened(tmp_path) as live:
        with pytest.raises(
            DocumentError, match="mesh.yaml:14:9: NACK from .*invalid perl operator"
        ):
            await live.start(TWO + NO_RE2)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("echo boom; exit 3", "web: exited with 3 before it could listen on port [0-9]+\n  boom$"),
        ("kill -9 $$$$", "web: ended by SIGKILL before it could listen on port [0-9]+$"),
        ("/no/such", "web: exited with 127 before it could listen .*\n.*/no/such: not found$"),
    ],
)
async def test_a_start_with_a_command_that_dies_fails_at_its_line(
    tmp_path: Path, run: str, said: str
) -> None:
    async with opened(tmp_path) as live:
        with pytest.raises(DocumentError, match=f"mesh.yaml:1:19: {said}"):
            await live.start(ONE % run)
        assert not live.all(Exited)  # one message, not two


async def test_a_folder_that_is_not_there_is_an_error_at_the_workload(tmp_path: Path) -> None:
    async with opened(tmp_path) as live:
        gone = tmp_path / "gone"
        with pytest.raises(
            DocumentError, match=f"mesh.yaml:1:19: web: cannot start in '{gone}': No such file"
        ):
            await live.start("mesh: {services: {web: {run: 'true', cwd: gone}}}")


async def test_after_a_change_that_does_not_run_all_is_as_before(tmp_path: Path) -> None:
    run = server(tmp_path)
    text = f"mesh: {{services: {{a: {{run: '{run} old', calls: [b]}}, b: }}}}"
    worse = text.replace("old", "new").replace(", b: ", ", b: , c: {run: 'echo oops; exit 1'}")
    async with started(tmp_path, text) as live:
        before = live.mesh.state()
        with pytest.raises(DocumentError, match="c: exited with 1 before .*\n  oops"):
            await live.change(worse)
        assert live.mesh.state()["services"] == before["services"]
        assert live.mesh.state()["envoys"] == before["envoys"]
        await live.change(text + "\n# again")
        (_, a), (_, b) = await live.ask("a"), await live.ask("b")
        assert (a["said"], b["service"]) == ("old", "b")
        await live.change(worse.replace("echo oops; exit 1", f"{run} c"))
        assert [(await live.ask(name))[1]["said"] for name in "ac"] == ["new", "c"]
        assert not live.all(Exited)


async def test_a_killed_envoy_and_a_killed_echo_come_back_and_serve(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live:
        ingress = live.mesh.state()["envoys"]["ingress"]["pid"]
        os.kill(ingress, signal.SIGKILL)
        died = await live.until(Exited)
        assert (died.name, died.reason) == ("envoy:ingress", "ended by SIGKILL")
        assert died.again_in == pytest.approx(0.05)
        await live.until(Restarted)
        assert live.mesh.state()["envoys"]["ingress"]["pid"] != ingress
        echo = live.mesh._fleet.get(ECHO)
        assert echo is not None
        os.kill(echo.pid, signal.SIGKILL)
        await live.until(Restarted, lambda event: event.name == ECHO)
        assert await live.mesh._echo.problem() is None
        assert await _answers(live.url("web")) == 200


async def _answers(url: str) -> int:
    """The first status that is not 503: an Envoy takes a moment to be where it was."""
    async with aiohttp.ClientSession() as session:
        for _ in range(500):
            try:
                status, _ = await ask(session, url)
            except aiohttp.ClientError:
                continue
            if status != 503:
                return status
    return 503


async def test_a_workload_that_dies_is_told_with_its_last_lines_and_started_ever_slower(
    tmp_path: Path,
) -> None:
    run, once = server(tmp_path), tmp_path / "once"
    fragile = f"if [ -e {once} ]; then echo not again; exit 5; fi; touch {once}; {run} me"
    async with started(tmp_path, ONE % fragile) as live:
        _, answer = await live.ask("web")
        os.kill(answer["pid"], signal.SIGTERM)
        last = await live.until(Exited, lambda event: (event.again_in or 0) > 0.4)
        died = live.all(Exited)
        assert [event.reason for event in died] == ["ended by SIGTERM", *["exited with 5"] * 2]
        assert [event.again_in for event in died] == pytest.approx([0.05, 0.15, 0.45])
        assert last.last_lines == ("not again",)
        once.unlink()
        await live.until(Restarted, lambda event: len(live.all(Restarted)) == 3)
        assert await _answers(live.url("web")) == 200
        assert not live.mesh.failed


async def test_what_stays_down_is_started_again_by_the_next_change(tmp_path: Path) -> None:
    async with started(tmp_path, ONE % f"{server(tmp_path)} me") as live:
        live.mesh._fleet._members["web"].policy.attempts = 0
        _, answer = await live.ask("web")
        os.kill(answer["pid"], signal.SIGKILL)
        died = await live.until(Exited)
        assert (died.again_in, live.mesh.failed) == (None, {"web"})
        await live.change(live.file.read_text())
        assert live.mesh.failed == set()
        assert await _answers(live.url("web")) == 200


async def test_one_envoy_for_all_answers_as_many_do(tmp_path: Path) -> None:
    async with started(tmp_path, TWO.replace("mesh:", "mesh:\n  dataplane: node", 1)) as live:
        assert list(live.mesh.state()["envoys"]) == ["node"]
        status, answer = await live.ask("web")
        assert (status, answer["calls"][0]["answer"]["version"]) == (200, "v1")
        await live.change(live.file.read_text().replace("v1: 100, v2: 0", "v2: 100"))
        _, answer = await live.ask("web")
        assert answer["calls"][0]["answer"]["version"] == "v2"
        assert [event.nodes for event in live.all(InEffect)] == [1, 1]


@pytest.mark.parametrize("port", ["", "port: {}, "])
async def test_a_command_takes_over_from_the_echo_and_gives_it_back(
    tmp_path: Path, port: str
) -> None:
    with Ports() as ports:
        asked = port.format(ports.take())
    echo = f"mesh: {{services: {{web: {{{asked}ingress: true}}}}}}"
    command = echo.replace("ingress", f"run: '{server(tmp_path)} me', ingress")
    async with started(tmp_path, echo) as live:
        await live.change(command)
        assert (await live.ask("web"))[1]["said"] == "me"
        await live.change(echo)
        assert (await live.ask("web"))[1]["service"] == "web"
        assert not live.all(Exited)


async def test_a_service_may_learn_another_protocol(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live:
        await live.change(TWO.replace("shop: {", "shop: {protocol: grpc, "))
        (call,) = (await live.ask("web"))[1]["calls"]
        assert (call["status"], call["answer"]["service"]) == (0, "shop")
        await live.change(TWO)
        (call,) = (await live.ask("web"))[1]["calls"]
        assert (call["status"], call["answer"]["service"]) == (200, "shop")


async def test_a_port_that_nothing_has_any_more_is_free_again(tmp_path: Path) -> None:
    with Ports() as ports:
        one, two = ports.take(), ports.take()
    at = "mesh: {services: {web: {ingress: %d}%s}}"
    async with started(tmp_path, at % (one, "")) as live:
        taken, said = socket.create_server(("127.0.0.1", two)), f":1:34: port {two} is in use by"
        with taken, pytest.raises(DocumentError, match=said):
            await live.change(at % (two, ""))
        await live.change(at % (two, ""))
        assert await _answers(f"http://127.0.0.1:{two}/") == 200
        await live.change(at % (one, ""))
        assert await _answers(f"http://127.0.0.1:{one}/") == 200
        await live.change(at % (one, f", shop: {{port: {two}}}"))
        assert (await live.ask("shop"))[0] == 200


async def test_another_name_starts_nothing_anew(tmp_path: Path) -> None:
    async with started(tmp_path, TWO) as live:
        before = live.mesh.state()["envoys"]
        await live.change("name: other\n" + TWO)
        assert (live.mesh.state()["name"], live.mesh.state()["envoys"]) == ("other", before)
