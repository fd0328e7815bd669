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
FAR, HERE = "spiffe://1/b", "spiffe://1/a"


@pytest.mark.parametrize(
    ("rule", "meaning"),
    [
        (
            "from: [{source: {namespaces: [far], serviceAccounts: [far/b-account]}}]",
            Access(principals=(FAR,)),
        ),
        (
            "from: [{source: {principals: ['*'], notNamespaces: [far]}}]",
            Access(principals=("*",), none_of=Access(principals=(FAR,))),
        ),
        (
            "from: [{source: {notServiceAccounts: [a-account], notIpBlocks: [10.0.0.0/8]}}]",
            Access(none_of=Access(principals=(HERE,), ip_blocks=("10.0.0.0/8",))),
        ),
        (
            "to: [{operation: {hosts: ['*'], notMethods: ['P*']}}]",
            Access(
                hosts=(StringMatch("present"),),
                none_of=Access(methods=(StringMatch("prefix", "P"),)),
            ),
        ),
        (
            "to: [{operation: {paths: ['*', '*.js', '/a/{*}', '/b/{**}/c.d'], notPorts: ['9']}}]",
            Access(
                paths=(
                    StringMatch("prefix", "/"),
                    StringMatch("suffix", ".js"),
                    StringMatch("regex", "/a/[^/]+"),
                    StringMatch("regex", r"/b/.*/c\.d"),
                )
            ),
        ),
    ],
)
def test_sources_and_operations_are_what_they_say(
    imported: Import, rule: str, meaning: Any
) -> None:
    draft = imported(service("a"), service("b", "far"), policy(f"{{{rule}}}"))
    assert draft.filters[0].config.rules == (meaning,)
