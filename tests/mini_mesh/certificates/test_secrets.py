from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mini_mesh.certificates.authority import Authority
from mini_mesh.certificates.secrets import Secrets, spiffe_id
from xds_server.resource import ResourceType

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_each_node_has_its_own_certificate_under_two_names_and_trusts_one_root() -> None:
    clock = Clock()
    holders = {"web-1": spiffe_id("d", "web"), "api-1": spiffe_id("d", "ns/a/sa/api")}
    secrets = Secrets(Authority.new("d", clock), "d", holders, HOUR, clock)
    found = {
        node: snapshot.resources(ResourceType.SECRET) for node, snapshot in secrets.issue().items()
    }
    assert set(found["web-1"]) == {"default", "spiffe://d/web", "ROOTCA", "spiffe://d"}
    assert set(found["api-1"]) == {"default", "spiffe://d/ns/a/sa/api", "ROOTCA", "spiffe://d"}
    assert found["web-1"]["ROOTCA"].body == found["api-1"]["ROOTCA"].body
    assert found["web-1"]["default"].body != found["api-1"]["default"].body


def test_they_are_due_after_two_thirds_of_their_life() -> None:
    clock = Clock()
    secrets = Secrets(Authority.new("d", clock), "d", {"a": "spiffe://d/a"}, HOUR, clock)
    before = secrets.issue()
    assert secrets.due_in() == pytest.approx(2400)
    clock.now += timedelta(minutes=40)
    assert secrets.due_in() == 0
    after = secrets.issue()
    names = [snapshot.resources(ResourceType.SECRET) for snapshot in (before["a"], after["a"])]
    assert names[0]["default"].body != names[1]["default"].body
    assert names[0]["ROOTCA"].body == names[1]["ROOTCA"].body


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "a/../b", "a b", "a%20", "x" * 3000])
def test_what_is_no_spiffe_id_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a path such as ns/shop/web"):
        spiffe_id("d", path)
