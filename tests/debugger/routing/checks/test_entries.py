from __future__ import annotations

from pathlib import Path

from debugger.routing.checks.entries import manager_of
from tests.debugger.routing.checks.shop import shop
from xds_server.mirror import serialize
from xds_server.protos import listener


def test_there_is_one_for_each_caller_and_port(tmp_path: Path) -> None:
    _, found = shop(tmp_path)
    assert [(entry.node, entry.name, entry.caller) for entry in found] == [
        ("page", "outbound-page", "page"),
        ("ingress", "outbound-client", "client"),
        ("ingress", "ingress-8080", "ingress"),
    ]
    assert found[2].port == 8080


def test_its_manager_is_told_what_its_listener_says(tmp_path: Path) -> None:
    _, (page, _, ingress) = shop(tmp_path)
    assert page.manager.normalize_path
    assert not page.manager.use_remote_address
    assert ingress.manager.use_remote_address


def test_a_listener_without_http_has_no_manager() -> None:
    assert manager_of(serialize(listener.Listener(name="x"))) is None
