from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.draft import Fault, Target
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh: {services: {page: {calls: [web]}, web: {versions: {v1: , v2: }}}}
patterns:
"""


@pytest.mark.parametrize(
    ("where", "edges", "workloads"),
    [
        ("on: page -> web", [("page", "web")], []),
        ("on: web", [], [Target("web")]),
        ("on: web/v2", [], [Target("web", "v2")]),
        ("on: page -> web, side: service", [], [Target("web")]),
        ("on: web, side: caller", [("page", "web"), ("client", "web")], []),
    ],
)
def test_a_fault_stands_where_it_says_or_where_its_selector_points(
    read: Read, where: str, edges: list[tuple[str, str]], workloads: list[Target]
) -> None:
    draft = read(f"{MESH}- {{pattern: fault, {where}, abort: {{status: 500}}}}")
    assert [each.edge for each in draft.filters if each.edge] == edges
    assert [each.inbound for each in draft.filters if each.inbound] == workloads
    assert {each.kind for each in draft.filters} == {"fault"}


def test_a_fault_is_what_the_file_says(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: fault, on: web, when: {{headers: {{End-User: jason}}}}, "
        "delay: {fixed: 7s, percent: 50%}, abort: {grpc_status: 14}}"
    )
    assert draft.filters[0].config == Fault(
        delay=timedelta(seconds=7),
        delay_percent=50,
        abort_grpc_status=14,
        headers=(("end-user", StringMatch("exact", "jason")),),
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("", "3:3: expected delay, abort, response_rate_limit or by_header"),
        ("delay: {}", "3:36: 'fixed' is missing"),
        ("delay: {fixed: 7}", "3:44: fixed: expected a duration such as 250ms, 2s or 1m30s, got 7"),
        ("abort: {}", "3:36: abort: expected one of status and grpc_status"),
        ("abort: {status: 500, grpc_status: 2}", "3:36: abort: expected one of status and grpc"),
        ("abort: {status: 199}", "3:45: status: input should be greater than or equal to 200"),
        ("abort: {grpc_status: 17}", "3:50: grpc_status: input should be less than or equal to 16"),
        ("abort: {status: 500, percent: 101}", "3:59: percent: a percentage lies between 0 and"),
    ],
)
def test_what_no_fault_can_be_is_refused(refusal: Refusal, fault: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: fault, on: web, {fault}}}").startswith(told)
