from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import Imported, http_filter, of_filters

ALWAYS = {"default_value": {"numerator": 100}}


def of(bucket: dict[str, Any], **more: Any) -> Imported:
    fields = {"filter_enabled": ALWAYS, "filter_enforced": ALWAYS, **more}
    kind = "local_ratelimit.v3.LocalRateLimit"
    return of_filters(http_filter(kind, stat_prefix="x", token_bucket=bucket, **fields))


@pytest.mark.parametrize(
    ("bucket", "ours"),
    [
        ({"max_tokens": 10, "tokens_per_fill": 10, "fill_interval": "60s"}, {"limit": "10/60s"}),
        ({"max_tokens": 5, "fill_interval": "1s"}, {"limit": "1/1s", "burst": 5}),
    ],
)
def test_a_bucket_is_a_limit(bucket: dict[str, Any], ours: dict[str, Any]) -> None:
    assert of(bucket).patterns("rate_limit") == [{"on": "ingress -> backend", **ours}]


def test_one_that_refuses_nobody_counts() -> None:
    found = of({"max_tokens": 1, "fill_interval": "1s"}, filter_enforced=None)
    assert found.patterns("rate_limit") == [
        {"on": "ingress -> backend", "limit": "1/1s", "shadow": True}
    ]


def test_one_that_looks_at_nobody_is_told() -> None:
    """Which is what Envoy does where nothing is said."""
    found = of({"max_tokens": 1, "fill_interval": "1s"}, filter_enabled=None)
    assert [each for each in found.notes if "which does nothing" in each]


def test_descriptors_are_taken_as_they_are() -> None:
    more = {"descriptors": [{"entries": [{"key": "a", "value": "b"}]}]}
    found = of({"max_tokens": 1, "fill_interval": "1s"}, **more)
    assert (found.patterns("rate_limit"), len(found.patterns("envoy_filter"))) == ([], 1)
