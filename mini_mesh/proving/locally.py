"""A claim's requests through the WASM filters on their way, under wasmtime: the other engine.

No Envoy takes part: see ``bare.py`` for what stands for the mesh. The requests of one claim go
through the same filters one after the other, and each claim has filters of its own: whatever a
filter counts, it counts within one claim.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec, receiver
from mesh_patterns.placement import Placement
from mesh_traffic import Body, Headers, Request
from mini_mesh.certificates.issuer import utc_now
from mini_mesh.proving import judge as judging
from mini_mesh.proving.bare import BareMesh
from mini_mesh.proving.observed import Observed, Sample
from mini_mesh.proving.verdict import Verdict, title
from wasm_filters.errors import WasmError
from wasm_filters.services.upstream import Upstream, answer_of


def judge(claim: ClaimSpec, draft: Draft, placement: Placement) -> Iterator[Verdict]:
    """The claim's verdicts on the answers, as wasmtime gives them.

    The mesh's workloads run where ``placement`` has them.
    """
    bare = BareMesh(draft, placement)
    try:
        way = bare.way(claim.caller(draft.mesh), receiver(claim, draft.mesh) or "")
    except WasmError as error:
        yield _without(claim, "filters that start", str(error))
        return
    if way is None:
        yield _without(claim, "a wasm filter on its way", "none")
        return
    samples = tuple(_send(claim, bare, way))
    if bare.unable:
        yield _without(claim, "an answer to a filter's call", bare.unable)
        return
    for verdict in judging.answered(claim, Observed(samples)):
        yield replace(verdict, claim=f"{verdict.claim} (wasmtime)")


def _without(claim: ClaimSpec, wanted: str, seen: str) -> Verdict:
    """The verdict on a claim of which this engine can say nothing."""
    place = str(claim.place("engines"))
    return Verdict(title(claim, "wasmtime"), wanted, seen, False, place)


def _send(claim: ClaimSpec, bare: BareMesh, way: Upstream) -> Iterator[Sample]:
    request = _request(claim)
    for _ in range(claim.send):
        bare.silent = ""
        start = time.perf_counter()
        response = answer_of(way, request).response
        spent = time.perf_counter() - start
        if response is None:
            yield Sample(-1, spent, error=bare.silent)
        else:
            yield Sample(response.status, spent, response.headers, response.body.text)
        if bare.unable:
            return


def _request(claim: ClaimSpec) -> Request:
    fields = Headers.of((name.lower(), value) for name, value in claim.fields(utc_now()).items())
    data = claim.payload
    return Request(
        method=claim.method,
        path=claim.path,
        authority=claim.host or claim.to or "",
        headers=fields.added("content-length", str(len(data))) if data else fields,
        body=Body(data),
    )
