"""A mesh's traffic as pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from debugger.traffic.flow import Flow
from debugger.traffic.graph import NOTATIONS, Graph, dot, mermaid, svg, tree

TIMES = {3.0: (0.1, 10)}
FLOWS = [
    Flow("ingress", "ingress", "client", 10, 0, "web", "", TIMES),
    Flow("web-1", "web", "client", 4, 0, "api", "v1", TIMES),
    Flow("web-2", "web", "client", 5, 1, "api", "v1", TIMES),
    Flow("web-1", "web", "client", 1, 0, "api", "v2"),
    Flow("api-v1", "api", "client", 9, 0, "db", "", TIMES),
    Flow("web-1", "web", "server", 10, 0),
]


def test_instances_of_a_service_are_one() -> None:
    graph = Graph.of(FLOWS)
    assert [(it.source, it.name, it.total, it.failed) for it in graph.arrows] == [
        ("ingress", "web", 10, 0),
        ("web", "api v1", 9, 1),
        ("web", "api v2", 1, 0),
        ("api", "db", 9, 0),
    ]
    assert graph.levels() == [["ingress"], ["web"], ["api"], ["db"]]


def test_as_a_tree() -> None:
    assert list(tree(Graph.of(FLOWS))) == [
        "ingress",
        "└─ web   10   p50 3 ms   p99 3 ms",
        "   ├─ api v1   9   p50 3 ms   p99 3 ms   1 failed",
        "   │  └─ db   9   p50 3 ms   p99 3 ms",
        "   └─ api v2   1   p50 0 ms   p99 0 ms   ↑",
    ]


def test_a_ring_ends() -> None:
    ring = [Flow(a, a, "client", 1, 0, b) for a, b in ("ab", "bc", "ca")]
    assert len(list(tree(Graph.of(ring)))) == 4
    assert Graph.of(ring).levels() == [["a"], ["b"], ["c"]]


def test_names_do_not_break_out() -> None:
    odd = Graph.of([Flow("a", 'a"<b>\\', "client", 1, 0, "c&d")])
    assert 'n0["a#quot;#lt;b>' in "\n".join(mermaid(odd))
    assert '"a\\"<b>\\\\" -> "c&d"' in "\n".join(dot(odd))
    ElementTree.fromstring("\n".join(svg(odd)))


def test_the_picture_has_all_of_it() -> None:
    texts = [each.text for each in ElementTree.fromstring("\n".join(svg(Graph.of(FLOWS)))).iter()]
    assert "v1 9   p50 3 ms   p99 3 ms   1 failed" in texts
    assert "db" in texts


@pytest.mark.parametrize("notation", NOTATIONS)
def test_nothing_is_no_error(notation: str) -> None:
    list(NOTATIONS[notation](Graph(())))
    assert Graph(()).plain() == {"services": [], "edges": []}
