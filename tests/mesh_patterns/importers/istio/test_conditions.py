from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.policy import Access
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.importers.istio.test_accesses import policy

Import = Callable[..., Draft]


def access(imported: Import, when: str) -> Access:
    draft = imported(service("a"), service("b", "far"), policy(f"{{when: [{when}]}}"))
    (found,) = draft.filters[0].config.rules
    assert isinstance(found, Access)
    return found


@pytest.mark.parametrize(
    ("when", "meaning"),
    [
        ("{key: source.ip, values: [10.0.0.0/8]}", Access(ip_blocks=("10.0.0.0/8",))),
        (
            "{key: remote.ip, notValues: [10.0.0.1]}",
            Access(none_of=Access(remote_ip_blocks=("10.0.0.1/32",))),
        ),
        ("{key: source.namespace, values: [far]}", Access(principals=("spiffe://1/b",))),
        (
            "{key: source.principal, notValues: ['*/sa/a-account']}",
            Access(none_of=Access(principals=("spiffe://1/a",))),
        ),
        ("{key: destination.port, values: ['8080']}", Access()),
        (
            "{key: 'request.headers[X-A]', values: ['*']}",
            Access(headers=(("x-a", StringMatch("present")),)),
        ),
        (
            "{key: 'request.headers[X-A]', notValues: ['*']}",
            Access(headers=(("x-a", StringMatch("present", invert=True)),)),
        ),
        (
            "{key: 'request.headers[x-a]', notValues: [a.b, 'c*', '*d']}",
            Access(headers=(("x-a", StringMatch("regex", r"a\.b|c.*|.*d", invert=True)),)),
        ),
    ],
)
def test_a_condition_is_what_it_says(imported: Import, when: str, meaning: Any) -> None:
    assert access(imported, when) == meaning


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("{values: [a]}", "a condition has no 'key'"),
        ("{key: source.ip}", "a condition has neither 'values' nor 'notValues'"),
    ],
)
def test_a_condition_of_nothing_is_refused(
    refusal: Callable[..., str], when: str, told: str
) -> None:
    assert told in refusal(service("a"), policy(f"{{when: [{when}]}}"))
