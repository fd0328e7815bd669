"""A listener that raises: its caller gets the exception, and no half-run VM is called again."""

from __future__ import annotations

from typing import NoReturn

import pytest

from mesh_traffic import Request
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.errors import GuestStopped, HostFailed
from wasm_filters.filter import Filter
from wasm_filters.hostcalls import Hostcall
from wasm_filters.module import Module
from wasm_filters.state.host import Host
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

GET = Call("proxy_get_header_map_value", [0, b":path", Out.TEXT])


class Broken(Trace):
    """Raises where it is told to."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def _maybe(self, where: str, host: Host) -> None:
        if where == self.at and host.calling != "proxy_on_vm_start":
            raise ZeroDivisionError(where)

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        self._maybe("called", host)

    def returned(self, name: str, result: int | None, host: Host) -> None:
        self._maybe("returned", host)

    def stopped(self, name: str, failure: GuestStopped, host: Host) -> None:
        self._maybe("stopped", host)

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        self._maybe("hostcall", host)

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        self._maybe("answered", host)


@pytest.mark.parametrize("where", ["called", "hostcall", "answered", "returned"])
def test_the_caller_gets_the_exception_and_the_vm_is_dead(where: str) -> None:
    worker = Worker(listener=Broken(where))
    filter_ = Filter(Module.of(Script({"proxy_on_request_headers": [GET]}).code()), worker=worker)
    with pytest.raises(ZeroDivisionError, match=where):
        filter_.handle(Request())
    worker.listen(None)
    outcome = filter_.handle(Request())
    assert outcome.status == 503
    assert isinstance(outcome.failure, HostFailed)
    assert str(outcome.failure) == (
        f"proxy_on_request_headers: the host failed: ZeroDivisionError('{where}')"
    )
    assert (filter_.plugin.host.calling, len(filter_.plugin.host.actions)) == ("", 0)


def test_a_listener_that_raises_at_a_trap_hides_it_from_nobody() -> None:
    worker = Worker(listener=Broken("stopped"))
    code = Script({"proxy_on_request_headers": ["(unreachable)"]}).code()
    filter_ = Filter(Module.of(code), worker=worker)
    with pytest.raises(ZeroDivisionError):
        filter_.handle(Request())
    assert "proxy_on_request_headers: trapped" in str(filter_.plugin.machine.failure)


def test_an_upstream_that_raises_breaks_no_vm() -> None:
    def broken(request: Request) -> NoReturn:
        raise ZeroDivisionError

    filter_ = Filter(Module.of(Script({"proxy_on_request_headers": [GET]}).code()))
    with pytest.raises(ZeroDivisionError):
        filter_.handle(Request(), broken)
    assert filter_.handle(Request()).status == 200
