"""Requests of a caller without an Envoy: what goes over the pipe, and a probe that gives up."""

from __future__ import annotations

import sys

import pytest

from mesh_traffic import Headers
from mini_mesh.grpc_bootstrap import GrpcNode
from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import GRPC, Outgoing
from mini_mesh.proving.probe import decode, decode_sample, encode, encode_sample, send_as

OUTGOING = Outgoing(
    address="xds:///api",
    host="api",
    method="GET",
    path="/test.Echo/Say",
    headers=Headers.of({"x-user": "jason"}),
    body=b"\xff\x00text",
    count=3,
    concurrency=2,
    timeout=0.5,
    how=GRPC,
)


def test_requests_and_answers_are_the_same_at_both_ends() -> None:
    assert decode(encode(OUTGOING)) == OUTGOING
    sample = Sample(14, 0.25, Headers.of([("a", "1"), ("a", "2")]), "body\n", "no")
    line = encode_sample(sample)
    assert (decode_sample(line), line.count(b"\n")) == (sample, 1)


async def test_without_a_control_plane_nobody_is_reached() -> None:
    samples = await send_as(GrpcNode("web", "test", 1), OUTGOING)
    assert [sample.status for sample in samples] == [14, 14, 14]  # UNAVAILABLE
    assert all("127.0.0.1:1" in sample.error for sample in samples)


async def test_a_probe_that_ends_early_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    samples = await send_as(GrpcNode("web", "test", 1), OUTGOING)
    assert [sample.status for sample in samples] == [-1, -1, -1]
    assert samples[0].error == "the probe for web ended"
