"""What a route tries again, how often, and where.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#retry-semantics
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.draft import Retries
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import route

_CHOICES = 5  # as in Istio
_AT_ONCE = 1  # tries at a priority, before the next has its turn


def message(retries: Retries) -> route.RetryPolicy:
    """A status among the conditions becomes Envoy's ``retriable-status-codes``."""
    codes = [int(name) for name in retries.retry_on if name.isdigit()]
    names = [name for name in retries.retry_on if not name.isdigit()]
    if codes and "retriable-status-codes" not in names:
        names.append("retriable-status-codes")
    backoff = retries.backoff and route.RetryPolicyRetryBackOff(
        base_interval=retries.backoff[0], max_interval=retries.backoff[1]
    )
    return route.RetryPolicy(
        retry_on=",".join(names),
        num_retries=retries.attempts,
        per_try_timeout=retries.per_try_timeout,
        retriable_status_codes=codes,
        retry_back_off=backoff or None,
        **_elsewhere(retries),
    )


def _elsewhere(retries: Retries) -> dict[str, Any]:
    """Where a retry goes. A host that was asked is chosen anew, so often at most."""
    found: dict[str, Any] = {}
    if retries.other_hosts:
        found["host_selection_retry_max_attempts"] = _CHOICES
        found["retry_host_predicate"] = [
            route.RetryPolicyRetryHostPredicate(
                name="envoy.retry_host_predicates.previous_hosts",
                typed_config=any_of(protos.previous_hosts.PreviousHostsPredicate()),
            )
        ]
    if retries.other_priorities:
        config = protos.previous_priorities.PreviousPrioritiesConfig(update_frequency=_AT_ONCE)
        found["retry_priority"] = route.RetryPolicyRetryPriority(
            name="envoy.retry_priorities.previous_priorities", typed_config=any_of(config)
        )
    return found
