"""How long the doctor takes over routes, and a diff over a large config, without any Envoy.

    .venv/bin/python -m bench.debugger.doctor

Prints medians of ``ROUNDS``, milliseconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from debugger.configs.difference import Compared, differences
from debugger.configs.pushed import Pushed
from debugger.doctor.checks import OF_CONFIG, examine
from debugger.doctor.picture import Node, Picture
from xds_server.clients.dump import Held
from xds_server.resource import ResourceType

ROUNDS = 9
SIZE = 1_000


def median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1_000)
    return statistics.median(times)


def table() -> Pushed:
    """A virtual host none of whose routes takes all of another, so all pairs are looked at."""
    routes = [
        {
            "match": {"prefix": f"/{at}/", "headers": [{"name": "a", "present_match": True}]},
            "route": {"cluster": f"c{at}"},
        }
        for at in range(SIZE)
    ]
    content = {"name": "r", "virtual_hosts": [{"name": "h", "domains": ["*"], "routes": routes}]}
    return Pushed(ResourceType.ROUTE, "r", "1", "1", "1", {"1": content}, {"1": {}})


def clusters() -> tuple[list[Pushed], list[Held]]:
    contents = [
        {"name": f"c{at}", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}}}
        for at in range(SIZE)
    ]
    kind = ResourceType.CLUSTER
    pushed = [
        Pushed(kind, str(each["name"]), "1", "1", "1", {"1": each}, {"1": {}}) for each in contents
    ]
    return pushed, [Held(kind, str(each["name"]), "active", each) for each in contents]


def main() -> None:
    picture = Picture((Node("e", pushed=(table(),)),))
    told = examine(picture, OF_CONFIG)
    print(f"{SIZE} routes, all pairs: {median(lambda: examine(picture, OF_CONFIG)):.0f} ms", told)
    pushed, held = clusters()
    of = Compared(pushed, {ResourceType.CLUSTER: held})
    print(f"{SIZE} clusters compared in four stages: {median(lambda: [*differences(of)]):.0f} ms")


if __name__ == "__main__":
    main()
