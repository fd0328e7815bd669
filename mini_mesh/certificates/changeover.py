"""From plaintext to mutual TLS and back while requests are on their way, and none is lost.

Callers and workloads are told by different Envoys' streams, so one of them knows first. Between
what was and what is to be, workloads take both: first they alone are told, then everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity, secured
from mesh_patterns.placement import Placement
from xds_server.snapshot import Snapshot


def turned(old: Draft, new: Draft) -> frozenset[str]:
    """The services whose callers came in plaintext and are to come with certificates, or back.

    Not those without an Envoy, before or after: gRPC takes one or the other.
    """
    both = old.mesh.services.keys() & new.mesh.services.keys()
    return frozenset(
        name
        for name in both
        if secured(old, name) != secured(new, name)
        and not (old.mesh.is_proxyless(name) or new.mesh.is_proxyless(name))
    )


def steps(
    old: Draft,
    was: Placement,
    new: Draft,
    now: Placement,
    identities: Mapping[str, Identity],
) -> Iterator[dict[str, Snapshot]]:
    """What is to be served on the way, each when the one before is in effect; often nothing.

    ``identities`` are those that either draft wants.
    """
    from mesh_patterns.compile import compile_mesh

    services = turned(old, new)
    if services:
        yield compile_mesh(replace(old, both_ways=services), was, identities)
        yield compile_mesh(replace(new, both_ways=services), now, identities)
