import os
import socket
import sys
from pathlib import Path

import pytest

from mini_mesh.ports import LOOPBACK, PortInUse, Ports


def _listen(port: int = 0, *, reuse: bool = True) -> socket.socket:
    listener = socket.socket()
    if reuse:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen()
    return listener


def test_two_hundred_ports_are_all_different() -> None:
    with Ports() as ports:
        assert len({ports.take() for _ in range(200)}) == 200


def test_ports_from_a_base_are_the_same_at_every_start() -> None:
    base = 15_000 + os.getpid() * 16 % 15_000  # below the ports of outgoing connections
    with Ports(base) as ports:
        first = [ports.take(base + 1), ports.take(), ports.take()]
    assert first == [base + 1, base, base + 2]


def test_a_port_that_is_listened_on_is_refused_and_its_holder_named() -> None:
    with _listen() as listener, Ports() as ports:
        port = listener.getsockname()[1]
        with pytest.raises(PortInUse) as refused:
            ports.take(port)
    assert refused.value.port == port
    if sys.platform == "linux":
        name = Path("/proc/self/comm").read_text().strip()
        assert str(refused.value) == f"port {port} is in use by {name} (pid {os.getpid()})"


def test_a_port_is_not_given_twice_in_one_mesh() -> None:
    with Ports() as ports:
        port = ports.take()
        with pytest.raises(PortInUse, match=f"^port {port} is in use twice in this mesh$"):
            ports.take(port)


def test_a_number_that_is_no_port_is_refused() -> None:
    with Ports() as ports, pytest.raises(PortInUse, match="^port 70000 is in use"):
        ports.take(70000)


def test_an_owner_that_reuses_addresses_listens_beside_its_reservation() -> None:
    with Ports() as ports:
        port = ports.take()
        ports.hand_over(port)
        with _listen(port), socket.create_connection((LOOPBACK, port), timeout=1):
            pass


def test_a_released_port_can_be_bound_by_anybody() -> None:
    with Ports() as ports:
        port = ports.take()
        ports.release(port)
        _listen(port, reuse=False).close()
