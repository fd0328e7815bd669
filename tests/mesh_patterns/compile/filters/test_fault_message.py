"""Faults as messages; what Envoy does with them is in ``test_chain.py``."""

from __future__ import annotations

from datetime import timedelta

from mesh_patterns.compile.filters.fault import message
from mesh_patterns.draft import Fault
from xds_server.mirror import serialize
from xds_server.protos import envoy_type, fault


def test_a_fault_is_a_message_of_envoys() -> None:
    million = envoy_type.FractionalPercentDenominatorType.MILLION
    percent = envoy_type.FractionalPercent(numerator=5000, denominator=million)
    abort = fault.FaultAbort(http_status=503, percentage=percent)
    made = message(Fault(abort_status=503, abort_percent=0.5))
    assert serialize(made) == serialize(fault.HttpFault(abort=abort))


def test_a_delay_of_nothing_is_none() -> None:
    made = message(Fault(delay=timedelta(0), abort_grpc_status=0))
    assert made.delay is None  # Envoy refuses one of 0 s
    assert made.abort is not None
