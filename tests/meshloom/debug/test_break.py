"""``meshloom debug break`` as a process of its own, on a mesh that is up."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.meshloom.command import MESHLOOM, PATIENCE, Answer, get, inside, up, write


class Break:
    """A ``debug break`` that reads commands from a pipe, and what it says, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line())
        return found

    def say(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()


@contextmanager
def breaking(*arguments: str) -> Iterator[Break]:
    pipe = subprocess.PIPE
    command = [*MESHLOOM, "debug", "break", *arguments]
    killer = threading.Timer(PATIENCE, lambda: process.kill())
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        killer.start()
        try:
            yield Break(process)
        finally:
            killer.cancel()
            process.kill()


@pytest.fixture
def asking(demo: dict[str, Any]) -> Iterator[Any]:
    """Asks the mesh's ingress, in a thread."""
    with ThreadPoolExecutor(2) as threads:

        def ask(**headers: str) -> Future[Answer]:
            return threads.submit(get, f"{demo['ingress']}/productpage", **headers)

        yield ask


def test_a_request_is_held_changed_and_let_go(asking: Any) -> None:
    with breaking("reviews when header x-who == me", "--once") as here:
        assert here.line() == (
            "waiting at reviews (3 Envoys), request headers, fail-open, lease 10 min"
        )
        answer = asking(x_who="me")
        held = here.line()
        assert held.startswith("● held ")
        assert "GET /productpage from " in held
        assert held.endswith("   request headers")
        assert here.line().endswith("has held all that it was to hold")
        here.say("set x-plan: team", "headers", "step")
        assert here.line() == "+ x-plan: team"
        shown = [here.line() for _ in range(5)]
        assert "  :authority: reviews" in shown
        while "response headers" not in (line := here.line()):
            assert line[:2] in ("  ", "* ")
        assert " → 200 from " in line
        here.say("status 201", "continue")
        assert answer.result().status == 200
        assert here.process.wait(PATIENCE) == 0
    calls = answer.result().json["calls"]
    assert [one["status"] for one in calls if one["service"] == "reviews"] == [201]


def test_with_json_events_are_lines_and_errors_are_events(asking: Any) -> None:
    with breaking("ingress when header x-who == json", "--json") as here:
        made = here.event()
        assert (made["event"], made["at"], made["nodes"]) == ("breakpoint", "ingress", ["ingress"])
        answer = asking(x_who="json")
        held = here.event()
        assert (held["event"], held["phase"]) == ("held", "request headers")
        assert held["exchange"]["request"]["path"] == "/productpage"
        here.say("set content-length: 3", "continue")
        assert "the body says how long it is" in here.event()["message"]
        here.say("undo", "abort 418 no")
        assert here.event()["event"] == "released"
        assert (answer.result().status, answer.result().text) == (418, "no")
        here.process.send_signal(signal.SIGINT)
        assert here.process.wait(PATIENCE) == 0


def test_other_shells_see_what_is_held_and_let_it_go(asking: Any) -> None:
    with breaking("ingress when header x-who == shell", "--json") as here:
        here.event()
        answer = asking(x_who="shell")
        name = here.event()["id"]
        told = inside("debug", "holds")
        assert "ingress when header x-who == shell   request headers, fail-open" in told.out
        assert f"● held {name}  GET /productpage" in told.out
        assert [one["id"] for one in inside("debug", "holds", "--json").events[0]["holds"]] == [
            name
        ]
        done = inside("debug", "step", name, "--set", "x-new=1", "--remove", "x-who")
        assert (done.code, done.out) == (0, "")
        assert here.event()["how"] == "step"
        name = here.event()["id"]
        done = inside("debug", "continue", name, "--body", "instead", "--set", ":status=202")
        assert done.code == 0
        assert (answer.result().status, answer.result().text) == (202, "instead")
        again = inside("debug", "abort", name)
        assert again.code == 2
        assert again.err.startswith(f"meshloom debug: no request '{name}' is held")


def test_what_is_held_goes_on_when_its_command_is_killed(asking: Any) -> None:
    with breaking("ingress when header x-who == killed") as here:
        here.line()
        answer = asking(x_who="killed")
        here.line()
        here.process.kill()
        assert answer.result().status == 200


def test_a_mesh_that_is_killed_while_it_holds_is_told(alone: None, tmp_path: Path) -> None:
    file = write(tmp_path, "mesh: {services: {web: {ingress: true}}}\n")
    with up(file, "--no-store") as mesh, ThreadPoolExecutor(1) as threads:
        url = mesh.ready()["ingress"]
        with breaking("ingress") as here:
            here.line()
            answer = threads.submit(get, url)
            assert here.line().startswith("● held ")
            mesh.process.kill()
            assert here.process.wait(PATIENCE) == 0
            assert here.process.stderr is not None
            assert here.process.stderr.read() == "the mesh has ended\n"
        # fail-open: it may have gone on before its Envoys ended, too
        assert wait({answer}, PATIENCE).done


def test_a_terminal_has_a_prompt_that_completes(asking: Any) -> None:
    ours, theirs = pty.openpty()
    command = [*MESHLOOM, "debug", "break", "ingress when header x-who == tty", "--once"]
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        os.close(theirs)
        seen = _until(ours, b"(debug)")
        answer = asking(x_who="tty")
        seen = _until(ours, b"(debug ")
        assert "● held".encode() in seen
        os.write(ours, b"set x-me: 1\r")
        _until(ours, b"+ x-me: 1")
        os.write(ours, b"cont\t")
        _until(ours, b"inue")
        os.write(ours, b"\r")
        assert answer.result().status == 200
        killer.cancel()
        assert process.wait(PATIENCE) == 0
    os.close(ours)


def _until(number: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += os.read(number, 4096)
    return seen


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["rewiews"], "unknown service 'rewiews'; did you mean 'reviews'?"),
        (["reviews when status == x"], "'x' is no whole number"),
        (["reviews", "--lease", "2h"], "a lease of 7200 s, wanted more than 0 and at most 59 min"),
        (["reviews", "--lease", "soon"], "Invalid value for --lease"),
        (["reviews", "--once", "--limit", "3"], "Invalid value for --limit: --once is --limit 1"),
        (["reviews/v9"], "no Envoy is there to hold requests at: reviews/v9"),
    ],
)
def test_what_makes_no_sense_is_bad_input(
    demo: dict[str, Any], arguments: list[str], why: str
) -> None:
    done = inside("debug", "break", *arguments)
    assert done.code == 2
    assert why in done.err


def test_without_a_mesh_there_is_nothing_to_hold(alone: None) -> None:
    done = inside("debug", "break", "reviews")
    assert done.code == 2
    assert "no mesh" in done.err
