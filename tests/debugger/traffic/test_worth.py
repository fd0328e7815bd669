"""What retries, breakers and TLS did, from counters."""

from __future__ import annotations

from debugger.stats.change import Reading
from debugger.stats.naming import Names
from debugger.traffic.flow import Told
from debugger.traffic.worth import Worth, worth


def test_counters_of_all_envoys_add_up() -> None:
    before = Reading(0, {"cluster.api.upstream_rq_retry_success": 5})
    after = Reading(
        1,
        {
            "cluster.api.upstream_rq_retry_success": 12,
            "cluster.api.upstream_rq_total": 100,
            "cluster.api.ssl.handshake": 1,
            "cluster.api.upstream_rq_pending_overflow": 3,
            "cluster.db.upstream_rq_total": 10,
            "cluster.db.upstream_rq_timeout": 2,
            "cluster.idle.upstream_rq_total": 0,
            "cluster.local_web.upstream_rq_total": 100,
            "cluster.local_web.upstream_rq_timeout": 9,
            "cluster.meshloom_gate.upstream_rq_total": 1,
        },
    )
    told = Told(before, after, Names())
    assert worth({"web": told}) == Worth(masked=7, shed=3, late=2, edges=2, encrypted=1)
    assert worth({"a": told, "b": told}).masked == 14
