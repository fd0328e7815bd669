"""Which hosts take over: as Envoy does it, and what can't be said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.mesh_patterns.conftest import Read, Refusal
from tests.mesh_patterns.running import running

MESH = """
mesh:
  dataplane: node
  services:
    web: {calls: [shop]}
    shop: {versions: {near: {locality: eu/1}, far: {locality: us/1}}}
patterns:
"""
ORDER = "  - {pattern: failover, on: shop, order: [near]}\n"
JUDGE = """
  - {pattern: outlier_detection, on: shop, consecutive_5xx: 1, base_ejection_time: 30s,
     max_ejection_percent: 100}
"""


async def test_the_next_hosts_are_asked_when_the_first_are_out(tmp_path: Path) -> None:
    async with running(MESH + ORDER + JUDGE, tmp_path) as mesh:
        first = [await mesh.get("shop") for _ in range(6)]
        assert {each.instance for each in first} == {"shop-near"}
        failed = await mesh.get("shop", headers={"x-answer": "503"})
        assert failed.status == 503
        await asyncio.sleep(0.1)
        then = [await mesh.get("shop") for _ in range(6)]
        assert {each.instance for each in then} == {"shop-far"}


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("on: shop", "say either the 'order' of versions, or 'prefer: local', or who else"),
        ("on: shop, order: [near], prefer: local", "say either"),
        ("on: shop, order: [nar]", "'shop' has no version 'nar'"),
        ("on: shop, order: [web]", "expected a version of 'shop', got 'web'"),
        ("on: shop, order: ['near#1']", "expected a version of 'shop', got 'near#1'"),
        ("on: shop, order: [near], overprovisioning: 0.5", "1"),
    ],
)
def test_what_it_can_not_be(refusal: Refusal, pattern: str, told: str) -> None:
    assert told in refusal(MESH + f"  - {{pattern: failover, {pattern}}}\n")


def test_somebody_has_to_judge_who_is_well(read: Read) -> None:
    told = [str(each) for each in read(MESH + ORDER).warnings]
    assert any("nobody judges which hosts are well" in each for each in told)
    assert not read(MESH + ORDER + JUDGE).warnings
