"""Two meshes in two processes: a service of one is one of the other, and goes when it goes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from meshloom.state import running
from mini_mesh.ports import Ports
from tests.meshloom.command import PATIENCE, Up, get, inside, up, write


def free() -> int:
    ports = Ports()
    port = ports.take()
    ports.release(port)
    return port


OWNER = """
name: shop
mesh:
  services:
    api: {ingress: true}
"""
MORE = OWNER + "    db: {ingress: {hosts: [db.test]}}\n"
CONSUMER = """
name: office
mesh:
  services:
    web: {}
"""


def answers(mesh: Up, name: str) -> bool:
    """Whether the mesh has a service of that name, and it answers as itself."""
    state = next((it.state for it in running() if it.pid == mesh.process.pid), {"services": {}})
    if name not in state["services"]:
        return False
    try:
        got = get(state["services"][name]["url"] + "/x")
    except OSError:
        return False
    return got.status == 200 and got.json["service"] == name


def takes(mesh: Up, name: str, there: bool, seconds: float = PATIENCE) -> float:
    """How long it took until a service answered, or did not any more."""
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        if answers(mesh, name) == there:
            return time.monotonic() - start
        time.sleep(0.01)
    raise AssertionError(f"{name}: {mesh.seen}")


def test_a_service_comes_and_goes_within_a_second(tmp_path: Path) -> None:
    at = f"127.0.0.1:{free()}"
    shop, office = write(tmp_path, OWNER, "shop.yaml"), write(tmp_path, CONSUMER, "office.yaml")
    with up(shop, "--publish", at, "--no-store") as owner:
        owner.until("federated", text=f"publishes at {at}")
        with up(office, "--federate", at, "--no-store") as consumer:
            consumer.ready()
            takes(consumer, "api", True)
            shop.write_text(MORE)
            came = takes(consumer, "db", True)
            shop.write_text(OWNER)
            went = takes(consumer, "db", False)
            # 1 s each is what is wanted; twice that for a machine that is busy
            assert (came < 2.0, went < 2.0) == (True, True), (came, went)
            print(f"came after {came:.2f} s, went after {went:.2f} s")
            owner.stop()
            takes(consumer, "api", False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--publish", "0.0.0.0:1"), "is not of the loopback interface"),
        (("--publish", "here"), "expected HOST:PORT"),
        (("--federate", "example.com:80"), "is not of the loopback interface"),
        (("--export", "api"), "wanted --publish, too"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], says: str) -> None:
    done = inside("up", *arguments)
    assert done.code == 2
    assert says in " ".join(done.err.replace("│", " ").split())


def test_what_is_exported_must_be_there(tmp_path: Path) -> None:
    file = write(tmp_path, OWNER)
    with up(file, "--publish", "127.0.0.1:0", "--export", "apo", "--no-store") as mesh:
        done = mesh.end()
    assert done.code == 2
    assert "no service 'apo'; did you mean 'api'?" in done.err
