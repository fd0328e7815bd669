from __future__ import annotations

from pathlib import Path

import pytest

from mesh_yaml.place import DocumentError
from tests.debugger.routing.checks.shop import asked


@pytest.mark.parametrize(
    ("line", "entry", "host"),
    [
        ("{from: page, to: reviews, status: 200}", "outbound-page", "reviews"),
        ("{to: reviews, status: 200}", "outbound-client", "reviews"),
        ("{to: page, status: 200}", "ingress-8080", "shop.example"),
        ("{from: client, to: page, status: 200}", "outbound-client", "page"),
        ("{status: 200}", "ingress-8080", "127.0.0.1:8080"),
        ("{port: 8080, host: x, status: 200}", "ingress-8080", "x"),
        ("{from: client, host: page:80, status: 200}", "outbound-client", "page:80"),
    ],
)
def test_a_request_goes_in_where_its_sender_would(
    tmp_path: Path, line: str, entry: str, host: str
) -> None:
    (check,) = asked(tmp_path, line)
    assert (check.entry.name, check.request.authority) == (entry, host)


def test_a_list_is_a_header_that_repeats(tmp_path: Path) -> None:
    (check,) = asked(tmp_path, "{to: page, status: 200, headers: {x: [a, b], y: 1}}")
    assert check.request.headers.fields == (("x", "a"), ("x", "b"), ("y", "1"))


def test_clusters_are_called_as_in_patterns(tmp_path: Path) -> None:
    by_version, by_cluster, share = asked(
        tmp_path,
        "{from: page, to: reviews, version: v2}",
        "{from: page, to: reviews, cluster: reviews}",
        "{from: page, to: reviews, share: {v1: 90, reviews/v2: 10%}}",
    )
    assert (by_version.cluster, by_cluster.cluster) == ("reviews/v2", "reviews")
    assert list(share.shares) == ["reviews/v1", "reviews/v2"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{to: rviews, status: 200}", "2:10: no service 'rviews'; did you mean 'reviews'?"),
        ("{to: reviews, version: v9}", "2:28: 'reviews' has no version 'v9'"),
        ("{from: idle, to: page, status: 200}", "2:12: 'idle' calls nobody; give it 'calls'"),
        ("{from: greeter, to: adder, status: 200}", "2:12: 'greeter' has no Envoy"),
        ("{from: page, to: idle, status: 200}", "2:22: 'page' does not call 'idle'"),
        ("{from: page, status: 200}", "2:5: say which service ('to') or 'host' it goes to"),
        ("{port: 80, status: 200}", "2:12: no ingress at port 80; there is 8080"),
        ("{from: page, to: reviews, port: 80, status: 200}", "2:37: only the ingress has ports"),
    ],
)
def test_what_is_not_there_is_said_at_its_place(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        asked(tmp_path, line)
    assert f"routes.yaml:{complaint}" in str(caught.value)
